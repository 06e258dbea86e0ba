# SPDX-License-Identifier: Apache-2.0
"""Evaluation protocols: which gallery pictures count, and what a report is the mean of.

Owns every rule (who is junk, which queries count, what is drawn); the core counts. One pass over
the distances serves any number of protocols.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mgn_fast import _core
from mgn_fast.common.checks import one_of, true_or_false, whole_number
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.report import Report
from mgn_fast.evaluation.sides import SameCamera, SamePicture, Sides, sides_of
from mgn_fast.types import AnyArray, F64Array, I64Array, Identities

PrecisionRule = Literal["sklearn", "hits", "market1501"]
SingleShot = Literal["no", "expected", "drawn"]

MAX_RANK = 10_000_000
MAX_DRAWS = 10_000
MAX_SEED = 2**64 - 1


@dataclass(frozen=True)
class Protocol:
    """Rules of an evaluation. The defaults are Market-1501's, as `mgn_fast.evaluate` applies them.

    Single-gallery-shot is CUHK03's: a draw keeps one gallery picture of every person, each of his
    pictures as likely as any other, for every query on its own, after what `same_camera` removes.
    Pictures of one person number are one person's, those of distractors (0) too, as in the programs
    that define the protocol. "expected" is the exact mean over all draws there are; "drawn" the
    mean over `draws` of them, which come near it.

    Without a break at the first match, cmc[k - 1] is the mean over queries of the share of their
    matches with fewer than k strangers before them: what cmc would be if each match were alone.
    A draw leaves one match to a query, so that the break changes nothing there.

    Attributes:
        max_rank: entries of the report's cmc, 1 to 10,000,000.
        ap: definition of average precision, as for `mgn_fast.evaluate_distances`.
        same_camera: "drop" removes gallery pictures of the query's person by the query's camera,
            "keep" nothing, "separate" all gallery pictures by the query's camera.
        same_picture: "auto": a picture never finds itself; "keep": it may.
        first_match_break: whether cmc counts a query's first match only.
        single_shot: "no", "expected" or "drawn".
        draws: for "drawn", 1 to 10,000. The draws do not depend on threads or blocks.
        seed: of the draws, 0 to 2^64 - 1.

    Raises:
        InvalidInputError: a value outside these.

    Source:
        Li et al., DeepReID, CVPR 2014 (CUHK03); "separate" and the break as Open-ReID has them.
    """

    max_rank: int = 50
    ap: PrecisionRule = "sklearn"
    same_camera: SameCamera = "drop"
    same_picture: SamePicture = "auto"
    first_match_break: bool = True
    single_shot: SingleShot = "no"
    draws: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_rank", whole_number("max_rank", self.max_rank, 1, MAX_RANK))
        object.__setattr__(self, "draws", whole_number("draws", self.draws, 1, MAX_DRAWS))
        one_of("ap", self.ap, get_args(PrecisionRule))
        one_of("same_camera", self.same_camera, get_args(SameCamera))
        one_of("same_picture", self.same_picture, get_args(SamePicture))
        one_of("single_shot", self.single_shot, get_args(SingleShot))
        true_or_false("first_match_break", self.first_match_break)
        object.__setattr__(self, "seed", whole_number("seed", self.seed, 0, MAX_SEED))

    @property
    def counts_ranks(self) -> bool:
        """True if a query's cmc is a mean over several ranks: with draws, and without the break."""
        return self.single_shot != "no" or not self.first_match_break


