# SPDX-License-Identifier: Apache-2.0
"""Which row of a file of embeddings is which picture of a split: by their names, or in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from mgn_fast.cli.screen.progress import say
from mgn_fast.datasets.split import Split
from mgn_fast.embedding.embeddings_file import Embeddings
from mgn_fast.errors import DatasetError
from mgn_fast.types import AnyArray

# Names are compared by so many of their last parts: a table and an embeddings file may start from
# different directories.
_MOST_PARTS = 6


def rows_of_split(
    read: Embeddings, path: Path, split: Split, what: str
) -> tuple[AnyArray, list[str]]:
    """The split's rows among those of a file: by name where it has names, else one for one.

    Args:
        read: the file's rows.
        path: of the file, for messages.
        split: the pictures.
        what: the split's name, for what is said.

    Returns:
        A row for each picture, and what a reader of the figures must know of that.

    Raises:
        DatasetError: the file lacks pictures, or it cannot be told which row is whose.
    """
    if read.names is not None:
        return read.rows[_places(read.names, split, path, what)], []
    if len(read.rows) != len(split):
        raise DatasetError(
            f"{str(path)!r} has {len(read.rows)} rows and no names, expected one for each of the "
            f"{len(split)} {what} pictures in their order"
        )
    note = (
        f"{path} has no names; its rows are taken in order of the {len(split)} {what} pictures, "
        "which nobody can check: of rows in another order the figures mean nothing. Put the names "
        f"beside it, one a line, in {path.with_suffix('.txt').name}"
    )
    say(f"warning: {note}", always=True)
    return read.rows, [note]


def _places(names: Sequence[str], split: Split, path: Path, what: str) -> list[int]:
    """The row of each picture, by names whole, and then by ever fewer of their last parts."""
    ways: list[Callable[[str], object]] = [lambda name: name]
    ways += [_last_parts(count) for count in range(_MOST_PARTS, 0, -1)]
    fewest: list[str] | None = None
    for way in ways:
        for called in (split.names, tuple(map(str, _absolute(split)))):
            rows = {way(name): row for row, name in enumerate(names)}
            keys = [way(name) for name in called]
            if len(rows) != len(names) or len(set(keys)) != len(keys):
                continue  # by so few parts they are not told apart
            missing = [name for name, key in zip(split.names, keys, strict=True) if key not in rows]
            if not missing:
                return [rows[key] for key in keys]
            if fewest is None or len(missing) < len(fewest):
                fewest = missing
    if fewest is None:
        raise DatasetError(
            f"{str(path)!r} has rows of one name, expected names that tell the {what} pictures "
            "apart"
        )
    raise DatasetError(
        f"{str(path)!r} lacks {len(fewest)} of {len(split)} {what} pictures, the first "
        f"{fewest[0]!r}; its own first is {names[0]!r}"
    )


def _absolute(split: Split) -> list[str]:
    """The pictures' paths; of crops with their boxes, as galleries call them."""
    return [str(path.absolute()) for path in split.paths] if split.boxes is None else [*split.names]


def _last_parts(count: int) -> Callable[[str], object]:
    return lambda name: PurePath(name).parts[-count:]
