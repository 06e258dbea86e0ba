# SPDX-License-Identifier: Apache-2.0
"""What a page tells of an evaluation beyond its figures, gathered while it runs.

One pass over the distances serves the figures and all of this: nothing is multiplied, and nothing
re-ranked, twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgn_fast.common.checks import whole_number
from mgn_fast.common.threads import thread_count
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.datasets.split import Split
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.body_parts import PartComparison, compare_parts
from mgn_fast.evaluation.measure import BlockObserver
from mgn_fast.evaluation.protocol import Protocol, ProtocolReport
from mgn_fast.evaluation.sides import Sides, sides_of
from mgn_fast.models.contract import MGN_PARTS, Part
from mgn_fast.report.camera_pairs import CameraPairs, CameraPairTally, can_pair
from mgn_fast.report.histograms import DistanceCounter, DistanceHistogram
from mgn_fast.report.nearest import NearestPictures
from mgn_fast.report.tiles import RankedList, Tile, Verdict
from mgn_fast.types import AnyArray, F64Array, I32Array, I64Array, Identities


@dataclass(frozen=True, eq=False)
class RankingFindings:
    """What one pass over the distances showed of one ranking.

    Attributes:
        pairs: mAP by the query's and the gallery's camera; None where there are too many cameras.
        histogram: distances of matches and of others.
        indices: int32 [N, depth], the gallery pictures nearest to each listed query.
        distances: float64 [N, depth].
        average_precision: float64 [Q].
        first_match: int64 [Q]; 0 without a match.
    """

    pairs: CameraPairs | None
    histogram: DistanceHistogram
    indices: I32Array
    distances: F64Array
    average_precision: F64Array
    first_match: I64Array


@dataclass(frozen=True, eq=False)
class Analysis:
    """What the passes over the distances showed of all rankings of a run.

    Attributes:
        sides: queries and gallery, by the protocol's rules.
        protocol: the rules.
        findings: by ranking.
        listed: int64 [N], the queries listed: lowest average precision first, those without a
            match last.
    """

    sides: Sides
    protocol: Protocol
    findings: Mapping[str, RankingFindings]
    listed: I64Array


class AnalysisBuilder:
    """Gathers an analysis while a run is evaluated, ranking by ranking.

    The first ranking decides which queries are listed: those with the lowest average precision.

    Args:
        query: person and camera of every query.
        gallery: person and camera of every gallery picture.
        protocol: the rules; single-gallery-shot is left out.
        lists: queries to list at most, at least 1.
        depth: gallery pictures per list, at least 1.
        embeddings: of both, where rows that are the same memory are the same picture; None where
            `Identities.pictures` says it, or no query is in the gallery.
        threads: of the core; None for MGN_FAST_THREADS or all cores.

    Raises:
        InvalidInputError: an option outside its range.
    """

    def __init__(
        self,
        query: Identities,
        gallery: Identities,
        protocol: Protocol,
        *,
        lists: int = 1000,
        depth: int = 10,
        embeddings: tuple[AnyArray, AnyArray] | None = None,
        threads: int | None = None,
    ) -> None:
        self._protocol = protocol
        self._sides = sides_of(
            query,
            gallery,
            protocol.same_camera,
            embeddings=embeddings,
            same_picture=protocol.same_picture,
        )
        self._lists, self._depth = whole_number("lists", lists, 1), whole_number("depth", depth, 1)
        self._threads = thread_count(threads)
        self._observers: tuple[CameraPairTally | None, DistanceCounter, NearestPictures] | None = (
            None
        )
        self._findings: dict[str, RankingFindings] = {}
        self._listed: I64Array | None = None

    def block_observers(self) -> Sequence[BlockObserver]:
        """New ones, for the next ranking's `measure_embeddings`."""
        sides = self._sides
        wanted = np.arange(len(sides.query)) if self._listed is None else np.sort(self._listed)
        pairs = None
        if can_pair(sides):
            pairs = CameraPairTally(sides, self._protocol, self._threads)
        counter = DistanceCounter(sides)
        sizes = len(sides.query), len(sides.gallery)
        nearest = NearestPictures(wanted, *sizes, depth=self._depth, threads=self._threads)
        self._observers = pairs, counter, nearest
        return (counter, nearest) if pairs is None else (pairs, counter, nearest)

    def add(self, ranking: str, report: ProtocolReport) -> None:
        """Keeps what the observers of the last pass saw, under the ranking's name.

        Args:
            ranking: its name.
            report: of the run they observed.

        Raises:
            InvalidInputError: no observers were asked for.
        """
        if self._observers is None:
            raise InvalidInputError(
                f"ranking {ranking!r} has no observers, expected a run with them"
            )
        (pairs, counter, nearest), self._observers = self._observers, None
        if self._listed is None:
            # NaN sorts last: queries without a match.
            order = np.argsort(report.average_precision, kind="stable")
            self._listed = order[: self._lists]
        places = np.searchsorted(nearest.queries, self._listed)
        self._findings[ranking] = RankingFindings(
            None if pairs is None else pairs.pairs(),
            counter.histogram(),
            nearest.indices[places],
            nearest.distances[places],
            report.average_precision,
            report.first_match,
        )

    def analysis(self) -> Analysis:
        """What the passes so far have shown, for all rankings that were added."""
        listed = np.empty(0, np.int64) if self._listed is None else self._listed
        return Analysis(self._sides, self._protocol, self._findings, listed)


