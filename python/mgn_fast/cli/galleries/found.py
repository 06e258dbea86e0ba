# SPDX-License-Identifier: Apache-2.0
"""A finished search as data: what was sought, and what was found for each query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.evaluation.report import Ranking
from mgn_fast.gallery.finding.refining import Refinement
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.index_file import IndexSettings
from mgn_fast.types import AnyArray

Known = Mapping[str, Any]


@dataclass(frozen=True)
class QueryPicture:
    """A picture of a query.

    Attributes:
        name: what it is called.
        path: its file; None for an embedding.
        sha256: of its file; None likewise.
        known: who is on it, by --labels or by the gallery that holds it: "person", "camera".
    """

    name: str
    path: Path | None = None
    sha256: str | None = None
    known: Known = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Queries:
    """What is sought: a name, an embedding, and the pictures that it is of.

    Attributes:
        simulated: whether a simulated NPU made embeddings among them.
    """

    names: list[str]
    rows: AnyArray
    pictures: list[tuple[QueryPicture, ...]]
    simulated: bool = False

    def known(self, query: int) -> dict[str, Any]:
        """What is known of a query: what those of its pictures say that say it, where all agree."""
        said: dict[str, list[Any]] = {}
        for picture in self.pictures[query]:
            for key, value in picture.known.items():
                said.setdefault(key, []).append(value)
        return {key: each[0] for key, each in said.items() if each.count(each[0]) == len(each)}


@dataclass(frozen=True, eq=False)
class Search:
    """A finished search: its gallery, its queries and what was found for each.

    Attributes:
        gallery: what was searched.
        queries: what was sought.
        ranking: places and distances, a row for each query; place -1 where there is none.
        reranked: whether distances are re-ranked ones.
        parts: how near each query's pictures are part by part; None if nobody asked.
        index: the settings of the index that proposed the pictures; None for exact search.
        refinement: what was asked besides.
    """

    gallery: Gallery
    queries: Queries
    ranking: Ranking
    reranked: bool
    parts: list[tuple[PartComparison, ...]] | None
    index: IndexSettings | None
    refinement: Refinement

    def places(self, query: int) -> list[int]:
        """Where a query's pictures are in the gallery, nearest first."""
        places: list[int] = self.ranking.indices[query].tolist()
        return [place for place in places if place >= 0]

    def left_out(self, query: int) -> Sequence[int]:
        """Places of a query's own pictures, which were not to be found."""
        left_out = self.refinement.left_out
        return () if left_out is None else sorted(left_out[query])


def entries(search: Search, query: int) -> Iterator[dict[str, Any]]:
    """What a query found, nearest first.

    Args:
        search: finished.
        query: its number.

    Yields:
        Rank from 1; the gallery's file and the place in it; name and distance; person and camera,
        None where nobody knows; and, if asked for, parts.
    """
    gallery, ranking = search.gallery, search.ranking
    for rank, place in enumerate(search.places(query)):
        origin, own_place = gallery.origin(place)
        label = gallery.label(place)
        entry: dict[str, Any] = {
            "rank": rank + 1,
            "gallery": None if origin.path is None else str(origin.path),
            "place": own_place,
            "name": gallery.name(place),
            "distance": float(ranking.distances[query, rank]),
            "person": label.get("person"),
            "camera": label.get("camera"),
        }
        if search.parts is not None:
            compared = search.parts[query][rank]
            entry["parts"] = [
                {"name": part.name, "contribution": adds, "cosine": cosine}
                for part, adds, cosine in zip(
                    compared.parts, compared.contributions, compared.cosines, strict=True
                )
            ]
        yield entry
