# SPDX-License-Identifier: Apache-2.0
"""Data sets for person re-identification: which pictures are query and gallery, and who is on them.

Reads names and lists, never pictures: `layouts` knows a set's form, `published_counts` its size.
Imports no OpenCV: only `synthetic` needs it, when called.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mgn_fast.common.checks import one_of, path_of
from mgn_fast.datasets.folders import read_folders
from mgn_fast.datasets.label_file import read_label_splits
from mgn_fast.datasets.layouts import LAYOUTS, Found, Layout, find_root, own_layout, read_split
from mgn_fast.datasets.published_counts import PUBLISHED, Counts
from mgn_fast.datasets.split import Split
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.types import Identities, PathLike

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
    "own",
    "folders",
    "csv",
]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Query and gallery pictures of one data set, with their persons and cameras.

    Attributes:
        root: the directory that holds the splits, or the table that lists them.
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

    @property
    def splits(self) -> tuple[Split, ...]:
        """Queries and gallery; one split where all pictures are compared with all."""
        return (self.query,) if self.query is self.gallery else (self.query, self.gallery)


def load_dataset(source: Any, kind: Kind = "market1501", *, camera: str | None = None) -> Dataset:
    """The query and gallery pictures of a data set, with their persons and cameras.

    Order is by name, of a table its own. Junk (person -1) is dropped and counted; distractors
    (person 0) stay in the gallery. MSMT17 has neither and counts its persons from 0, as its lists
    do. CUHK03-NP comes in two variants that score differently: name one, or with "cuhk03-np" give
    its own directory. Sizes are not checked here: see `count_problems`.

    Three kinds are for sets of one's own. Persons and cameras may be words there, cameras may be
    unknown, and a set that is not split is compared all against all: then `query` and `gallery` are
    one object, and no picture finds itself.

      "own": names such as Market-1501's, person, "_c" and camera, with any number of digits, in the
        directories `query` and `bounding_box_test` or `gallery`, or in the root itself;
      "folders": a directory per person, in `query` and `gallery` or in the root itself;
      "csv": a table, see `label_file.read_labels`: path, person, and where they are known camera,
        split and a box.

    Args:
        source: the set's directory, or the one that holds it under its usual name; for "csv" a
            .csv, .tsv, .json, .jsonl or .parquet file or a DataFrame.
        kind: which set's layout and names to expect.
        camera: for "folders", a regular expression that finds the camera in a picture's path below
            its person's directory: its first group, or all that it matches.

    Returns:
        Paths below `source` as given.

    Raises:
        InvalidInputError: an unknown kind, or `camera` with another one.
        DatasetError: a missing directory, table or list, a name or line that does not parse, a
            picture named twice, a listed picture that is missing, or a split without pictures.
        RuntimeUnavailableError: a .parquet file, and pyarrow is not installed.
    """
    one_of("kind", kind, get_args(Kind))
    if camera is not None and kind != "folders":
        raise InvalidInputError(f"camera is {camera!r} and kind {kind!r}, expected kind 'folders'")
    if kind == "csv":
        is_path = isinstance(source, (str, os.PathLike))
        return _own_set(Path(source) if is_path else Path.cwd(), kind, *read_label_splits(source))
    root = path_of("source", source)
    if kind == "folders":
        return _own_set(root, kind, *read_folders(root, camera))
    layout = own_layout(root) if kind == "own" else LAYOUTS[kind]
    if kind == "own" and layout.query == layout.gallery:
        return _own_in_one_directory(root, layout)
    place = find_root(root, layout)
    found_kind = _cuhk03_variant(place, kind) if kind.startswith("cuhk03-np") else kind
    query = read_split(place, layout, layout.query)
    gallery = read_split(place, layout, layout.gallery)
    splits = _split(query, place / layout.query), _split(gallery, place / layout.gallery)
    return _dataset(place, found_kind, splits, layout, _notes(query, gallery, splits, layout))


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


def _dataset(
    root: Path, kind: str, splits: tuple[Split, Split], layout: Layout, notes: Iterable[str]
) -> Dataset:
    query, gallery = splits
    return Dataset(
        root=root,
        kind=kind,
        query=query,
        gallery=gallery,
        num_junk=gallery.num_junk + (0 if query is gallery else query.num_junk),
        num_distractors=int(np.sum(_is_distractor(gallery, layout))),
        notes=tuple(notes),
    )


def _own_set(root: Path, kind: str, query: Split, gallery: Split, notes: list[str]) -> Dataset:
    layout = LAYOUTS["own"]
    said = [*notes, *_notes_on_persons(query, gallery, layout)]
    return _dataset(root, kind, (query, gallery), layout, said)


def _own_in_one_directory(root: Path, layout: Layout) -> Dataset:
    found = read_split(root, layout, ".")
    both = _split(found, root)
    said = "there are no directories 'query' and 'bounding_box_test' or 'gallery': every picture"
    notes = [f"{said} is a query among all others", *_notes_on_others("it", found)]
    notes += _notes_on_persons(both, both, layout)
    return _dataset(root, "own", (both, both), layout, notes)


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
    counts = layout.zero_is_distractor and split.identities.person_names is None
    return is_zero if counts else np.zeros_like(is_zero)


def _count(split: Split, layout: Layout) -> Counts:
    persons = np.unique(split.person[~_is_distractor(split, layout)])
    cameras = None if split.camera is None else len(np.unique(split.camera))
    return Counts(len(split), len(persons), cameras)


def _notes(
    query: Found, gallery: Found, splits: tuple[Split, Split], layout: Layout
) -> Iterator[str]:
    yield from _notes_on_others("query", query)
    yield from _notes_on_others("gallery", gallery)
    shared = {path.name for path in query.paths} & {path.name for path in gallery.paths}
    if shared:
        yield f"query and gallery share {len(shared)} names, the first {min(shared)!r}"
    yield from _notes_on_persons(*splits, layout)


def _notes_on_others(name: str, found: Found) -> Iterator[str]:
    if found.others:
        yield (
            f"{name} has {len(found.others)} entries that are no pictures and were left out, "
            f"the first {found.others[0]!r}"
        )


def _notes_on_persons(query: Split, gallery: Split, layout: Layout) -> Iterator[str]:
    distractors = int(np.sum(_is_distractor(query, layout)))
    if distractors:
        yield f"query has {distractors} pictures of person 0, who is nobody sought"
    others = ~_is_distractor(gallery, layout) & ~np.isin(gallery.person, query.person)
    if others.any():
        persons = len(np.unique(gallery.person[others]))
        yield f"gallery has {others.sum()} pictures of {persons} persons whom no query seeks"
    cameras = [split.camera for split in (query, gallery) if split.camera is not None]
    if cameras and len(np.unique(np.concatenate(cameras))) == 1:
        yield (
            "all pictures are by one camera, whose pictures of a person do not find each other "
            "unless same_camera is 'keep'"
        )
