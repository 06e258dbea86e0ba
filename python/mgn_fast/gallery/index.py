# SPDX-License-Identifier: Apache-2.0
"""A FAISS index over a gallery, for galleries that exact search takes too long for.

The index only proposes pictures: their distances are computed from the gallery's own rows, so that
what is listed is in its true order and only a picture may be missing. How often one is, the recall,
is measured against exact search when the index is made. Imports faiss, the `search` extra, on use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.checks import whole_number
from mgn_fast.common.extras import require_extra
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.report import Ranking
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.index_file import (
    IndexSettings,
    read_index,
    read_settings,
    write_index,
)
from mgn_fast.gallery.search import (
    checked_candidates,
    checked_queries,
    gathered,
    nearest,
    reranked_among,
)
from mgn_fast.types import AnyArray, F32Array, PathLike

LEAST_RECALL = 0.95
# Pictures whose neighbours are looked up both ways; with 10 neighbours each 0.95 is known to 0.01.
NUM_SAMPLED = 200
_TRAINING_ROWS = 50_000
_BLOCK_ROWS = 16_384
# FAISS asks for 39 rows for each of a code's 256 words.
_ROWS_FOR_CODES = 10_000
_ROWS_FOR_LISTS = 400
# Proposals for each picture that is wanted: what compression loses, more proposals win back.
_PROPOSALS = (10, 40, 160)


class GalleryIndex:
    """An index over one gallery. Made by `open_index`.

    Attributes:
        gallery: whose rows it proposes.
        index: FAISS's.
        settings: its kind, how it is searched, and how well it finds.
    """

    def __init__(self, gallery: Gallery, index: Any, settings: IndexSettings) -> None:
        self.gallery, self.index = gallery, index
        self.settings = settings

    def search(self, queries: AnyArray, depth: int = 10) -> Ranking:
        """The nearest of the pictures that the index proposes, by exact distance.

        Args:
            queries: floating point [Q, D].
            depth: how many to list, at least 1.

        Returns:
            Places and Euclidean distances; -1 and infinity where the index proposes too few.

        Raises:
            InvalidInputError: queries of another width or not finite; `depth` below 1.
            DatasetError: somebody wrote over the gallery's file since it was loaded.
        """
        rows = checked_queries(queries, self.gallery.width)
        places = min(whole_number("depth", depth, 1), len(self.gallery))
        settings = self.settings
        self.gallery.require_unchanged()
        wanted = min(settings.proposals * places, settings.num_rows)
        _set_probes(self.index, settings.num_probes)
        _, proposed = self.index.search(rows, wanted)
        found = [
            _settled(row, proposal[proposal >= 0], self.gallery.segments, places)
            for row, proposal in zip(rows, proposed, strict=True)
        ]
        indices, distances = zip(*found, strict=True)
        self.gallery.require_unchanged()  # nor meanwhile
        return Ranking(np.stack(indices), np.stack(distances))

    def search_reranked(
        self, queries: AnyArray, depth: int, settings: RerankSettings, candidates: int
    ) -> Ranking:
        """Each query re-ranked by itself among the nearest that the index finds.

        Args:
            queries: floating point [Q, D].
            depth: how many to list.
            settings: of the re-ranking.
            candidates: how many are re-ranked, at least `depth`.

        Returns:
            Places and re-ranked distances.

        Raises:
            InvalidInputError: as for `search`; `candidates` below `depth`.
        """
        first = self.search(queries, checked_candidates(candidates, depth))
        segments = self.gallery.segments
        places = min(depth, len(self.gallery))
        indices = np.full((len(first.indices), places), -1, np.int32)
        distances = np.full(indices.shape, np.inf, np.float32)
        for row, (query, proposed) in enumerate(zip(queries, first.indices, strict=True)):
            rows = np.asarray(query, np.float32)
            found = reranked_among(rows, proposed[proposed >= 0], segments, depth, settings, None)
            indices[row, : len(found.indices)] = found.indices
            distances[row, : len(found.indices)] = found.distances
        return Ranking(indices, distances)


def open_index(
    path: PathLike,
    gallery: Gallery,
    *,
    kind: str | None = None,
    least_recall: float = LEAST_RECALL,
    depth: int = 10,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> GalleryIndex:
    """The index in a file, brought up to date; made where it is not there.

    An index of the gallery as it once was gets the pictures that came since. Its recall is measured
    whenever it changes, on some of the gallery's own pictures, themselves left out; the way it is
    searched is the quickest that was found to reach `least_recall`, or else the most thorough.
    Only open indexes that you made: FAISS reads them without doubting them.

    Args:
        path: the index's file; a .json of the same name beside it describes it.
        gallery: loaded from its file.
        kind: of a new index, by FAISS's own name; None chooses by the number of pictures.
        least_recall: above 0, at most 1.
        depth: for which recall is measured.
        threads: None for MGN_FAST_THREADS or all cores.
        progress: is told how much of training, adding and tuning is done.

    Returns:
        The index.

    Raises:
        RuntimeUnavailableError: the search extra is not installed.
        InvalidInputError: the gallery is not from a file or has no pictures, `kind` is not FAISS's,
            `least_recall` is out of range, or the files cannot be written.
        DatasetError: the index's file is damaged, or not its .json's.
    """
    require_extra("search", "faiss")
    import faiss

    if not gallery.checkpoints or not len(gallery):
        raise InvalidInputError("an index needs a gallery with pictures, loaded from its file")
    if not 0.0 < least_recall <= 1.0:
        raise InvalidInputError(f"least_recall is {least_recall!r}, expected above 0, at most 1")
    faiss.omp_set_num_threads(thread_count(threads))
    file, depth = Path(path), whole_number("depth", depth, 1)
    settings = read_settings(file)
    if settings is not None and _grew_from(gallery, settings) and kind in (None, settings.kind):
        index = read_index(faiss, file, settings)
        first, kind = settings.num_rows, settings.kind
        is_tuned = settings.depth == depth and settings.recall >= least_recall
        if is_tuned and first == len(gallery):
            return GalleryIndex(gallery, index, settings)
    else:
        kind = kind or usual_kind(len(gallery))
        index, first = _trained(faiss, gallery, kind, progress), 0
    _add(index, gallery, first, progress)
    made = IndexSettings(kind, *gallery.checkpoints[-1], 0, 1, _PROPOSALS[0], depth, 0.0)
    tuned = _tuned(GalleryIndex(gallery, index, made), least_recall, progress)
    return GalleryIndex(gallery, index, write_index(faiss, file, index, tuned))


def usual_kind(num_rows: int) -> str:
    """The kind of index for so many pictures, by its name for `faiss.index_factory`.

    A few pictures are all compared. For more there are lists of neighbours, in number about 4 times
    the root, as FAISS advises, but 40 pictures each; 64 bytes for a picture where there are enough
    to learn such a code from, else a byte a number.

    Args:
        num_rows: pictures.

    Returns:
        The name.
    """
    if num_rows < _ROWS_FOR_LISTS:
        return "Flat"
    num_lists = max(1, min(int(4 * math.sqrt(num_rows)), num_rows // 40))
    return f"IVF{num_lists},{'PQ64' if num_rows >= _ROWS_FOR_CODES else 'SQ8'}"


def _grew_from(gallery: Gallery, settings: IndexSettings) -> bool:
    return (settings.num_rows, settings.gallery_crc) in gallery.checkpoints


def _trained(faiss: Any, gallery: Gallery, kind: str, progress: Progress) -> Any:
    """An empty index that has learnt the spread of the gallery's rows."""
    try:
        index = faiss.index_factory(gallery.width, kind)
    except RuntimeError as error:
        raise InvalidInputError(f"kind is {kind!r}, which FAISS does not take: {error}") from error
    progress("training", 0, 1)
    try:
        index.train(gathered(gallery.segments, _sampled(len(gallery), _TRAINING_ROWS)))
    except RuntimeError as error:
        raise InvalidInputError(
            f"kind is {kind!r}, which {len(gallery)} pictures cannot train: {error}"
        ) from error
    progress("training", 1, 1)
    return index


