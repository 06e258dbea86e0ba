# SPDX-License-Identifier: Apache-2.0
"""A model with some of its blocks in int8, compared with its float32 embeddings.

Holds the pictures: those that give the ranges, and those that are held out to judge by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mgn_fast.common.progress import Progress
from mgn_fast.embedding.mirroring import packed, picture_rows
from mgn_fast.errors import ModelError
from mgn_fast.evaluation.agreement import Agreement, compare, nearest_others, spread
from mgn_fast.inference.backend_cpu import DEFAULT_BATCH_SIZE
from mgn_fast.inference.opening import open_session
from mgn_fast.models.contract import Contract
from mgn_fast.types import AnyArray, F32Array, U8Array

if TYPE_CHECKING:
    from mgn_fast.quantize.blocks import Block, FloatGraph
    from mgn_fast.quantize.rewriting import Ranges

# Every third picture is kept from the calibration, to see what int8 does to pictures it never saw.
HELD_OUT = 3
# On so many of these the blocks are compared with each other, which takes a run for each.
RANKING_PICTURES = 24

_CHUNK = 32
_Row = tuple[U8Array, bool]


@dataclass(frozen=True)
class Accuracy:
    """How near a quantised model's embeddings are to the float32 model's, on held-out pictures.

    Attributes:
        agreement: picture by picture.
        same_nearest: the share of pictures whose nearest other picture stays the same.
    """

    agreement: Agreement
    same_nearest: float


@dataclass(frozen=True)
class TrialSetup:
    """The model, the scratch directory and the threads that a trial works with.

    Attributes:
        model: the float32 file.
        batch_size: the file's own; None where it leaves that free.
        contract: how it wants its pictures, and which output is judged.
        graph: the same file, to be rewritten.
        scratch: a directory for files as large as the model.
        threads: to compute with; None is one per core.
        progress: is told how many pictures are embedded.
    """

    model: Path
    batch_size: int | None
    contract: Contract
    graph: FloatGraph
    scratch: Path
    threads: int | None
    progress: Progress


class QuantizeTrial:
    """Embeds the held-out pictures in float32 and takes the ranges of the others.

    Args:
        setup: what to work with.
        resized: the pictures, uint8 RGB of the contract's size.

    Attributes:
        calibration: the pictures that gave the ranges.
        held_out: the others.
        ranges: of every tensor.

    Raises:
        ModelError: the model cannot be opened, or gives a row of zeros.
    """

    def __init__(self, setup: TrialSetup, resized: Sequence[U8Array]) -> None:
        self._setup = setup
        self._mirrors = picture_rows(setup.contract, setup.model, mirror=None)
        self.held_out = list(resized[HELD_OUT - 1 :: HELD_OUT])
        self.calibration = [p for i, p in enumerate(resized) if i % HELD_OUT != HELD_OUT - 1]
        self._expected = self._embed(setup.model, self.held_out, "float32")
        if not np.linalg.norm(self._expected, axis=1).all():
            raise ModelError(f"{setup.model} gives an embedding of zeros; its weights are damaged")
        setup.graph.equalise(self._batches("channels"), setup.scratch, setup.threads)
        self.ranges: Ranges = setup.graph.ranges(
            self._batches("ranges"), setup.scratch, setup.threads
        )

    def accuracy(self, kept: Sequence[Block]) -> Accuracy:
        """Accuracy on all held-out pictures, with every block in int8 but the kept ones."""
        got = self._embed_int8(kept, self.held_out, f"int8, {len(kept)} blocks in float32")
        same = nearest_others(self._expected) == nearest_others(got)
        return Accuracy(compare(self._expected, got), float(np.mean(same)))

    def loss(self, kept: Sequence[Block]) -> float:
        """One minus the mean cosine on some held-out pictures, with all but the kept in int8."""
        chosen = spread(len(self.held_out), RANKING_PICTURES)
        got = self._embed_int8(kept, [self.held_out[place] for place in chosen], None)
        return 1 - compare(self._expected[chosen], got).cosine_mean

    def _embed_int8(
        self, kept: Sequence[Block], resized: Sequence[U8Array], stage: str | None
    ) -> F32Array:
        path = self._setup.scratch / "int8.onnx"
        self._setup.graph.write(path, self.ranges, kept, {})
        return self._embed(path, resized, stage)

    def _embed(self, path: Path, resized: Sequence[U8Array], stage: str | None) -> F32Array:
        """The sum of each picture's features: of its plain row, and its mirrored one if any."""
        rows = self._rows(resized)
        parts = []
        contract = self._setup.contract
        with open_session(
            path, backend="onnxruntime", lanes=1, threads=self._setup.threads, contract=contract
        ) as session:
            for start in range(0, len(rows), _CHUNK):
                if stage is not None:
                    self._setup.progress(stage, start, len(rows))
                chunk = rows[start : start + _CHUNK]
                parts.append(session.run(packed(chunk, contract)))
        features = np.concatenate(parts).reshape(len(resized), -1, session.embedding_width)
        total: F32Array = features.sum(axis=1)
        return total

    def _rows(self, resized: Sequence[U8Array]) -> list[_Row]:
        return [(picture, mirror) for picture in resized for mirror in self._mirrors]

    def _batches(self, stage: str) -> Iterator[AnyArray]:
        """The input for the ranges, batch by batch; the last is filled up with the first row."""
        fixed = self._setup.batch_size
        size = fixed or DEFAULT_BATCH_SIZE
        rows = self._rows(self.calibration)
        for start in range(0, len(rows), size):
            self._setup.progress(stage, start, len(rows))
            chunk = rows[start : start + size]
            missing = size - len(chunk) if fixed else 0
            yield packed(chunk + rows[:1] * missing, self._setup.contract)
