# SPDX-License-Identifier: Apache-2.0
"""Data sets for person re-identification: which pictures are query and gallery, and who is on them.

Reads names and lists, never pictures: `layouts` knows a set's form, `published_counts` its size.
Imports no OpenCV: only `synthetic` needs it, when called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from mgn_fast.common.checks import one_of
from mgn_fast.datasets.layouts import LAYOUTS, Found, Layout, find_root, read_split
from mgn_fast.datasets.published_counts import PUBLISHED, Counts
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.types import I32Array, Identities, PathLike

__all__ = ["Dataset", "Kind", "Split", "count_problems", "load_dataset", "synthetic"]

Kind = Literal[
    "market1501",
    "dukemtmc",
    "occluded-duke",
    "msmt17",
    "cuhk03-np",
    "cuhk03-np-labeled",
    "cuhk03-np-detected",
    "veri776",
    "synthetic",
]


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures in order of name, and who is on each. Iterates over the paths.

    Attributes:
        paths: of the pictures, below the set's root.
        identities: person and camera of each; `person` and `camera` give them directly.
        num_junk: pictures of person -1 that were dropped.

    Raises:
        InvalidInputError: paths and identities differ in length.
    """

    paths: tuple[Path, ...]
    identities: Identities
    num_junk: int = 0

    def __post_init__(self) -> None:
        if len(self.paths) != len(self.identities):
            raise InvalidInputError(
                f"paths has {len(self.paths)} entries and identities {len(self.identities)}; "
                "expected one of each per picture"
            )

    @property
    def person(self) -> I32Array:
        """Persons, int32 [N]; 0 is a distractor, except in MSMT17."""
        return self.identities.person

    @property
    def camera(self) -> I32Array | None:
        """The camera of each picture, int32 [N]; None where nobody knows."""
        return self.identities.camera

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Path]:
        return iter(self.paths)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Query and gallery pictures of one data set, with their persons and cameras.

    Attributes:
        root: the directory that holds the splits.
        kind: which set it is; "cuhk03-np" is replaced by the variant that was found.
        query, gallery: the pictures to embed.
        num_junk: pictures of person -1 in both, which were dropped.
        num_distractors: gallery pictures of person 0, who is never sought; they stay and count
            against.
        notes: what else was noticed while reading, as sentences.
    """

    root: Path
    kind: str
    query: Split
    gallery: Split
    num_junk: int
    num_distractors: int
    notes: tuple[str, ...] = ()


def load_dataset(root: PathLike, kind: Kind = "market1501") -> Dataset:
    """The query and gallery pictures of a data set, with their persons and cameras.

    Order is by name. Junk (person -1) is dropped and counted; distractors (person 0) stay in the
    gallery. MSMT17 has neither and counts its persons from 0, as its lists do. CUHK03-NP comes in
    two variants that score differently: name one, or with "cuhk03-np" give its own directory.
    Sizes are not checked here: see `count_problems`.

    Args:
        root: the set's directory, or the one that holds it under its usual name.
        kind: which set's layout and names to expect.

    Returns:
        Paths below `root` as given.

    Raises:
        InvalidInputError: an unknown kind.
        DatasetError: a missing directory or list, a name or line that does not parse, a picture
            named twice, a listed picture that is missing, or a split without pictures.
    """
    one_of("kind", kind, get_args(Kind))
    layout = LAYOUTS[kind]
    place = find_root(Path(root), layout)
    found_kind = _cuhk03_variant(place, kind) if kind.startswith("cuhk03-np") else kind
    query = read_split(place, layout, layout.query)
    gallery = read_split(place, layout, layout.gallery)
    splits = _split(query, place / layout.query), _split(gallery, place / layout.gallery)
    return Dataset(
        root=place,
        kind=found_kind,
        query=splits[0],
        gallery=splits[1],
        num_junk=splits[0].num_junk + splits[1].num_junk,
        num_distractors=int(np.sum(_is_distractor(splits[1], layout))),
        notes=tuple(_notes(query, gallery, splits, layout)),
    )


def count_problems(dataset: Dataset) -> list[str]:
    """One sentence for each way in which a set's sizes differ from the published ones.

    Args:
        dataset: what `load_dataset` gave.

    Returns:
        Differences in pictures, persons or cameras; none for the true set, and none for the
        synthetic set, which has no published sizes.
    """
    published = PUBLISHED.get(dataset.kind, {})
    problems = []
    for name, split in (("query", dataset.query), ("gallery", dataset.gallery)):
        if name not in published:
            continue
        found = _count(split, LAYOUTS[dataset.kind])
        for unit in ("pictures", "persons", "cameras"):
            ours, theirs = getattr(found, unit), getattr(published[name], unit)
            if theirs is not None and ours != theirs:
                problems.append(f"{name} has {ours:,} {unit}, published {theirs:,}")
    return problems


def synthetic(directory: PathLike, *, persons: int = 50, seed: int = 0) -> Dataset:
    """A small drawn set in Market-1501's layout and naming: real JPEG files, the same for one seed.

    Per person two or three queries and six to eight gallery pictures over four to six cameras; some
    junk, as many distractors as persons, and a few other persons in `bounding_box_train`. A picture
    of person p is the same for every `persons` of at least p.

    Args:
        directory: new, empty, or written by this function before (then it is replaced).
        persons: 1 to 9999.
        seed: 0 upward.

    Returns:
        The set, of kind "synthetic".

    Raises:
        InvalidInputError: persons or seed is outside its range.
        DatasetError: the directory holds other files, or cannot be written.
    """
    from mgn_fast.datasets.drawn_set import write_set

    return load_dataset(write_set(Path(directory), persons=persons, seed=seed), kind="synthetic")


def _cuhk03_variant(place: Path, kind: str) -> str:
    name = place.absolute().name
    if name not in ("labeled", "detected"):
        if kind == "cuhk03-np":
            raise DatasetError(
                f"{str(place)!r} does not say whether it is labeled or detected; "
                "give kind 'cuhk03-np-labeled' or 'cuhk03-np-detected'"
            )
        return kind
    if kind not in ("cuhk03-np", f"cuhk03-np-{name}"):
        raise DatasetError(f"{str(place)!r} is the {name} variant, expected the one of {kind!r}")
    return f"cuhk03-np-{name}"


def _split(found: Found, source: Path) -> Split:
    kept = [i for i, person in enumerate(found.persons) if person != -1]
    num_junk = len(found.paths) - len(kept)
    if not kept:
        raise DatasetError(
            f"{str(source)!r} holds no pictures to use ({num_junk} junk, {len(found.others)} other "
            "files), expected at least one"
        )
    identities = Identities(
        np.array([found.persons[i] for i in kept], np.int32),
        np.array([found.cameras[i] for i in kept], np.int32),
        pictures=[str(found.paths[i].absolute()) for i in kept],
    )
    return Split(tuple(found.paths[i] for i in kept), identities, num_junk)


def _is_distractor(split: Split, layout: Layout) -> npt.NDArray[np.bool_]:
    is_zero: npt.NDArray[np.bool_] = split.person == 0
    return is_zero if layout.zero_is_distractor else np.zeros_like(is_zero)


def _count(split: Split, layout: Layout) -> Counts:
    persons = np.unique(split.person[~_is_distractor(split, layout)])
    cameras = None if split.camera is None else len(np.unique(split.camera))
    return Counts(len(split), len(persons), cameras)


def _notes(
    query: Found, gallery: Found, splits: tuple[Split, Split], layout: Layout
) -> Iterator[str]:
    for name, found in (("query", query), ("gallery", gallery)):
        if found.others:
            yield (
                f"{name} has {len(found.others)} entries that are no pictures and were left out, "
                f"the first {found.others[0]!r}"
            )
    shared = {path.name for path in query.paths} & {path.name for path in gallery.paths}
    if shared:
        yield f"query and gallery share {len(shared)} names, the first {min(shared)!r}"
    distractors = int(np.sum(_is_distractor(splits[0], layout)))
    if distractors:
        yield f"query has {distractors} pictures of person 0, who is nobody sought"
    others = ~_is_distractor(splits[1], layout) & ~np.isin(splits[1].person, splits[0].person)
    if others.any():
        persons = len(np.unique(splits[1].person[others]))
        yield f"gallery has {others.sum()} pictures of {persons} persons whom no query seeks"