def _add(index: Any, gallery: Gallery, first: int, progress: Progress) -> None:
    """Rows from a place on, in blocks that fit into memory as float32."""
    place = 0
    for segment in gallery.segments:
        for start in range(0, len(segment), _BLOCK_ROWS):
            block = segment[start : start + _BLOCK_ROWS]
            skipped = min(len(block), max(0, first - place - start))
            if skipped < len(block):
                index.add(np.ascontiguousarray(block[skipped:], np.float32))
            progress("indexing", place + start + len(block), len(gallery))
        place += len(segment)


def _tuned(index: GalleryIndex, least_recall: float, progress: Progress) -> IndexSettings:
    """Settings with the least work that reaches the recall; with the most, if none does."""
    depth = index.settings.depth
    places = _sampled(len(index.gallery), NUM_SAMPLED)
    queries = gathered(index.gallery.segments, places)
    truth = nearest(queries, index.gallery.segments, depth + 1, None).indices
    num_lists = int(getattr(index.index, "nlist", 1))
    probes = [1 << power for power in range(num_lists.bit_length()) if 1 << power < num_lists]
    steps = [(p, n) for p in _PROPOSALS for n in [*probes, num_lists]]
    for number, (proposals, num_probes) in enumerate(steps):
        index.settings = replace(index.settings, proposals=proposals, num_probes=num_probes)
        recall = _recall(places, truth, index.search(queries, depth + 1).indices)
        index.settings = replace(index.settings, recall=recall)
        progress("measuring recall", number + 1, len(steps))
        if recall >= least_recall:
            break
    return index.settings


def _recall(places: AnyArray, truth: AnyArray, found: AnyArray) -> float:
    """Share of the true neighbours that were found; a picture is no neighbour of itself."""
    hits = wanted = 0
    for place, true_row, found_row in zip(places, truth, found, strict=True):
        neighbours = set(true_row.tolist()) - {int(place)}
        hits += len(neighbours & set(found_row.tolist()))
        wanted += len(neighbours)
    return hits / wanted if wanted else 1.0


def _sampled(count: int, limit: int) -> AnyArray:
    """Places drawn without repetition, seeded; all of them where there are few."""
    if count <= limit:
        return np.arange(count)
    chosen: AnyArray = np.random.default_rng(0).choice(count, limit, replace=False)
    return np.sort(chosen)


def _settled(
    query: F32Array, proposed: AnyArray, segments: Sequence[AnyArray], places: int
) -> tuple[AnyArray, F32Array]:
    """The nearest of what was proposed, in the order that exact search would list them in."""
    indices, distances = np.full(places, -1, np.int32), np.full(places, np.inf, np.float32)
    if len(proposed):
        proposed = np.sort(proposed)  # equal distances keep the gallery's order
        ranking = nearest(query[None], [gathered(segments, proposed)], places, 1)
        count = ranking.indices.shape[1]
        indices[:count] = proposed[ranking.indices[0]]
        distances[:count] = ranking.distances[0]
    return indices, distances


def _set_probes(index: Any, num_probes: int) -> None:
    if hasattr(index, "nprobe"):
        index.nprobe = num_probes
