# SPDX-License-Identifier: Apache-2.0
"""Closed loads: as many images as the lanes take, without a pause.

Prepared images are sent over and over as they are, pictures go through an `Embedder`.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..embedder import Embedder
from ..lane import Ticket
from ..session import Session
from ..types import AnyArray, F32Array
from .recorder import Recorder
from .window import Windows

_SAMPLE_S = 0.005


def run_prepared(session: Session, windows: Windows) -> None:
    """Keeps a full batch of prepared images in flight on every lane, until the windows are done.

    The images are written to the lanes' inputs once, before.

    Args:
        session: opened; nobody else uses it.
        windows: take note of every batch.
    """
    fill_inputs(session)
    under_way: list[tuple[float, Ticket]] = []
    for look in itertools.count():
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
            windows.note(submitted_s, now_s, session.batch_size, look)
    for _, ticket in under_way:
        take(session, ticket)


def run_pictures(
    embedder: Embedder, pictures: Sequence[Any], windows: Windows, recorder: Recorder
) -> None:
    """Embeds the pictures over and over, until the windows are done.

    Args:
        embedder: opened while the recorder was observing.
        pictures: as the embedder takes them, at least one.
        windows: take note of every picture, from when the embedder took it.
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


def fill_inputs(session: Session) -> None:
    """Writes seeded random images to every lane's input.

    Args:
        session: nobody else uses it.
    """
    random = np.random.default_rng(0)
    with contextlib.ExitStack() as stack:
        for lane in [stack.enter_context(session.acquire()) for _ in range(session.lanes)]:
            lane.input[:] = random_images(random, lane.input.shape, lane.input.dtype)


def random_images(random: np.random.Generator, shape: Sequence[int], dtype: Any) -> AnyArray:
    """Images as a network takes them: normalised floats, or bytes.

    Args:
        random: draws them.
        shape: of the result.
        dtype: float32 or uint8.

    Returns:
        The images.
    """
    if np.dtype(dtype).kind == "f":
        return random.standard_normal(shape, np.float32)
    return random.integers(0, 256, shape, np.uint8)


def take(session: Session, ticket: Ticket) -> F32Array:
    """A batch's rows, once its observer knows what it took.

    Args:
        session: that runs it.
        ticket: of the batch.

    Returns:
        As `Ticket.result`.

    Raises:
        DeviceError: the batch failed.
    """
    embeddings = ticket.result()
    for span in ticket.spans():
        session.observer.spent(span)
    return embeddings


@contextlib.contextmanager
def sampling(count: Callable[[], int], windows: Windows) -> Iterator[None]:
    """Asks at random moments, in a thread of its own, how many images are under way.

    Random, because what comes and goes in a rhythm would be seen at the same beat each time.

    Args:
        count: tells the number.
        windows: whose repeats keep the answers.

    Yields:
        Nothing.
    """
    stop = threading.Event()
    random = np.random.default_rng(0)

    def ask() -> None:
        while not stop.wait(random.exponential(_SAMPLE_S)):
            repeat = windows.current
            if repeat is not None:
                repeat.in_flight.append(count())

    thread = threading.Thread(target=ask, name="mgn_fast-sampler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
