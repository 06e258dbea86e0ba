# SPDX-License-Identifier: Apache-2.0
"""The two sides of an evaluation, and which gallery pictures leave a query's ranking.

Owns two rules besides that of the cameras: a picture never finds itself, and where cameras are not
known no picture is junk. The core knows one rule, so both are told to it as cameras.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mgn_fast.common.checks import one_of
from mgn_fast.errors import InvalidInputError
from mgn_fast.types import AnyArray, I32Array, Identities

SameCamera = Literal["drop", "keep", "separate"]
SamePicture = Literal["auto", "keep"]


@dataclass(frozen=True, eq=False)
class Sides:
    """Queries and gallery as they are counted. Made by `sides_of`.

    Attributes:
        query, gallery: persons and cameras as given, with words numbered alike.
        same_camera: the rule for pictures by the query's camera; "keep" where cameras are not
            known.
        own: int32 [Q], the gallery's column that is the query's own picture, -1 where none is;
            None where no query has one.
        rule: for the core: on these cameras it removes what `same_camera` removes, and
            each query's own picture.
        query_camera: int32 [Q], for the core only.
        gallery_camera: int32 [G], for the core only.
    """

    query: Identities
    gallery: Identities
    same_camera: SameCamera
    own: I32Array | None
    rule: SameCamera
    query_camera: I32Array
    gallery_camera: I32Array

    @property
    def query_person(self) -> I32Array:
        """The person on every query, int32 [Q]."""
        return self.query.person

    @property
    def gallery_person(self) -> I32Array:
        """The person on every gallery picture, int32 [G], numbered as the queries' are."""
        return self.gallery.person

    @property
    def num_own(self) -> int:
        """Number of queries whose own picture is in the gallery and left out of their ranking."""
        return 0 if self.own is None else int((self.own >= 0).sum())

    def leave(self, query: int, columns: AnyArray) -> npt.NDArray[np.bool_]:
        """Which of some gallery pictures leave a query's ranking before anything is counted."""
        by_camera = self.gallery_camera[columns] == self.query_camera[query]
        same = self.gallery_person[columns] == self.query_person[query]
        if self.rule == "keep":
            return np.zeros(len(columns), np.bool_)
        return np.asarray(by_camera if self.rule == "separate" else by_camera & same)

    def notes(self) -> tuple[str, ...]:
        """What a reader of the figures must know of who was compared, as sentences."""
        said = []
        if self.query.camera is None:
            said.append("cameras are not known: no picture is junk")
        if self.num_own:
            said.append(
                f"{self.num_own:,} of {len(self.query):,} queries are pictures of the gallery too: "
                "each query's own picture is left out of its ranking"
            )
        return tuple(said)


def sides_of(
    query: Identities,
    gallery: Identities,
    same_camera: SameCamera,
    *,
    embeddings: tuple[AnyArray, AnyArray] | None = None,
    same_picture: SamePicture = "auto",
) -> Sides:
    """The sides of an evaluation, and who leaves whose ranking.

    Args:
        query: who is on every query.
        gallery: who is on every gallery picture.
        same_camera: "drop", "keep" or "separate".
        embeddings: of both, as the caller gave them: rows that are the same memory are the same
            picture.
        same_picture: "auto": a query's own picture leaves its ranking, which is the gallery picture
            of the same row of the same array, or that is known by the same (`pictures`); "keep":
            it stays, at distance 0.

    Returns:
        The sides.

    Raises:
        InvalidInputError: identities that are none or empty; cameras that only one side has, or
            that nobody knows and `same_camera` is "separate"; words on one side and numbers on the
            other; one picture with two persons or cameras; another rule.
    """
    one_of("same_camera", same_camera, get_args(SameCamera))
    one_of("same_picture", same_picture, get_args(SamePicture))
    for name, identities in (("query", query), ("gallery", gallery)):
        if not isinstance(identities, Identities):
            raise InvalidInputError(f"{name} is {type(identities)}, expected Identities")
        if len(identities) == 0:
            raise InvalidInputError(f"{name} has 0 pictures, expected at least one")
    gallery = gallery.numbered_like(query)
    has_cameras = _have_cameras(query, gallery)
    if not has_cameras and same_camera == "separate":
        raise InvalidInputError(
            "same_camera is 'separate', but cameras are not known; expected Identities with "
            "cameras, or same_camera='keep'"
        )
    effective: SameCamera = same_camera if has_cameras else "keep"
    own = _own_columns(query, gallery, embeddings) if same_picture == "auto" else None
    if own is not None:
        _require_same_labels(query, gallery, own)
    return Sides(query, gallery, effective, own, *_for_core(query, gallery, effective, own))


