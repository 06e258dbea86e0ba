# SPDX-License-Identifier: Apache-2.0
"""Ranked lists as the page's script reads them: numbers, names, and each thumbnail once.

All text of it goes into the page as JSON in which no `<` is left, and from there into text nodes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from mgn_fast.common.text import printable
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.report.thumbnails import Thumbnail, tiles_of
from mgn_fast.report.thumbnails import source_key as key_of
from mgn_fast.report.tiles import VERDICTS, RankedList, Tile, parts_told

# Thumbnails per element: the script takes one element apart when it first needs one of them.
CHUNK = 64


class ScriptData:
    """What the page's script is given as JSON: lists, and each picture once.

    Args:
        lists: the lists.
        thumbnails: of all their pictures, by `thumbnails.source_key`.
        names: whether names and persons stand under the gallery's pictures.

    Attributes:
        parts: that the lists tell of.

    Raises:
        InvalidInputError: some pictures tell of other parts than others do.
    """

    def __init__(
        self,
        lists: Sequence[RankedList],
        thumbnails: Mapping[Hashable, Thumbnail],
        *,
        names: bool = False,
    ) -> None:
        self._names = names
        self.parts = parts_told(tiles_of(lists))
        self._thumbnails = thumbnails
        readable = [key for key, small in thumbnails.items() if small.jpeg]
        self._files = {key: place for place, key in enumerate(readable)}
        self._pictures: dict[tuple[Any, ...], int] = {}
        self._rows: list[list[Any]] = []
        self._rankings = list(dict.fromkeys(name for entry in lists for name in entry.tiles))
        self._entries = lists
        self._lists = [self._list(entry) for entry in lists]

    def json(self) -> str:
        """Lists, rankings and pictures, as JSON in ASCII without `<`."""
        data = {
            "rankings": [printable(name) for name in self._rankings],
            "verdicts": VERDICTS,
            "parts": [
                [printable(part.name), part.region, part.top, part.bottom] for part in self.parts
            ],
            "chunk": CHUNK,
            "names": self._names,
            "rated": any(entry.average_precision for entry in self._entries),
            "pictures": self._rows,
            "lists": self._lists,
        }
        return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")

    def chunks(self) -> list[str]:
        """The thumbnails, some at a time, as lines of base64."""
        lines = [base64.b64encode(self._thumbnails[key].jpeg).decode() for key in self._files]
        return ["\n".join(lines[at : at + CHUNK]) for at in range(0, len(lines), CHUNK)]

    def _list(self, entry: RankedList) -> dict[str, Any]:
        query = entry.query
        return {
            "q": [self._picture(query), printable(query.note), _parts(query.parts)],
            "ap": [_rounded(entry.average_precision.get(name)) for name in self._rankings],
            "first": [entry.first_match.get(name) for name in self._rankings],
            "t": [
                [self._tile(tile) for tile in entry.tiles.get(name, ())] for name in self._rankings
            ],
        }

    def _tile(self, tile: Tile) -> list[Any]:
        row: list[Any] = [
            self._picture(tile),
            VERDICTS.index(tile.verdict),
            _rounded(tile.distance),
            _parts(tile.parts),
            printable(tile.note),
        ]
        while row[-1] in ("", None):
            row.pop()
        return row

    def _picture(self, tile: Tile) -> int:
        """The number of a picture in the page's table of pictures."""
        key = key_of(tile)
        row = (tile.name, tile.person, tile.camera, key)
        if row not in self._pictures:
            self._pictures[row] = len(self._rows)
            small = self._thumbnails[key]
            about = [printable(tile.name), _shown(tile.person), _shown(tile.camera)]
            told = [self._files[key], small.width, small.height] if small.jpeg else [-1]
            self._rows.append(about + told + ([] if small.jpeg else [printable(small.reason)]))
        return self._pictures[row]


def _shown(label: int | str | None) -> str | None:
    return None if label is None else printable(str(label))


def _rounded(value: float | None) -> float | None:
    """Five significant figures; what is no number is none."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return float(f"{value:.5g}")


def _parts(comparison: PartComparison | None) -> list[int] | None:
    """Contributions, then cosines, in thousandths."""
    if comparison is None:
        return None
    return [round(1000 * value) for value in (*comparison.contributions, *comparison.cosines)]
