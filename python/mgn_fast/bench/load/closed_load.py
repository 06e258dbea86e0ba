# SPDX-License-Identifier: Apache-2.0
"""Closed loads: as many images as the lanes take, without a pause.

Prepared images are sent over and over as they are, pictures go through an `Embedder`.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from mgn_fast.bench.load.recorder import Recorder
from mgn_fast.bench.load.steps import fill_inputs, sampling, take
from mgn_fast.bench.load.window import Windows
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.inference.lane import Ticket
from mgn_fast.inference.session import Session


def run_prepared(session: Session, windows: Windows) -> None:
    """Keeps a full batch of prepared images in flight on every lane, until the windows are done.

    The images are written to the lanes' inputs once, before.

    Args:
        session: opened, with no other caller.
        windows: get the times of every batch.
    """
    fill_inputs(session)
    under_way: list[tuple[float, Ticket]] = []
    for burst in itertools.count():
        if windows.done:
            break
        with session.observer.spending("lane_wait"):
            lane = session.acquire()
        with lane:
            now_s = time.perf_counter()
            # Seen now, taken after the next one is sent: that keeps the device busy.
            ended = [entry for entry in under_way if entry[1].done()]
            under_way = [entry for entry in under_way if entry not in ended]
            under_way.append((now_s, lane.submit_and_leave(session.batch_size)))
        for submitted_s, ticket in ended:
            take(session, ticket)
            windows.note(submitted_s, now_s, session.batch_size, burst)
    for _, ticket in under_way:
        take(session, ticket)


def run_pictures(
    embedder: Embedder, pictures: Sequence[Any], windows: Windows, recorder: Recorder
) -> None:
    """Embeds the pictures over and over, until the windows are done.

    Args:
        embedder: opened while the recorder was observing.
        pictures: as the embedder takes them, at least one.
        windows: get the times of every picture, from when the embedder took it.
        recorder: tells which pictures came together.
    """
    taken: deque[float] = deque()

    def endless() -> Iterator[Any]:
        for picture in itertools.cycle(pictures):
            taken.append(time.perf_counter())
            yield picture

    with sampling(lambda: len(taken), windows):
        for _ in embedder.stream(endless()):
            windows.note(taken.popleft(), time.perf_counter(), 1, recorder.num_batches)
            if windows.done:
                return
