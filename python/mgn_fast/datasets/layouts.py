# SPDX-License-Identifier: Apache-2.0
"""Where each data set keeps its pictures and how it names them, and the reading of both.

Ids are matched on a file's own name, anchored at its start: a directory above never decides them.
Knows names and lists only; no picture is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from mgn_fast.common.files import is_directory, is_regular_file, read_limited
from mgn_fast.common.walking import is_kept_out
from mgn_fast.errors import DatasetError

# Of the formats that are decoded, in any case.
PICTURE_SUFFIXES = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".ppm", ".pgm", ".pnm", ".webp",
    }
)  # fmt: skip
MAX_LIST_BYTES = 64 * 2**20

_INT32_DIGITS = 9


@dataclass(frozen=True)
class Layout:
    """Where one data set keeps its pictures, and how it names them.

    Attributes:
        query, gallery: a directory, or for `lists` a list file, below the root.
        inside: where the set may lie below a root that is not the set itself.
        name: matches a picture's name at its start; groups are person and camera. With `lists` the
            only group is the camera.
        example: such a name, for messages.
        pictures: directories that listed paths may start from; empty where there are no lists.
        zero_is_distractor: person 0 is a distractor. MSMT17 counts its persons from 0.
    """

    query: str
    gallery: str
    inside: tuple[str, ...]
    name: re.Pattern[str]
    example: str
    pictures: tuple[str, ...] = ()
    zero_is_distractor: bool = True


@dataclass(frozen=True)
class Found:
    """Pictures of one split as found, in order of name, junk (person -1) included.

    Attributes:
        paths: of the pictures.
        persons, cameras: of each.
        others: names that are no pictures and were left out, without hidden files and Thumbs.db.
    """

    paths: list[Path]
    persons: list[int]
    cameras: list[int]
    others: list[str]


# One camera digit, then no digit: VeRi's c001 must not be read as camera 0.
_MARKET_NAME = re.compile(r"(-1|\d{1,4})_c(\d)(?!\d)", re.ASCII)
# A set of one's own ends its digits wherever it likes.
_OWN_NAME = re.compile(r"(-1|\d{1,9})_c(\d{1,9})(?!\d)", re.ASCII)
_VERI_NAME = re.compile(r"(\d{1,4})_c(\d{3})(?!\d)", re.ASCII)
_MSMT17_NAME = re.compile(r"\d+_\d+_(\d{1,3})_", re.ASCII)
_REMEDY = (
    "; for a set of your own there are the kinds 'own' (names with person and camera, any number "
    "of digits), 'folders' (a directory per person) and 'csv' (labels in a table), and Identities "
    "beside embeddings"
)
_CUHK03_HOMES = ("", "CUHK03-NP/", "cuhk03-np/")


def _market_like(*inside: str, example: str = "0002_c1s1_000451_03.jpg") -> Layout:
    return Layout("query", "bounding_box_test", inside, _MARKET_NAME, example)


def _cuhk03(*variants: str) -> Layout:
    inside = tuple(home + variant for home in _CUHK03_HOMES for variant in variants)
    return _market_like(*inside, example="0001_c1_1.png")


LAYOUTS: dict[str, Layout] = {
    "market1501": _market_like("Market-1501-v15.09.15", "market1501/Market-1501-v15.09.15"),
    "dukemtmc": _market_like(
        "DukeMTMC-reID", "dukemtmc-reid/DukeMTMC-reID", example="0001_c2_f0046182.jpg"
    ),
    "occluded-duke": _market_like(
        "Occluded_Duke", "Occluded-DukeMTMC-reID", example="0001_c2_f0046182.jpg"
    ),
    "cuhk03-np": _cuhk03("labeled", "detected"),
    "cuhk03-np-labeled": _cuhk03("labeled"),
    "cuhk03-np-detected": _cuhk03("detected"),
    "msmt17": Layout(
        "list_query.txt",
        "list_gallery.txt",
        ("MSMT17_V1", "MSMT17_V2", "msmt17/MSMT17_V1", "msmt17/MSMT17_V2"),
        _MSMT17_NAME,
        "0000_000_01_0303morning_0015_0.jpg",
        pictures=("test", "mask_test_v2"),
        zero_is_distractor=False,
    ),
    "veri776": Layout(
        "image_query", "image_test", ("veri", "VeRi"), _VERI_NAME, "0001_c001_00016450_0.jpg"
    ),
    "synthetic": _market_like(),
    "own": Layout("query", "bounding_box_test", (), _OWN_NAME, "0012345_c10_whatever.jpg"),
}


def find_root(root: Path, layout: Layout) -> Path:
    """The directory that holds the set: `root`, or one of its usual places below it.

    Args:
        root: given by the user.
        layout: of the kind asked for.

    Returns:
        `root` itself if it holds the set, else the only complete place below it.

    Raises:
        DatasetError: nothing there, no complete set, or more than one.
    """
    if not is_directory(root):
        is_file = is_regular_file(root)
        state = "is a file" if is_file else "does not exist"
        remedy = "; a table of labels is of kind 'csv'" if is_file else ""
        raise DatasetError(f"root {str(root)!r} {state}, expected the data set's directory{remedy}")
    if not _missing(root, layout):
        return root
    below = [root / name for name in layout.inside]
    complete = [place for place in below if not _missing(place, layout)]
    different = {place.resolve(): place for place in complete}
    if len(different) == 1:
        return complete[0]
    if different:
        places = " and ".join(str(place) for place in complete)
        raise DatasetError(f"root {str(root)!r} holds {places}; give the directory of one of them")
    looked = [f"{place} {_missing(place, layout)}" for place in (root, *below)]
    raise DatasetError(
        f"root {str(root)!r} holds no such data set (one of your own may be of the kinds 'own', "
        f"'folders' or 'csv'): {'; '.join(looked)}"
    )


def own_layout(root: Path) -> Layout:
    """The layout of kind "own" that a directory has: its splits' names, or one that is the root.

    Args:
        root: given by the user.

    Returns:
        A layout; where `query` and `gallery` are equal, the set is not split.
    """
    layout = LAYOUTS["own"]
    if is_directory(root / layout.gallery) or not is_directory(root):
        return layout
    if is_directory(root / "gallery"):
        return replace(layout, gallery="gallery")
    if is_directory(root / layout.query):
        return layout  # half a set, which `find_root` refuses
    return replace(layout, query=".", gallery=".")


def _missing(place: Path, layout: Layout) -> str:
    """A sentence on why a place does not hold the set; "" where it does."""
    if not is_directory(place):
        return "is not there"
    is_there = is_regular_file if layout.pictures else is_directory
    missing = [name for name in (layout.query, layout.gallery) if not is_there(place / name)]
    if layout.pictures and not any(is_directory(place / name) for name in layout.pictures):
        missing.append(" or ".join(layout.pictures))
    return f"has no {' and no '.join(missing)}" if missing else ""


def read_split(root: Path, layout: Layout, name: str) -> Found:
    """Pictures, persons and cameras of one split, in order of the pictures' names.

    Args:
        root: what `find_root` gave.
        layout: of the set.
        name: the layout's `query` or `gallery`.

    Returns:
        Every picture with its ids, junk included.

    Raises:
        DatasetError: a name or a line does not parse, or a picture is listed twice or missing.
    """
    if layout.pictures:
        return _read_list(root / name, _listed_from(root, layout), layout)
    return _read_directory(root / name, layout)


def parse_name(name: str, layout: Layout) -> tuple[int, int]:
    """Person and camera that a picture's own name says.

    Args:
        name: without directories.
        layout: of a set whose names hold both.

    Returns:
        Person (-1 junk) and camera.

    Raises:
        DatasetError: the name does not start as the set's names do.

    Example:
        >>> parse_name("0002_c1s1_000451_03.jpg", LAYOUTS["market1501"])
        (2, 1)
    """
    match = layout.name.match(name)
    if match is None:
        raise DatasetError(f"picture {name!r} is not named like {layout.example!r}")
    return int(match[1]), int(match[2])


def _read_directory(directory: Path, layout: Layout) -> Found:
    names: list[str] = []
    others: list[str] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if is_kept_out(entry.name, is_directory=entry.is_dir()):
                    continue
                is_picture = Path(entry.name).suffix.lower() in PICTURE_SUFFIXES
                (names if is_picture and not entry.is_dir() else others).append(entry.name)
    except OSError as error:
        raise DatasetError(f"{str(directory)!r} cannot be read: {error.strerror}") from error
    names.sort()
    _refuse_repeats((Path(name).stem for name in names), f"{str(directory)!r}")
    try:
        ids = [parse_name(name, layout) for name in names]
    except DatasetError as error:
        raise DatasetError(f"{error}, in {str(directory)!r}{_REMEDY}") from None
    return Found(
        [directory / name for name in names],
        [p for p, _ in ids],
        [c for _, c in ids],
        sorted(others),
    )


def _refuse_repeats(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DatasetError(f"{where} names {name!r} twice, expected each picture once")
        seen.add(name)


def _listed_from(root: Path, layout: Layout) -> Path:
    found = [name for name in layout.pictures if is_directory(root / name)]
    if len(found) > 1:
        raise DatasetError(
            f"root {str(root)!r} holds {' and '.join(found)}, expected one of them: "
            "the lists do not say which one they mean"
        )
    return root / found[0]


def _read_list(path: Path, pictures: Path, layout: Layout) -> Found:
    rows = []
    for number, line in enumerate(_read_text(path).split("\n"), 1):
        if line.strip():
            try:
                rows.append(_parse_line(line.rstrip("\r"), layout))
            except DatasetError as error:
                raise DatasetError(f"{path.name} line {number}: {error}") from None
    rows.sort()
    _refuse_repeats((name for name, _, _ in rows), f"{str(path)!r}")
    missing = [name for name, _, _ in rows if not is_regular_file(pictures / name)]
    if missing:
        raise DatasetError(
            f"{path.name} lists {len(missing)} of {len(rows)} pictures that are not below "
            f"{str(pictures)!r}: {', '.join(missing[:3])}{', ...' if missing[3:] else ''}"
        )
    paths = [pictures / name for name, _, _ in rows]
    return Found(paths, [person for _, person, _ in rows], [camera for _, _, camera in rows], [])


def _read_text(path: Path) -> str:
    try:
        return read_limited(path, MAX_LIST_BYTES, DatasetError).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{str(path)!r} is not UTF-8 at byte {error.start}") from error


def _parse_line(line: str, layout: Layout) -> tuple[str, int, int]:
    """Path, person and camera of a list's line; the path may hold spaces, the person is last."""
    name, _, person = line.rstrip(" \t").rpartition(" ")
    if not name or not re.fullmatch(rf"-1|\d{{1,{_INT32_DIGITS}}}", person, re.ASCII):
        raise DatasetError(f"{line[:200]!r} is not a path, a space and a person")
    path = PurePosixPath(name)
    if not name.isprintable():
        raise DatasetError(f"path {name[:200]!r} has characters that no picture's name has")
    if path.is_absolute() or ".." in path.parts:
        raise DatasetError(
            f"path {name[:200]!r} leaves the pictures' directory, expected one below it"
        )
    match = layout.name.match(path.name)
    if match is None or path.suffix.lower() not in PICTURE_SUFFIXES:
        raise DatasetError(f"picture {path.name!r} is not named like {layout.example!r}")
    return str(path), int(person), int(match[1])