@dataclass(frozen=True, eq=False, repr=False)
class ProtocolReport(Report):
    """A report, the protocol it was made by, and the rank of each query's first match.

    Attributes:
        protocol: its options, the seed among them.
        first_match: int64 [Q], the rank of each query's first match, junk removed; 0 without one.
            Of draws it is no single rank, and not told.
    """

    protocol: Protocol
    first_match: I64Array

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers and lists; a query without match is None.

        Returns:
            A dict with the attributes' names as keys.
        """
        return super().to_dict() | {"protocol": asdict(self.protocol)}


class ProtocolTally:
    """Collects what the core finds of each query, block by block, and sums it up.

    Args:
        sides: queries and gallery, by the protocol's `same_camera` and `same_picture`.
        protocol: how to count.
        threads: of the core.

    Attributes:
        sides: as given.
    """

    def __init__(self, sides: Sides, protocol: Protocol, threads: int) -> None:
        query, gallery = sides.query, sides.gallery
        self.sides, self._protocol, self._threads = sides, protocol, threads
        self._ranker = _new_ranker(sides, protocol)
        self._average_precision = np.full(len(query), np.nan)
        self._inverse_negative_penalty = np.full(len(query), np.nan)
        self._first_match = np.zeros(len(query), np.int64)
        self._ranks = np.zeros(min(protocol.max_rank, len(gallery)))

    def add_distances(self, rows: slice, distances: AnyArray) -> None:
        """Counts some queries by their distances to the whole gallery.

        Args:
            rows: which queries.
            distances: float32 or float64, one row each, C order.

        Raises:
            InvalidInputError: a distance is NaN.
        """
        self._add(rows, distances)
        if self._first_match[rows].min() < 0:
            row = int(np.argmin(self._first_match[rows]))
            column = int(np.argmax(np.isnan(distances[row])))
            raise InvalidInputError(
                f"distances has NaN in row {rows.start + row}, column {column}, expected numbers"
            )

    def add_screened(self, rows: slice, block: _core.Screened) -> None:
        """Counts some queries (`rows`) by distances that float64 settles where that decides."""
        self._add(rows, block)

    def _add(self, rows: slice, block: AnyArray | _core.Screened) -> None:
        screened, ranker = isinstance(block, _core.Screened), self._ranker
        rank: Any = ranker.rank_screened if screened else ranker.rank_distances
        identities = self.sides.query_person[rows], self.sides.query_camera[rows]
        if isinstance(ranker, _core.Ranker):
            results = rank(block, *identities, self._threads)
        else:
            ranks = np.empty((rows.stop - rows.start, len(self._ranks)))
            results = rank(block, rows.start, *identities, ranks, self._threads)
            for row in ranks:  # one after the other: blocks must not change the sum's order
                self._ranks += row
        self._average_precision[rows] = results[0]
        self._inverse_negative_penalty[rows] = results[1]
        self._first_match[rows] = results[2]

    @property
    def average_precision(self) -> F64Array:
        """Average precision of the queries counted so far, float64 [Q]; NaN without a match."""
        return self._average_precision

    def require_matches(self) -> None:
        """Raises InvalidInputError, with the reason, if no query can have a match."""
        require_matches(self.sides)

    def report(self, notes: tuple[str, ...] = ()) -> ProtocolReport:
        """The report over all queries; InvalidInputError, with the reason, if none has a match."""
        valid = self._first_match > 0
        if not valid.any():
            raise InvalidInputError(why_nothing_matches(self.sides))
        return ProtocolReport(
            mean_average_precision=float(np.mean(self._average_precision[valid])),
            mean_inverse_negative_penalty=float(np.mean(self._inverse_negative_penalty[valid])),
            cmc=self._cmc(self._first_match[valid]),
            average_precision=self._average_precision,
            num_valid_queries=int(valid.sum()),
            protocol=self._protocol,
            first_match=self._first_match,
            notes=(*self.sides.notes(), *notes),
        )

    def _cmc(self, first: npt.NDArray[np.int64]) -> F64Array:
        found = self._ranks
        if not self._protocol.counts_ranks:
            reached = first[first <= len(found)]
            found = np.bincount(reached - 1, minlength=len(found)).astype(np.float64)
        cmc = np.minimum(found.cumsum() / len(first), 1.0)  # sums of probabilities round
        beyond = self._protocol.max_rank - len(cmc)
        return np.pad(cmc, (0, beyond), mode="edge")


def tally_of(
    query: Identities,
    gallery: Identities,
    protocol: Protocol,
    threads: int,
    embeddings: tuple[AnyArray, AnyArray] | None = None,
) -> ProtocolTally:
    """A tally by a protocol's rules on who leaves whose ranking; `embeddings` as `sides_of`."""
    sides = sides_of(
        query,
        gallery,
        protocol.same_camera,
        embeddings=embeddings,
        same_picture=protocol.same_picture,
    )
    return ProtocolTally(sides, protocol, threads)


def unmatched(sides: Sides) -> tuple[int, int]:
    """Numbers of queries without a match: by an absent person, and by what leaves the ranking.

    Args:
        sides: queries and gallery.

    Returns:
        Queries whose person is not in the gallery, and queries of whom every gallery picture leaves
        the ranking: it is by their own camera, or it is their own picture.
    """
    absent = ~np.isin(sides.query_person, sides.gallery_person)
    if sides.rule == "keep":
        return int(absent.sum()), 0
    by_person: dict[int, set[int]] = {}
    seen = zip(sides.gallery_person.tolist(), sides.gallery_camera.tolist(), strict=True)
    for person, camera in seen:
        by_person.setdefault(person, set()).add(camera)
    pairs = zip(sides.query_person.tolist(), sides.query_camera.tolist(), strict=True)
    removed = sum(by_person.get(person) == {camera} for person, camera in pairs)
    return int(absent.sum()), removed


def require_matches(sides: Sides) -> None:
    """Raises InvalidInputError, with the reason, if labels alone leave no query a match."""
    if sum(unmatched(sides)) == len(sides.query):
        raise InvalidInputError(why_nothing_matches(sides))


def why_nothing_matches(sides: Sides) -> str:
    """The message for a set without a match: what removed how many queries' matches, what to do."""
    absent, removed = unmatched(sides)
    message = (
        f"no query has a match: {absent} of {len(sides.query)} queries show a person who is not in "
        "the gallery"
    )
    if removed == 0:
        return message + "; check that both sets use the same person numbers"
    if sides.same_camera == "keep":
        return message + (
            f"; the other {removed} have no other picture of their person than themselves; "
            "expected persons with two pictures or more"
        )
    return message + (
        f"; for the other {removed} every gallery picture of the person was taken by the query's "
        f"own camera and so removed by same_camera={sides.same_camera!r}; pass same_camera='keep' "
        "to count those, if one camera's pictures of a person are to find each other"
    )


def _new_ranker(sides: Sides, protocol: Protocol) -> _core.Ranker | _core.ShotRanker:
    who = (sides.gallery_person, sides.gallery_camera, protocol.ap, sides.rule)
    if not protocol.counts_ranks:
        return _core.Ranker(*who)
    shots = "every" if protocol.single_shot == "no" else protocol.single_shot
    return _core.ShotRanker(*who, shots, protocol.draws, protocol.seed)
