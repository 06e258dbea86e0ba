# SPDX-License-Identifier: Apache-2.0
"""Pictures and ranked lists as the page and the sheet take them. Values only: nothing is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from mgn_fast.common.checks import one_of
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.models.parts import BodyPart
from mgn_fast.pictures.pixels import Source

Verdict = Literal["query", "match", "junk", "other", "unknown"]
VERDICTS: tuple[str, ...] = get_args(Verdict)


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a ranked list, with what is written under it.

    Attributes:
        name: what it is called; anybody's text.
        path: where it lies; None where there is no file. One that cannot be read becomes a tile
            that says why.
        verdict: what it is to the query, which decides its frame; "unknown" where nobody knows.
        person: who is on it, a number or anybody's word; None if that is not known.
        camera: which camera took it, likewise.
        distance: from the query, in the ranking's units; None for the query itself.
        parts: how near it is to the query part by part; None for none to show.
        note: a few words more, shown under it.
        picture: its bytes or pixels where there is no file.

    Raises:
        InvalidInputError: another verdict.
    """

    name: str
    path: Path | None
    verdict: Verdict
    person: int | str | None = None
    camera: int | str | None = None
    distance: float | None = None
    parts: PartComparison | None = None
    note: str = ""
    picture: Source | None = None

    def __post_init__(self) -> None:
        one_of("verdict", self.verdict, VERDICTS)

    @property
    def source(self) -> Source | None:
        """What to decode: the path, else the picture's bytes or pixels, else None."""
        return self.path if self.path is not None else self.picture


@dataclass(frozen=True, eq=False)
class RankedList:
    """A query and the gallery pictures nearest to it.

    Attributes:
        query: its picture, of verdict "query".
        tiles: by the ranking's name ("plain", "re-ranked"), the gallery pictures, nearest first.
        average_precision: of the query by ranking; None where it has no match or nobody knows.
        first_match: by ranking, the rank of its first match, junk removed; None likewise.
    """

    query: Tile
    tiles: Mapping[str, Sequence[Tile]]
    average_precision: Mapping[str, float | None] = field(default_factory=dict)
    first_match: Mapping[str, int | None] = field(default_factory=dict)


def parts_told(tiles: Iterable[Tile]) -> tuple[BodyPart, ...]:
    """The parts that tiles tell of.

    Args:
        tiles: any.

    Returns:
        In the embedding's order; none where no tile tells of any.

    Raises:
        InvalidInputError: some tell of other parts than others do.
    """
    told = {tile.parts.parts for tile in tiles if tile.parts is not None}
    if len(told) > 1:
        names = [[part.name for part in parts] for parts in told]
        raise InvalidInputError(
            f"some tiles tell of parts {names[0]} and others of {names[1]}, expected the same"
        )
    return told.pop() if told else ()