def require_same_number(name: str, count: int, other: str, expected: int) -> None:
    """Refuses identities of another number than there are embeddings."""
    if count != expected:
        raise InvalidInputError(
            f"{name} has {count} identities and {other} {expected} rows, expected one of each per "
            "picture"
        )


def _have_cameras(query: Identities, gallery: Identities) -> bool:
    if (query.camera is None) != (gallery.camera is None):
        names = ("query", "gallery") if query.camera is not None else ("gallery", "query")
        raise InvalidInputError(
            f"{names[0]} has cameras and {names[1]} has none; expected cameras on both sides, or "
            "on neither"
        )
    return query.camera is not None


def _own_columns(
    query: Identities, gallery: Identities, embeddings: tuple[AnyArray, AnyArray] | None
) -> I32Array | None:
    own = np.full(len(query), -1, np.int32)
    if query.pictures is not None and gallery.pictures is not None:
        place = {picture: column for column, picture in enumerate(gallery.pictures)}
        if len(place) != len(gallery):
            twice = next(p for c, p in enumerate(gallery.pictures) if place[p] != c)
            raise InvalidInputError(
                f"gallery lists picture {twice!r} twice, expected each picture once"
            )
        own[:] = [place.get(picture, -1) for picture in query.pictures]
    # Rows of another number than there are identities are refused by who counts them.
    if embeddings is not None and [*map(len, embeddings)] == [len(query), len(gallery)]:
        rows = _same_rows(*embeddings)
        if rows is not None:
            own = np.where(rows >= 0, rows, own)
    return own if (own >= 0).any() else None


def _same_rows(query: Any, gallery: Any) -> I32Array | None:
    """For each row of one array, the row of the other that is the same memory; -1 for none."""
    if not all(isinstance(side, np.ndarray) and side.ndim == 2 for side in (query, gallery)):
        return None
    alike = query.dtype == gallery.dtype and query.shape[1] == gallery.shape[1]
    if (
        not alike
        or query.strides[1] != gallery.strides[1]
        or not np.may_share_memory(query, gallery)
    ):
        return None
    if 0 in (query.strides[0], gallery.strides[0]):  # rows that are one and the same in memory
        return None
    places = _addresses(gallery)
    order = np.argsort(places)
    wanted = _addresses(query)
    found = order[np.minimum(np.searchsorted(places, wanted, sorter=order), len(order) - 1)]
    return np.where(places[found] == wanted, found, -1).astype(np.int32)


def _addresses(rows: AnyArray) -> AnyArray:
    first = rows.__array_interface__["data"][0]
    return np.asarray(first + np.arange(len(rows), dtype=np.int64) * rows.strides[0])


def _require_same_labels(query: Identities, gallery: Identities, own: I32Array) -> None:
    rows = np.flatnonzero(own >= 0)
    columns = own[rows]
    labels = [("persons", query.person, gallery.person)]
    if query.camera is not None and gallery.camera is not None:
        labels.append(("cameras", query.camera, gallery.camera))
    for what, ours, theirs in labels:
        unlike = np.flatnonzero(ours[rows] != theirs[columns])
        if len(unlike):
            row, column = int(rows[unlike[0]]), int(columns[unlike[0]])
            raise InvalidInputError(
                f"query row {row} and gallery row {column} are one picture, with {what} "
                f"{ours[row]} and {theirs[column]}; expected the same, or same_picture='keep' if "
                "they are different pictures"
            )


def _for_core(
    query: Identities, gallery: Identities, same_camera: SameCamera, own: I32Array | None
) -> tuple[SameCamera, I32Array, I32Array]:
    """The one rule of the core, and cameras by which it removes what `Sides` says."""
    if same_camera != "keep" and query.camera is not None and gallery.camera is not None:
        return same_camera, query.camera, gallery.camera  # a picture is by its own camera
    if own is None:
        return "keep", np.zeros(len(query), np.int32), np.zeros(len(gallery), np.int32)
    # Every gallery picture is by a camera of its own, which is the query's where it is the query.
    return "drop", own, np.arange(len(gallery), dtype=np.int32)
