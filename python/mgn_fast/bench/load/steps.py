# SPDX-License-Identifier: Apache-2.0
"""Steps that both loads share: inputs to run, a result taken, and samples of a queue."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mgn_fast.bench.load.window import Windows
from mgn_fast.inference.lane import Ticket
from mgn_fast.inference.session import Session
from mgn_fast.types import AnyArray, F32Array

_SAMPLE_S = 0.005


def fill_inputs(session: Session) -> None:
    """Writes seeded random images to every lane's input; the session has no other caller."""
    random = np.random.default_rng(0)
    with contextlib.ExitStack() as stack:
        for lane in [stack.enter_context(session.acquire()) for _ in range(session.lanes)]:
            lane.input[:] = random_images(random, lane.input.shape, lane.input.dtype)


def random_images(random: np.random.Generator, shape: Sequence[int], dtype: Any) -> AnyArray:
    """Random images as a network takes them: normalised floats, or uint8 bytes."""
    if np.dtype(dtype).kind == "f":
        return random.standard_normal(shape, np.float32).astype(dtype, copy=False)
    return random.integers(0, 256, shape, np.uint8)


def take(session: Session, ticket: Ticket) -> F32Array:
    """A batch's rows, as `Ticket.result` gives them; its spans go to the session's observer."""
    embeddings = ticket.result()
    for span in ticket.spans():
        session.observer.spent(span)
    return embeddings


@contextlib.contextmanager
def sampling(count: Callable[[], int], windows: Windows) -> Iterator[None]:
    """A block in which a thread asks `count` at random moments how many images are under way.

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
