# SPDX-License-Identifier: Apache-2.0
"""Measures one case: opens the model, warms it up, runs the repeats, and keeps their results."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import numpy as np

from mgn_fast.bench.case import Case, Measured, MeasureSettings
from mgn_fast.bench.load.closed_load import run_pictures, run_prepared
from mgn_fast.bench.load.noise import noise_between, read_counters
from mgn_fast.bench.load.open_load import run_pictures_open, run_prepared_open
from mgn_fast.bench.load.recorder import Recorder
from mgn_fast.bench.load.resident_memory import peak_resident_bytes, reset_peak
from mgn_fast.bench.load.steps import random_images
from mgn_fast.bench.load.window import Windows
from mgn_fast.bench.models import file_precision, is_mgn
from mgn_fast.common.observer import observing
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.inference.backend_cpu import threads_per_lane
from mgn_fast.inference.opening import open_session
from mgn_fast.inference.session import Session


def measure(case: Case, settings: MeasureSettings) -> Measured:
    """The raw results of one case, measured now: repeats, spans, noise and memory.

    Args:
        case: the model and its setting.
        settings: the pace, and the pictures for e2e.

    Returns:
        What the record's row is worked out from.

    Raises:
        MgnError: as `open_session` and `Embedder`; a picture that cannot be decoded.
    """
    reset_peak()
    recorder = Recorder()
    started_s = time.perf_counter()
    with _opened(case, recorder) as (session, embedder):
        load_s = time.perf_counter() - started_s
        first_s = _first_inference_s(session)
        windows = Windows(settings.pace, lanes=case.lanes)
        recorder.take()
        before = read_counters()
        if embedder is not None and case.arrivals is not None:
            run_pictures_open(embedder, settings.pictures, windows, case.arrivals)
        elif embedder is not None:
            run_pictures(embedder, settings.pictures, windows, recorder)
        elif case.arrivals is not None:
            run_prepared_open(session, windows, case.arrivals)
        else:
            run_prepared(session, windows)
        noise = noise_between(before, read_counters())
        peak_bytes = peak_resident_bytes()
        return Measured(
            case=case,
            backend=session.backend,
            simulated=session.simulated,
            rows_per_image=1 if embedder is None else embedder.rows_per_picture,
            floats=session.input_dtype == np.float32,
            precision=case.precision or file_precision(case.model),
            is_mgn=is_mgn(session),
            workers=None if embedder is None else embedder.workers,
            threads=None if case.on_npu else threads_per_lane(case.lanes, case.threads),
            num_engines=session.num_engines,
            repeats=windows.repeats,
            spans=recorder.take(),
            noise=noise,
            load_s=load_s,
            first_s=first_s,
            peak_resident_bytes=peak_bytes,
            device_bytes=session.device_bytes,
        )


@contextlib.contextmanager
def _opened(case: Case, recorder: Recorder) -> Iterator[tuple[Session, Embedder | None]]:
    """The session, and for e2e the embedder that has it."""
    if case.scope != "e2e":
        with observing(recorder):
            session = open_session(case.model, **case.session_options())
        with session:
            yield session, None
        return
    with observing(recorder):
        embedder = Embedder(
            case.model, mirror=case.mirror, workers=case.workers, **case.session_options()
        )
    with embedder:
        yield embedder.session, embedder


def _first_inference_s(session: Session) -> float:
    image = random_images(np.random.default_rng(0), (1, *session.input_shape), session.input_dtype)
    started_s = time.perf_counter()
    session.run(image)
    return time.perf_counter() - started_s
