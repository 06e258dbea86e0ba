# SPDX-License-Identifier: Apache-2.0
"""Galleries: embeddings with names, on disk or in memory, added to and searched.

Owns what users call; `build` adds, `search` searches, `file` knows the bytes.
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mgn_fast.common.checks import output_name
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.gallery.build import Added, GalleryBuilder, adding, named_pictures
from mgn_fast.gallery.edits import shown
from mgn_fast.gallery.file import MERGED_ROWS, Batch, Pictures, merged
from mgn_fast.gallery.finding.refining import Refinement
from mgn_fast.gallery.labels import LabelsByName, LabelTable, updated
from mgn_fast.gallery.model import described, description_of, probe_of, require_same_model
from mgn_fast.gallery.pending import Memory
from mgn_fast.gallery.reader import GalleryFile, read_gallery
from mgn_fast.gallery.search import GalleryRanking, nearest_refined
from mgn_fast.gallery.stored import Stored
from mgn_fast.gallery.writer import SUFFIX, write_gallery
from mgn_fast.types import AnyArray, Crop, F32Array, PathLike

Dtype = Literal["float32", "float16"]


class Gallery(Stored):
    """Embeddings with names: what queries are searched in. Made by `build`, `load` or `of`.

    Never changes; what another process adds to its file is seen by a new `load`. Safe for several
    threads.

    Attributes:
        probe: the probe picture's embedding by its model; empty where the model is not known.
        checkpoints: (pictures, CRC-32) at the end of every batch of its file: how many of the
            pictures shown now are from batches up to there. A gallery that has one of another's
            last is that one, or has grown from it, or differs in names and labels only: had one of
            that one's pictures been removed, the number would be another. Empty in memory.
    """

    def __init__(
        self,
        pieces: Sequence[Pictures],
        description: dict[str, Any],
        probe: F32Array,
        *,
        path: Path | None = None,
        checkpoints: tuple[tuple[int, int], ...] = (),
        embedder: Embedder | None = None,
    ) -> None:
        super().__init__(pieces, description, path)
        self.checkpoints = checkpoints
        self.probe, self._embedder = probe, embedder
        self._file: GalleryFile | None = None

    @classmethod
    def build(
        cls,
        embedder: Embedder,
        pictures: PathLike | Iterable[PathLike | Crop],
        *,
        dtype: Dtype = "float32",
        labels: LabelsByName | None = None,
    ) -> Gallery:
        """A gallery in memory of pictures that are embedded now.

        Args:
            embedder: embeds them; its `on_error` decides about pictures that cannot be decoded.
                It is kept for `search`.
            pictures: a directory (all files below it; names are relative to it) or paths. One
                whose bytes another has is there under both names, and embedded once.
            dtype: of the rows: "float16" takes half the memory and is searched twice as fast, and
                moves distances by some 0.0003.
            labels: as for `add`.

        Returns:
            The gallery.

        Raises:
            DecodeError, InvalidInputError, ModelError: as `Embedder`.
        """
        memory = Memory()
        description = description_of(embedder, dtype)
        folder, sources = named_pictures(pictures)
        table = LabelTable(labels)
        builder = GalleryBuilder(memory, embedder, description, folder=folder, labels=table)
        for _ in builder.added(sources):
            pass
        pieces = shown(memory.batches).pieces
        return cls(pieces, description, probe_of(embedder), embedder=embedder)

    @classmethod
    def of(
        cls,
        embeddings: AnyArray,
        names: Sequence[str],
        labels: LabelsByName | None = None,
        *,
        dtype: Dtype = "float32",
    ) -> Gallery:
        """A gallery in memory of embeddings of any network and width.

        Args:
            embeddings: floating point [N, D], finite.
            names: of the rows.
            labels: a dict for each name that has labels: "person", "camera", any JSON.
            dtype: as for `build`.

        Returns:
            The gallery, which can be searched by embeddings.

        Raises:
            InvalidInputError: another shape, a NaN or an infinity, or not one name for each row;
                labels of a name that is not there.
        """
        rows = np.asarray(embeddings)
        if rows.ndim != 2 or rows.dtype.kind != "f" or len(rows) != len(names):
            raise InvalidInputError(
                f"embeddings is {rows.dtype} {rows.shape} with {len(names)} names, expected "
                "floating point in two dimensions and one name for each row"
            )
        description = described(dtype, rows.shape[1])
        with np.errstate(over="ignore"):  # what overflows is refused by its value
            converted = np.ascontiguousarray(rows, dtype)
        if not np.isfinite(converted).all():
            raise InvalidInputError(f"embeddings has numbers that are not finite in {dtype}")
        table = LabelTable(labels)
        if unknown := table.unused(set(names)):
            raise InvalidInputError(
                f"labels are given of {unknown[0]!r}, which is none of the {len(names)} names"
            )
        batches = []
        for start in range(0, len(rows), MERGED_ROWS):
            part, called = converted[start : start + MERGED_ROWS], names[start:][:MERGED_ROWS]
            sha256 = [hashlib.sha256(row.tobytes()).hexdigest() for row in part]
            kept = [updated({}, table.of(name)) for name in called]
            batches.append(Batch.of(part, called, sha256, labels=kept))
        return cls(batches, description, np.empty(0, np.float32))

    @classmethod
    def load(
        cls, path: PathLike, *, embedder: Embedder | None = None, verify: bool = True
    ) -> Gallery:
        """A gallery from its file, which is mapped, not read into memory.

        Args:
            path: the file.
            embedder: for `search` by pictures; must be of the gallery's model.
            verify: compare every byte with its CRC-32, up to a second per GB and core; False checks
                sizes, headers and records only.

        Returns:
            The gallery as it is now; batches that are added later are not in it.

        Raises:
            DatasetError: there is no such file, or it is no gallery, cut short or damaged.
            ModelError, InvalidInputError: the embedder's embeddings cannot be compared with it.
        """
        gallery = cls.opened(read_gallery(path, verify=verify))
        return gallery if embedder is None else gallery.searched_with(embedder)

    @classmethod
    def opened(cls, file: GalleryFile) -> Gallery:
        """The gallery that a file holds which was read."""
        points = file.checkpoints
        gallery = cls(
            file.shown.pieces, file.description, file.probe, path=file.path, checkpoints=points
        )
        gallery._file = file
        return gallery

    def require_unchanged(self) -> None:
        """Raises DatasetError if somebody wrote over the file since it was loaded."""
        if self._file is not None:
            self._file.require_unchanged()

    def searched_with(self, embedder: Embedder) -> Gallery:
        """The same gallery, searched by pictures too.

        Args:
            embedder: of the gallery's model.

        Returns:
            A gallery on the same rows.

        Raises:
            ModelError, InvalidInputError: the embedder's embeddings cannot be compared with it.
        """
        require_same_model(self.description, self.probe, embedder, self.path)
        gallery = copy.copy(self)
        gallery._embedder = embedder
        return gallery

    @staticmethod
    def add(
        path: PathLike,
        embedder: Embedder,
        pictures: PathLike | Iterable[PathLike | Crop],
        *,
        dtype: Dtype | None = None,
        labels: LabelsByName | None = None,
    ) -> Added:
        """Embeds what a gallery's file does not hold yet and adds it; makes the file if need be.

        A picture is known by its file's bytes: one that is there is not embedded again, whatever
        its name. If its old name's file is gone, it has moved, and has the new name from now on;
        else it is there under both names. Nothing that is there is lost; a picture that has changed
        since is added under the same name. Batches are committed as they come, so that work which
        ends early is kept, and the next call goes on from there. Others may read meanwhile, and see
        what is committed.

        Args:
            path: ends in .gallery.
            embedder: of the gallery's model.
            pictures: as for `build`.
            dtype: of the rows; None for the gallery's own, float32 in a new one.
            labels: a dict for each picture that has labels, by its name in the gallery or its
                path: "person", "camera", any JSON. What they say of other pictures is not used.

        Returns:
            How many were new, how many known, and which were skipped.

        Raises:
            DecodeError: a picture cannot be decoded, and the embedder does not skip.
            InvalidInputError: another ending or dtype, the file cannot be written, another process
                writes to it, or the mirror is in one and not in the other.
            DatasetError: what is there is no gallery, or a damaged one.
            ModelError: the embedder's embeddings cannot be compared with the gallery's.
        """
        with adding(path, embedder, pictures, dtype, labels) as (builder, sources):
            for _ in builder.added(sources):
                pass
            return builder.done

    def save(self, path: PathLike) -> Path:
        """Writes the gallery; the file appears whole or not at all, and replaces an older gallery.

        Args:
            path: ends in .gallery.

        Returns:
            The path.

        Raises:
            InvalidInputError: another ending, the file cannot be written, or another process adds
                to the gallery of that name.
            DatasetError: what is there is no gallery.
        """
        output_name(path, SUFFIX, exact=True)
        own, beside = self.beside, Path(path).absolute().parent

        def moved(stored: str | None) -> str:
            return os.path.relpath(own / stored, beside) if stored else ""

        description = self.description | {
            "model_path": moved(self.description["model_path"]) or None
        }
        write_gallery(path, description, self.probe, merged(self._pieces, moved))
        return Path(path)

    def search(
        self,
        queries: Any,
        depth: int = 10,
        *,
        rerank: RerankSettings | bool = False,
        candidates: int | None = None,
        expand: int = 0,
        threshold: float | None = None,
        left_out: Sequence[Collection[int]] | None = None,
        threads: int | None = None,
    ) -> GalleryRanking:
        """The nearest pictures of the gallery for each query, nearest first.

        Exact: ranked by the float64 Euclidean distance between the float32 query and the stored
        row; equal distances keep the gallery's order. Re-ranked, it is the order of
        `mgn_fast.evaluation.reranking` with all queries of the call together. A query that is a
        picture of the gallery finds itself unless it is left out: `places_of` says where it is.

        Args:
            queries: embeddings, floating point [Q, D] or [D]; or pictures as `Embedder` takes them,
                if the gallery has an embedder. Several pictures of one person make one query by
                `mgn_fast.gallery.mean_embedding`.
            depth: how many to list, at least 1; a smaller gallery is listed whole.
            rerank: whether to re-rank; `RerankSettings` for other than the usual k1, k2 and weight.
            candidates: re-rank each query by itself among so many nearest pictures only, at least
                `depth`: for galleries that are too large to be compared with themselves. None
                re-ranks among all. Pictures that are left out do not count.
            expand: average each query with so many of its nearest and search again with that, once
                (average query expansion; `mgn_fast.gallery.expand_queries`).
            threshold: list no picture that is farther, by Euclidean distance, than this one; of an
                expanded query that is its own distance. None lists all. Not with `rerank`.
            left_out: for each query the places of pictures that are not to be listed.
            threads: to search with; None for MGN_FAST_THREADS or all cores.

        Returns:
            Places in the gallery, distances and names; -1 where threshold and pictures left out
            leave fewer than `depth`.

        Raises:
            InvalidInputError: queries of another width, not finite, or pictures without an
                embedder; an empty gallery; an option outside its range; more memory needed than
                there is.
            DecodeError: a query cannot be decoded.
            DatasetError: somebody wrote over the gallery's file since it was loaded.
        """
        rows = self._query_rows(queries)
        if len(self) == 0:
            raise InvalidInputError("the gallery holds no pictures, expected at least one")
        self.require_unchanged()
        found = nearest_refined(
            rows,
            self.segments,
            depth,
            Refinement(expand, threshold, left_out),
            rerank=RerankSettings() if rerank is True else rerank or None,
            candidates=candidates,
            threads=threads,
        )
        names = tuple(
            tuple(self.name(place) for place in row if place >= 0) for row in found.indices
        )
        self.require_unchanged()  # nor meanwhile
        return GalleryRanking(found.indices, found.distances, names)

    def _query_rows(self, queries: Any) -> AnyArray:
        if isinstance(queries, np.ndarray) and queries.dtype.kind == "f":
            return queries[None] if queries.ndim == 1 else queries
        if self._embedder is None:
            raise InvalidInputError(
                f"queries is a {type(queries).__name__}, which has to be embedded; load the "
                "gallery with embedder=..., or give embeddings"
            )
        return self._embedder(queries)
