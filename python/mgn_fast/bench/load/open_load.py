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
from mgn_fast.errors import ModelError
from mgn_fast.inference.lane import Lane, Ticket
from mgn_fast.inference.session import Session
from mgn_fast.pictures.pixels import Source
from mgn_fast.types import F32Array, U8Array

# Under too high a load pictures wait; no more of them than this are decoded meanwhile.
_BATCHES_DECODED = 4
_POLL_S = 0.0005
_AHEAD_S = 0.1


@dataclass(eq=False)
class _Image:
    """An image: when it was to arrive, how many batches it is still in, and what they gave."""

    arrived_s: float
    turns_due: int
    total: F32Array | None = None


@dataclass(eq=False)
class _Sent:
    """A batch under way: its ticket and its images."""

    ticket: Ticket
    images: list[_Image]


class _Loop:
    """Queues images as they arrive, sends batches of them to free lanes, and notes the results."""

    # Batches that an image goes through: one, unless it has more rows than a batch.
    turns = 1

    def __init__(self, session: Session, windows: Windows, arrivals: Arrivals) -> None:
        self.session = session
        self.windows = windows
        self.most_images = session.batch_size
        self._times = arrivals.times(time.perf_counter())
        # The next ones, so far ahead that another thread can count those that are due.
        self._ahead: deque[float] = deque([next(self._times)])
        self._waiting: deque[_Image] = deque()  # each once for every turn that it is to have
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
        """How many of the first waiting turns `fill` can take at once."""
        return num_waiting

    def fill(self, lane: Lane, count: int) -> int:
        """Writes `count` images to the lane's input; gives the number of rows they are."""
        return count

    def finish(self, images: Sequence[_Image], embeddings: F32Array) -> None:
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
            image = _Image(self._ahead.popleft(), self.turns)
            self._waiting.extend([image] * self.turns)
            self._num_arrived += 1

    def _note_results(self) -> None:
        for sent in [sent for sent in self._sent if sent.ticket.done()]:
            self._sent.remove(sent)
            embeddings = take(self.session, sent.ticket)
            for image in sent.images:
                image.turns_due -= 1
            self.finish(sent.images, embeddings)
            now_s = time.perf_counter()
            for image in sent.images:
                if image.turns_due == 0:
                    self.windows.note(image.arrived_s, now_s, 1, self._num_bursts)
                    self._num_noted += 1
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
        self._half_sent: U8Array | None = None  # a picture whose mirror is to go next
        self.most_images = embedder.session.batch_size // len(self._mirrors)
        if self.most_images == 0:  # a batch of one row
            self.turns, self.most_images = len(self._mirrors), 1

    def num_ready(self, num_waiting: int) -> int:
        """Turns of pictures that are decoded, or failed; starts decoding some more."""
        num_left = 0 if self._half_sent is None else 1
        num_whole = (num_waiting - num_left) // self.turns
        ahead = max(2 * self._embedder.workers, _BATCHES_DECODED * self.most_images)
        while len(self._decoding) < min(num_whole, ahead):
            source = self._sources[self._num_begun % len(self._sources)]
            self._num_begun += 1
            decode = self._embedder.decode_and_resize
            self._decoding.append(self._pool.submit(decode, source, "a picture"))
        num_decoded = sum(1 for _ in itertools.takewhile(Future.done, self._decoding))
        return num_left + self.turns * num_decoded

    def fill(self, lane: Lane, count: int) -> int:
        """Packs the rows of `count` decoded pictures, or a picture's next; gives their number."""
        step = len(self._mirrors) // self.turns
        with self.session.observer.spending("pack"):
            for row in range(0, step * count, step):
                resized, mirrors = self._next()
                pack_rows(resized, lane.input[row:], mirrors, self._embedder.contract)
        return step * count

    def finish(self, images: Sequence[_Image], embeddings: F32Array) -> None:
        """Adds each picture's rows and normalises, as the embedder does."""
        normalise = self._embedder.contract.normalise
        with self.session.observer.spending("fuse"):
            parts = embeddings.reshape(len(images), -1, embeddings.shape[1])
            for image, rows in zip(images, parts, strict=True):
                total = rows.sum(0)
                image.total = total if image.total is None else image.total + total
                if image.turns_due == 0:
                    fused(image.total, ModelError, "an embedding has", normalise=normalise)

    def _next(self) -> tuple[U8Array, Sequence[bool]]:
        """The picture whose turn it is, and which of its rows are to go."""
        if self._half_sent is not None:
            resized, self._half_sent = self._half_sent, None
            return resized, self._mirrors[1:]
        resized = self._decoding.popleft().result()
        if self.turns == 1:
            return resized, self._mirrors
        self._half_sent = resized
        return resized, self._mirrors[:1]


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
    """
    pool = ThreadPoolExecutor(embedder.workers, thread_name_prefix="mgn_fast-decode")
    try:
        _PictureLoop(embedder, sources, pool, windows, arrivals).run()
    finally:
        pool.shutdown(cancel_futures=True)  # what still waits is not decoded any more
