# SPDX-License-Identifier: Apache-2.0
import time

import numpy as np
import pytest

from mgn_fast import Embedder, open_session, simulator
from mgn_fast.bench.load.closed_load import (
    run_pictures,
    run_prepared,
)
from mgn_fast.bench.load.recorder import Recorder
from mgn_fast.bench.load.window import Pace, Windows
from mgn_fast.bench.record.validity import LittlesLaw, doubts
from mgn_fast.common.observer import observing
from mgn_fast.inference.session import Session
from mgn_fast.simulator import write_om
from support.bench_fakes import SILENT
from support.fake_model import FakeModel, StallingModel
from support.simulated import TINY

pytestmark = pytest.mark.usefixtures("simulated_time")


def prepared(model, lanes, pace):
    """The windows after a closed load."""
    windows = Windows(pace, lanes=lanes)
    with Session(model, lanes=lanes) as session:
        run_prepared(session, windows)
    return windows


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_every_batch_is_full_and_every_lane_has_one(lanes):
    # A lane is not given out while its batch runs, and all are kept busy.
    model = FakeModel(4, delay_s=0.002)
    windows = prepared(model, lanes, Pace(0.01, 0.05, 2))
    assert windows.done
    assert set(model.counts) == {4}
    assert all(repeat.images % 4 == 0 for repeat in windows.repeats)
    # Lanes that end together are seen in one look.
    assert all(repeat.images >= 4 * len(repeat.bursts_s) for repeat in windows.repeats)
    # Each batch sleeps two milliseconds, so no lane can give more than two per four of them.
    assert all(repeat.rate <= 4 * lanes / 0.002 * 1.5 for repeat in windows.repeats)


def test_a_batch_takes_as_long_as_the_model_at_least():
    windows = prepared(FakeModel(4, delay_s=0.010), 2, Pace(0.01, 0.1, 1))
    (repeat,) = windows.repeats
    assert min(repeat.latencies_s) >= 0.010
    # Two lanes of four images in ten milliseconds, less what this machine does meanwhile.
    assert 100 < repeat.rate <= 4 * 2 / 0.010 * 1.2


def test_a_stall_is_found_in_a_closed_load():
    # A batch in 3 ms or a little more, and one that takes 300: a hundred times as long.
    model = StallingModel(4, delay_s=0.003, stalled_batch=50, stall_s=0.3)
    windows = prepared(model, 1, Pace(0.02, 0.2, 3))
    rates = [repeat.rate for repeat in windows.repeats]
    reasons = list(doubts(windows.repeats, rates, LittlesLaw(1.0, 1.0), SILENT))
    assert any(reason.startswith("stall: 3") for reason in reasons), reasons


@pytest.fixture
def pictures(random):
    """Seven arrays of different sizes."""
    return [random.integers(0, 256, (h, 40, 3), dtype=np.uint8) for h in range(60, 130, 10)]


@pytest.mark.parametrize("mirror", [True, False])
def test_pictures_are_counted_one_by_one_over_and_over(tiny_model, pictures, mirror):
    recorder, windows = Recorder(), Windows(Pace(0.05, 0.1, 2), lanes=2)
    with observing(recorder):
        embedder = Embedder(tiny_model, batch_size=8, lanes=2, mirror=mirror)
    with embedder:
        started_s = time.perf_counter()
        run_pictures(embedder, pictures, windows, recorder)
        took_s = time.perf_counter() - started_s
    assert windows.done
    for repeat in windows.repeats:
        assert max(repeat.latencies_s) < took_s
        assert repeat.images == len(repeat.latencies_s)
        assert min(repeat.latencies_s) > 0
        assert repeat.in_flight  # was asked for
        # Read ahead are as many rows as all lanes take, decoded and ready, besides those in flight.
        rows = 2 if mirror else 1
        assert 0 <= max(repeat.in_flight) <= 3 * 2 * 8 / rows + 2 * 8
    stages = {span.stage for span in recorder.take()}
    assert stages == {"decode", "resize", "decode_wait", "pack", "lane_wait", "compute", "fuse"}


def test_pictures_that_come_together_are_one_burst(tmp_path, tiny_model, pictures):
    # On a device without times every batch of 8 gives four pictures, and repeats hold whole ones.
    path = write_om(tmp_path / "tiny.om", onnx=tiny_model, batch_sizes=(8,))
    simulator.enable(compute="deterministic", timing=False)
    try:
        recorder, windows = Recorder(), Windows(Pace(0.05, 0.1, 2), lanes=1)
        with observing(recorder):
            embedder = Embedder(path, lanes=1)
        with embedder:
            run_pictures(embedder, pictures, windows, recorder)
    finally:
        simulator.disable()
    for repeat in windows.repeats:
        assert repeat.images % 4 == 0
        assert len(repeat.bursts_s) <= repeat.images / 4


def test_a_device_is_kept_at_its_rate_by_prepared_images(tmp_path):
    """With two lanes one batch's copies hide behind the other's computing."""
    path = write_om(tmp_path / "m.om", batch_sizes=(8,), **TINY)
    # 42.1 ms a batch: as long as this thread may be kept from its work without the device waiting.
    simulator.enable(compute="deterministic", guard=False, compute_slowdown=8)
    try:
        windows = Windows(Pace(0.1, 0.2, 3), lanes=2)
        with open_session(path, lanes=2) as session:
            run_prepared(session, windows)
    finally:
        simulator.disable()
    # Results are noticed some 10 ms late or not, at both ends of a repeat of 0.2 s.
    rate = float(np.median([repeat.rate for repeat in windows.repeats]))
    assert rate == pytest.approx(1519.17 / 8, rel=0.10)
