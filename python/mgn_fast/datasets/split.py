# SPDX-License-Identifier: Apache-2.0
"""Pictures with who is on each: a split of a data set, or all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mgn_fast.errors import InvalidInputError
from mgn_fast.types import Box, Crop, I32Array, Identities

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
JUNK = -1


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures in order, and who is on each. Iterates over the paths.

    Attributes:
        paths: of the pictures' files, below the set's root.
        identities: person and camera of each; `person` and `camera` give them directly.
        num_junk: pictures of person -1 that were dropped.
        boxes: the part of its file that each picture is; None where pictures are whole files.
        names: what each picture is called: as the set's own list or directory calls it.

    Raises:
        InvalidInputError: paths, identities, boxes and names differ in number.
    """

    paths: tuple[Path, ...]
    identities: Identities
    num_junk: int = 0
    boxes: tuple[Box, ...] | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.names:
            object.__setattr__(self, "names", tuple(path.name for path in self.paths))
        parts = {"identities": self.identities, "boxes": self.boxes, "names": self.names}
        for what, values in parts.items():
            if values is not None and len(values) != len(self.paths):
                raise InvalidInputError(
                    f"paths has {len(self.paths)} entries and {what} {len(values)}; "
                    "expected one of each per picture"
                )

    @property
    def person(self) -> I32Array:
        """Persons, int32 [N]; of numbers 0 is a distractor, except in MSMT17."""
        return self.identities.person

    @property
    def camera(self) -> I32Array | None:
        """The camera of each picture, int32 [N]; None where nobody knows."""
        return self.identities.camera

    @property
    def sources(self) -> list[Path | Crop]:
        """The pictures as an `Embedder` takes them: paths, or crops out of frames."""
        return [self.source(place) for place in range(len(self))]

    def source(self, place: int) -> Path | Crop:
        """The picture at a place as an `Embedder` takes it."""
        path = self.paths[place]
        return path if self.boxes is None else Crop(path, self.boxes[place])

    def without_junk(self, places: Sequence[int]) -> Split:
        """Some of the pictures, less junk, with the numbers and words of all.

        Args:
            places: of the pictures wanted.

        Returns:
            A split in their order, in which `num_junk` counts what was dropped.
        """
        wanted, who = list(places), self.identities
        if who.person_names is None:
            places = [place for place in wanted if who.person[place] != JUNK]
        return Split(
            tuple(self.paths[place] for place in places),
            who.take(places),
            len(wanted) - len(places),
            None if self.boxes is None else tuple(self.boxes[place] for place in places),
            tuple(self.names[place] for place in places),
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Path]:
        return iter(self.paths)


def labelled(
    paths: Sequence[Path],
    names: Sequence[str],
    persons: Sequence[str],
    cameras: Sequence[str] | None,
    boxes: Sequence[Box] | None = None,
) -> Split:
    """A split of pictures whose persons and cameras are somebody's words.

    Args:
        paths: of the pictures.
        names: what they are called; with the box behind it where there are boxes.
        persons: words. Where all of them are whole numbers they are the persons' numbers, of which
            -1 is junk and 0 a distractor, as in Market-1501.
        cameras: words, likewise; None where nobody knows.
        boxes: parts of the files; None for whole files.

    Returns:
        All of them, junk included, in the order given.
    """
    pictures = [
        f"{path.absolute()}{'' if boxes is None else f'#{boxes[place]}'}"
        for place, path in enumerate(paths)
    ]
    if boxes is not None:
        names = [f"{name}#{box}" for name, box in zip(names, boxes, strict=True)]
    camera = None if cameras is None else _numbers_or_words(cameras)
    return Split(
        tuple(paths),
        Identities(_numbers_or_words(persons), camera, pictures=pictures),
        0,
        None if boxes is None else tuple(boxes),
        tuple(names),
    )


def _numbers_or_words(words: Sequence[str]) -> list[int] | list[str]:
    if all(_WHOLE_NUMBER.fullmatch(word) for word in words):
        return [int(word) for word in words]
    return list(words)