def ranked_lists(
    analysis: Analysis,
    dataset: Dataset,
    embeddings: tuple[AnyArray, AnyArray] | None = None,
    parts: Sequence[Part] = MGN_PARTS,
) -> list[RankedList]:
    """The ranked lists of the queries that are to be shown, hardest first.

    Args:
        analysis: of a run on the dataset.
        dataset: the pictures.
        embeddings: of queries and gallery, to tell the parts of each pair; None to leave them out.
        parts: names and widths of the embeddings' parts: those of their contract, MGN's by default.

    Returns:
        Lists in the analysis' order.

    Raises:
        InvalidInputError: embeddings of another width than the parts together.
    """

    def compared(query: int, pictures: I32Array) -> Sequence[PartComparison | None]:
        if embeddings is None:
            return [None] * len(pictures)
        return compare_parts(embeddings[0][query], embeddings[1][pictures], parts)

    return [
        RankedList(
            query=_tile_of_query(dataset, index),
            tiles={
                ranking: _tiles(analysis, found, dataset, (place, index), compared)
                for ranking, found in analysis.findings.items()
            },
            average_precision={
                ranking: None if np.isnan(precision) else float(precision)
                for ranking, found in analysis.findings.items()
                for precision in [found.average_precision[index]]
            },
            first_match={
                ranking: int(found.first_match[index]) or None
                for ranking, found in analysis.findings.items()
            },
        )
        for place, index in enumerate(analysis.listed.tolist())
    ]


def _tile_of_query(dataset: Dataset, index: int) -> Tile:
    return _tile(dataset.query, index, "query")


def _tile(split: Split, place: int, verdict: Verdict, **found: Any) -> Tile:
    """A picture of a split; of a crop the part of its frame."""
    path, who = split.paths[place], split.identities
    is_file = split.boxes is None
    return Tile(
        path.name if is_file else split.names[place],
        path if is_file else None,
        verdict,
        who.person_word(place),
        who.camera_word(place),
        picture=split.source(place) if not is_file else None,
        **found,
    )


def _tiles(
    analysis: Analysis,
    found: RankingFindings,
    dataset: Dataset,
    at: tuple[int, int],
    compared: Callable[[int, I32Array], Sequence[PartComparison | None]],
) -> list[Tile]:
    place, index = at
    indices = found.indices[place]
    comparisons = compared(index, indices)
    rows = zip(indices.tolist(), found.distances[place].tolist(), comparisons, strict=True)
    return [
        _tile(
            dataset.gallery,
            picture,
            verdict(analysis, index, picture),
            distance=distance,
            parts=comparison,
        )
        for picture, distance, comparison in rows
    ]


def verdict(analysis: Analysis, query: int, picture: int) -> Verdict:
    """What a gallery picture is to a query: "match", "junk" or "other", by the protocol's rule."""
    sides = analysis.sides
    same = sides.query_person[query] == sides.gallery_person[picture]
    by_camera = sides.query_camera[query] == sides.gallery_camera[picture]
    if by_camera and (sides.rule == "separate" or (sides.rule == "drop" and same)):
        return "junk"
    return "match" if same else "other"
