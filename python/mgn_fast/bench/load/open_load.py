# SPDX-License-Identifier: Apache-2.0
"""An open load: images arrive at a given rate, whether or not the last ones are through.

A free lane takes what has arrived, up to a batch. Latency counts from the moment an image was to
arrive, so a run that falls behind does not hide it (coordinated omission).
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.steps import fill_inputs, sampling, take
from mgn_fast.bench.load.window import Windows
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.mirroring import fused, pack_rows, picture_rows
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.inference.lane import Lane, Ticket
from mgn_fast.inference.session import Session
from mgn_fast.pictures.pixels import Source
from mgn_fast.types import F32Array, U8Array

# Under too high a load pictures wait; no more of them than this are decoded meanwhile.
_BATCHES_DECODED = 4
_POLL_S = 0.0005
_AHEAD_S = 0.1


@dataclass(eq=False)
class _Sent:
    """A batch under way: its ticket, and when its images were to arrive."""

    ticket: Ticket
    arrived_s: list[float]


class _Loop:
    """Queues images as they arrive, sends batches of them to free lanes, and notes the results."""

    def __init__(self, session: Session, windows: Windows, arrivals: Arrivals) -> None:
        self.session = session
        self.windows = windows
        self.most_images = session.batch_size
        self._times = arrivals.times(time.perf_counter())
        # The next ones, so far ahead that another thread can count those that are due.
        self._ahead: deque[float] = deque([next(self._times)])
        self._waiting: deque[float] = deque()
        self._sent: deque[_Sent] = deque()
        self._num_arrived = 0
        self._num_noted = 0
        self._num_bursts = 0

    def run(self) -> None:
        """Sends images as they arrive, until the windows are done."""
        with sampling(self._num_under_way, self.windows):
            while not self.windows.done:
                self._take_arrivals()
                self._note_results()
                if not self._send():
                    self._rest()
        while self._sent:
            take(self.session, self._sent.popleft().ticket)

    def num_ready(self, num_waiting: int) -> int:
        """How many of the first waiting images `fill` can take at once."""
        return num_waiting

    def fill(self, lane: Lane, count: int) -> int:
        """Writes `count` images to the lane's input; gives the number of rows they are."""
        return count

    def finish(self, embeddings: F32Array) -> None:
        """Completes the embeddings of a batch's images; prepared images need nothing more."""

    def _num_under_way(self) -> int:
        now_s = time.perf_counter()
        due = sum(1 for arrival_s in list(self._ahead) if arrival_s <= now_s)
        return due + self._num_arrived - self._num_noted

    def _take_arrivals(self) -> None:
        now_s = time.perf_counter()
        while self._ahead[-1] <= now_s + _AHEAD_S:
            self._ahead.append(next(self._times))
        while self._ahead[0] <= now_s:
            self._waiting.append(self._ahead.popleft())
            self._num_arrived += 1

    def _note_results(self) -> None:
        for sent in [sent for sent in self._sent if sent.ticket.done()]:
            self._sent.remove(sent)
            self.finish(take(self.session, sent.ticket))
            now_s = time.perf_counter()
            for arrived_s in sent.arrived_s:
                self.windows.note(arrived_s, now_s, 1, self._num_bursts)
            self._num_noted += len(sent.arrived_s)
            self._num_bursts += 1

    def _send(self) -> bool:
        """Sends a batch; False if no image is ready or no lane is free."""
        count = min(self.num_ready(len(self._waiting)), self.most_images)
        if count == 0:
            return False
        try:
            lane = self.session.acquire(timeout_s=0)
        except TimeoutError:
            return False
        with lane:
            ticket = lane.submit_and_leave(self.fill(lane, count))
        self._sent.append(_Sent(ticket, [self._waiting.popleft() for _ in range(count)]))
        return True

    def _rest(self) -> None:
        """Sleeps until the next arrival or result, and not long."""
        rest_s = min(self._ahead[0] - time.perf_counter(), _POLL_S)
        if self._sent:
            with contextlib.suppress(TimeoutError):
                self._sent[0].ticket.result(timeout_s=max(0.0, rest_s))
        elif rest_s > 0:
            time.sleep(rest_s)


class _PictureLoop(_Loop):
    """A loop whose images are pictures still to be decoded."""

    def __init__(
        self,
        embedder: Embedder,
        sources: Sequence[Source],
        pool: ThreadPoolExecutor,
        windows: Windows,
        arrivals: Arrivals,
    ) -> None:
        super().__init__(embedder.session, windows, arrivals)
        self._embedder = embedder
        self._sources = sources
        self._pool = pool
        model = embedder.session.model_path
        self._mirrors = picture_rows(embedder.contract, model, mirror=embedder.mirror)
        self._decoding: deque[Future[U8Array]] = deque()
        self._num_begun = 0
        self.most_images = max(1, embedder.session.batch_size // len(self._mirrors))

    def num_ready(self, num_waiting: int) -> int:
        """How many are decoded, or failed; starts decoding some more."""
        ahead = max(2 * self._embedder.workers, _BATCHES_DECODED * self.most_images)
        while len(self._decoding) < min(num_waiting, ahead):
            source = self._sources[self._num_begun % len(self._sources)]
            self._num_begun += 1
            decode = self._embedder.decode_and_resize
            self._decoding.append(self._pool.submit(decode, source, "a picture"))
        return sum(1 for _ in itertools.takewhile(Future.done, self._decoding))

    def fill(self, lane: Lane, count: int) -> int:
        """Packs the rows of `count` decoded pictures; gives the number of rows."""
        num_rows = len(self._mirrors) * count
        with self.session.observer.spending("pack"):
            for row in range(0, num_rows, len(self._mirrors)):
                resized = self._decoding.popleft().result()
                pack_rows(resized, lane.input[row:], self._mirrors, self._embedder.contract)
        return num_rows

    def finish(self, embeddings: F32Array) -> None:
        """Adds each picture's rows and normalises, as the embedder does."""
        normalise = self._embedder.contract.normalise
        with self.session.observer.spending("fuse"):
            for rows in embeddings.reshape(-1, len(self._mirrors), embeddings.shape[1]):
                fused(rows.sum(0), ModelError, "an embedding has", normalise=normalise)


def run_prepared_open(session: Session, windows: Windows, arrivals: Arrivals) -> None:
    """Sends prepared images as they arrive, until the windows, which get their times, are done."""
    fill_inputs(session)
    _Loop(session, windows, arrivals).run()


def run_pictures_open(
    embedder: Embedder, sources: Sequence[Source], windows: Windows, arrivals: Arrivals
) -> None:
    """Decodes and sends pictures as they arrive, until the windows are done.

    Args:
        embedder: its session and its workers' number are used.
        sources: pictures as it takes them, at least one.
        windows: get the times of every picture.
        arrivals: when they come.

    Raises:
        InvalidInputError: a batch is too small for a picture and its mirror.
    """
    if embedder.session.batch_size < embedder.rows_per_picture:
        raise InvalidInputError(
            f"batch size is {embedder.session.batch_size}, expected at least "
            f"{embedder.rows_per_picture} under an open load: a picture and its mirror"
        )
    pool = ThreadPoolExecutor(embedder.workers, thread_name_prefix="mgn_fast-decode")
    try:
        _PictureLoop(embedder, sources, pool, windows, arrivals).run()
    finally:
        pool.shutdown(cancel_futures=True)  # what still waits is not decoded any more
