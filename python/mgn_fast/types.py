# SPDX-License-Identifier: Apache-2.0
"""Types that all rooms share: arrays, paths, who is on a picture, and a part of a picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mgn_fast.errors import InvalidInputError

U8Array: TypeAlias = npt.NDArray[np.uint8]
I32Array: TypeAlias = npt.NDArray[np.int32]
F32Array: TypeAlias = npt.NDArray[np.float32]
F64Array: TypeAlias = npt.NDArray[np.float64]
I64Array: TypeAlias = npt.NDArray[np.int64]
AnyArray: TypeAlias = npt.NDArray[Any]
PathLike: TypeAlias = str | os.PathLike[str]
# What NumPy makes an array of: its own arrays, lists, PyTorch's tensors.
ArrayLike: TypeAlias = npt.ArrayLike
# Integers or words in one dimension: a list, an array, a column of a table.
Labels: TypeAlias = npt.ArrayLike


@dataclass(frozen=True)
class Box:
    """A rectangle of a frame in pixels, counted from 0 at the frame's upper left corner.

    Its edges fall between pixels: x and x + width are rounded to whole numbers, halves to even
    ones, as Pillow's `crop` rounds them. What lies outside the frame is cut off later.

    Attributes:
        x, y: of its upper left corner; may be below 0.
        width, height: of it.

    Raises:
        InvalidInputError: a value that is no finite number.

    Example:
        >>> from mgn_fast.pictures import Box
        >>> Box(10, 2.4, 30, 60).edges, str(Box(10, 2.4, 30, 60))
        ((10, 2, 40, 62), '10,2.4,30,60')
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        for name in ("x", "y", "width", "height"):
            value = getattr(self, name)
            if not _is_pixels(value):
                raise InvalidInputError(
                    f"{name} of a box is {value!r:.100}, expected a finite number of pixels"
                )

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom: pixels from left and top up to before right and bottom."""
        right, bottom = self.x + self.width, self.y + self.height
        return round(self.x), round(self.y), round(right), round(bottom)

    def __str__(self) -> str:
        return ",".join(_short(value) for value in (self.x, self.y, self.width, self.height))


@dataclass(frozen=True, eq=False)
class Crop:
    """A part of a frame that stands for a picture of its own, wherever pictures are taken.

    Crops of one frame that come one behind another cost one decoding of it.

    Attributes:
        frame: its path, the bytes of its file, or its pixels.
        box: the part.
        name: by what it is known; None is the frame's path, "#" and the box.

    Example:
        >>> from mgn_fast.pictures import Box, Crop
        >>> str(Crop("cam1/0001.jpg", Box(10, 20, 30, 60)))
        'cam1/0001.jpg#10,20,30,60'
    """

    frame: PathLike | bytes | U8Array
    box: Box
    name: str | None = None

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        is_path = isinstance(self.frame, (str, os.PathLike))
        return f"{os.fspath(self.frame) if is_path else ''}#{self.box}"  # type: ignore[arg-type]


class Identities:
    """Who is on each picture, which camera took it, and which picture it is. Never changes.

    Args:
        person: integers [N], of which 0 marks a distractor, a picture of no person that is sought;
            or words [N], which are numbered from 0 in order of first appearance and mark none.
        camera: integers or words [N]; None where nobody knows, and then no picture is junk.
        pictures: by what each picture is known, such as its path, [N]: a query and a gallery
            picture that are known by the same are the same picture. None where nobody says.

    Attributes:
        person: int32 [N].
        camera: int32 [N], or None.
        person_names: the word of each number, where words were given; else None.
        camera_names: likewise.
        pictures: as given, as a tuple.

    Raises:
        InvalidInputError: neither integers that fit int32 nor words, in one dimension; or lengths
            that differ.

    Example:
        >>> from mgn_fast import Identities
        >>> who = Identities(person=["ann", "bob", "ann"], camera=[1, 1, 2])
        >>> who.person.tolist(), who.person_names
        ([0, 1, 0], ('ann', 'bob'))
    """

    __slots__ = ("camera", "camera_names", "person", "person_names", "pictures")

    def __init__(
        self,
        person: Labels,
        camera: Labels | None = None,
        *,
        pictures: Sequence[str] | None = None,
    ) -> None:
        self.person, self.person_names = _numbers_and_names("person", person)
        self.camera: I32Array | None = None
        self.camera_names: tuple[str, ...] | None = None
        if camera is not None:
            self.camera, self.camera_names = _numbers_and_names("camera", camera)
        self.pictures = None if pictures is None else tuple(pictures)
        for name, values in (("camera", self.camera), ("pictures", self.pictures)):
            if values is not None and len(values) != len(self.person):
                raise InvalidInputError(
                    f"person has {len(self.person)} entries and {name} {len(values)}; "
                    "expected one of each per picture"
                )

    def __len__(self) -> int:
        return len(self.person)

    def __repr__(self) -> str:
        persons = len(np.unique(self.person))
        cameras = "no" if self.camera is None else len(np.unique(self.camera))
        return f"<Identities of {len(self):,} pictures: {persons:,} persons, {cameras} cameras>"

    def person_word(self, place: int) -> str:
        """The person on the picture at a place: the word that was given, else the number."""
        return _word(self.person_names, int(self.person[place]))

    def camera_word(self, place: int) -> str | None:
        """The camera of the picture at a place, as `person_word`; None where nobody knows."""
        return None if self.camera is None else _word(self.camera_names, int(self.camera[place]))

    def label(self, place: int) -> dict[str, str]:
        """The words of the picture at a place: "person", and "camera" where somebody knows it."""
        camera = self.camera_word(place)
        person = {"person": self.person_word(place)}
        return person if camera is None else person | {"camera": camera}

    def take(self, places: Sequence[int] | AnyArray) -> Identities:
        """The identities of some pictures, with the numbers and words of all.

        Args:
            places: of the pictures, [M].

        Returns:
            Identities of length M.
        """
        chosen = np.asarray(places, np.intp)
        pictures = self.pictures
        return self._with(
            person=self.person[chosen],
            camera=None if self.camera is None else self.camera[chosen],
            pictures=None if pictures is None else tuple(pictures[place] for place in chosen),
        )

    def numbered_like(self, other: Identities) -> Identities:
        """The same identities, with words numbered as another set's, so that both compare.

        Args:
            other: e.g. the queries, where these are of the gallery.

        Returns:
            Equal words have equal numbers; this set itself where they have already. Words that the
            other set does not have are numbered after its own.

        Raises:
            InvalidInputError: one set has words where the other has numbers.
        """
        person = _renumbered("person", self.person, self.person_names, other.person_names)
        camera = self.camera, self.camera_names
        if self.camera is not None and other.camera is not None:
            camera = _renumbered("camera", self.camera, self.camera_names, other.camera_names)
        if person[0] is self.person and camera[0] is self.camera:
            return self
        return self._with(
            person=person[0], person_names=person[1], camera=camera[0], camera_names=camera[1]
        )

    def _with(self, **changed: Any) -> Identities:
        new = object.__new__(Identities)
        for name in self.__slots__:
            setattr(new, name, changed.get(name, getattr(self, name)))
        return new


def _numbers_and_names(name: str, values: Labels) -> tuple[I32Array, tuple[str, ...] | None]:
    given: Any = values if hasattr(values, "__array__") else _listed(values)
    given = np.asarray(given, object) if isinstance(given, list) else np.asarray(given)
    if given.ndim != 1 or given.dtype.kind not in "OU":
        return _as_int32(name, values), None
    words = [isinstance(value, str) for value in given]
    if not any(words):
        return _as_int32(name, given.tolist()), None
    if not all(words):
        row = words.index(False)
        raise InvalidInputError(
            f"{name} has words, and {given[row]!r} in row {row}; expected words in all rows, or "
            "integers in all"
        )
    numbers: dict[str, int] = {}
    coded = [numbers.setdefault(str(word), len(numbers)) for word in given]
    return np.array(coded, np.int32), tuple(numbers)


def _listed(values: Any) -> Any:
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str) else values


def _as_int32(name: str, values: Any) -> I32Array:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise InvalidInputError(
            f"{name} is {array.dtype} {array.shape}, expected integers or words in one dimension"
        )
    limits = np.iinfo(np.int32)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise InvalidInputError(
            f"{name} has values from {array.min()} to {array.max()}, expected them to fit int32"
        )
    return np.ascontiguousarray(array, dtype=np.int32)


def _renumbered(
    what: str, numbers: I32Array, names: tuple[str, ...] | None, like: tuple[str, ...] | None
) -> tuple[I32Array, tuple[str, ...] | None]:
    if names == like:
        return numbers, names
    if names is None or like is None:
        raise InvalidInputError(
            f"one set's {what} is words such as {(names or like or ('',))[0]!r} and the other's "
            "is numbers; expected words in both, or numbers in both"
        )
    place = {name: number for number, name in enumerate(like)}
    table = np.array([place.setdefault(name, len(place)) for name in names], np.int32)
    return table[numbers], tuple(place)


def _word(names: tuple[str, ...] | None, number: int) -> str:
    return str(number) if names is None else names[number]


def _is_pixels(value: Any) -> bool:
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    return is_number and not isinstance(value, bool) and abs(value) < 1e9  # NaN is not


def _short(value: float) -> str:
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)
