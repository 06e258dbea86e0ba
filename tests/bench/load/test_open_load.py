# SPDX-License-Identifier: Apache-2.0
import time
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import DecodeError, Embedder
from mgn_fast.bench.load import open_load
from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.open_load import run_pictures_open, run_prepared_open
from mgn_fast.bench.load.recorder import Recorder
from mgn_fast.bench.load.window import Pace, Windows
from mgn_fast.bench.record.validity import LittlesLaw, doubts
from mgn_fast.common.observer import observing
from mgn_fast.embedding import reading
from mgn_fast.inference.session import Session
from support.bench_fakes import SILENT
from support.fake_model import FakeModel, StallingModel
from support.foreign_model import FOREIGN, write_foreign_model

pytestmark = pytest.mark.usefixtures("simulated_time")


def measured(model, arrivals, pace, lanes=2):
    windows = Windows(pace, lanes=lanes)
    with Session(model, lanes=lanes) as session:
        run_prepared_open(session, windows, arrivals)
    return windows


def rate_of(windows):
    return sum(r.images for r in windows.repeats) / sum(r.seconds for r in windows.repeats)


def test_as_many_images_are_done_as_arrive():
    windows = measured(FakeModel(4, delay_s=0.001), Arrivals(200.0, "constant"), Pace(0.1, 0.3, 2))
    # Sixty images a repeat. Those that end it may be some milliseconds late: of 300, so 5 %.
    assert rate_of(windows) == pytest.approx(200, rel=0.05)
    assert all(len(repeat.latencies_s) == repeat.images for repeat in windows.repeats)


def test_a_free_lane_takes_what_has_arrived():
    # One every 5 ms, and a batch takes 1: images go one by one. Some may meet where this machine is
    # busy elsewhere.
    alone = FakeModel(4, delay_s=0.001)
    measured(alone, Arrivals(200.0, "constant"), Pace(0.05, 0.1, 1))
    assert np.median(alone.counts) == 1
    # A batch takes the time in which five arrive: on one lane they go together.
    together = FakeModel(8, delay_s=0.025)
    measured(together, Arrivals(200.0, "constant"), Pace(0.05, 0.3, 1), lanes=1)
    assert np.median(together.counts) >= 4
    assert max(together.counts) <= 8


def test_latency_counts_from_when_an_image_was_to_arrive():
    """Coordinated omission: a closed load would see one slow batch where 60 images had to wait."""
    windows = measured(
        StallingModel(1, delay_s=0.0005, stalled_batch=30, stall_s=0.3),
        Arrivals(200.0, "constant"),
        Pace(0.02, 0.3, 2),
        lanes=1,
    )
    latencies_s = np.concatenate([repeat.latencies_s for repeat in windows.repeats])
    assert latencies_s.max() >= 0.3
    # One that comes t into the stall waits 0.3 - t, and then for those before it. So 40 of them
    # wait for 0.1 s at least, whatever this machine does.
    assert (latencies_s >= 0.1).sum() >= 40
    rates = [repeat.rate for repeat in windows.repeats]
    reasons = list(doubts(windows.repeats, rates, LittlesLaw(1.0, 1.0), SILENT, 200.0))
    assert any("stall: 3" in reason for reason in reasons), reasons


def test_what_we_do_late_ourselves_counts_too(monkeypatch):
    """Images that were to arrive while this thread slept did not arrive later for that."""
    fill = open_load._Loop.fill
    fills = []

    def sleeping(self, lane, count):
        fills.append(count)
        time.sleep(0.3 if len(fills) == 30 else 0.0)
        return fill(self, lane, count)

    monkeypatch.setattr(open_load._Loop, "fill", sleeping)
    windows = measured(FakeModel(1), Arrivals(200.0, "constant"), Pace(0.02, 0.3, 2))
    latencies_s = np.concatenate([repeat.latencies_s for repeat in windows.repeats])
    assert (latencies_s >= 0.1).sum() >= 40


def test_overload_is_told():
    # Two lanes of four images in 10 ms are 800 per second at most.
    windows = measured(
        FakeModel(4, delay_s=0.010), Arrivals(3000.0, "constant"), Pace(0.05, 0.1, 3)
    )
    rates = [repeat.rate for repeat in windows.repeats]
    reasons = list(doubts(windows.repeats, rates, LittlesLaw(1.0, 1.0), SILENT, 3000.0))
    assert any(reason.startswith("3000 images/s arrive, ") for reason in reasons), reasons
    # And every image waits longer than the one before: the queue grows.
    first, last = windows.repeats[0].latencies_s, windows.repeats[-1].latencies_s
    assert np.mean(last) > 1.5 * np.mean(first)


def test_images_under_way_are_counted():
    """Little's law: 100 a second that take 50 ms each are five under way."""
    windows = measured(
        FakeModel(1, delay_s=0.050), Arrivals(100.0, "constant"), Pace(0.1, 0.5, 2), lanes=8
    )
    in_flight = np.mean(np.concatenate([repeat.in_flight for repeat in windows.repeats]))
    latency_s = np.mean(np.concatenate([repeat.latencies_s for repeat in windows.repeats]))
    assert latency_s >= 0.050
    # About 200 samples, each within one of the mean: an error of 0.5 / sqrt(200) in 5, 1 %; five
    # times that and as much again for samples that come late.
    assert in_flight == pytest.approx(rate_of(windows) * latency_s, rel=0.10)


@pytest.fixture
def pictures(random):
    return [random.integers(0, 256, (h, 40, 3), dtype=np.uint8) for h in range(60, 130, 10)]


@pytest.fixture
def opened(tiny_model):
    """Opens an embedder with a recorder."""
    recorder = Recorder()

    def embedder(*, model=tiny_model, **options):
        with observing(recorder):
            return Embedder(model, **options)

    embedder.recorder = recorder
    return embedder


@pytest.mark.parametrize("mirror", [True, False])
def test_pictures_are_embedded_as_they_arrive(opened, pictures, mirror):
    windows = Windows(Pace(0.1, 0.3, 2), lanes=2)
    with opened(batch_size=8, lanes=2, mirror=mirror) as embedder:
        run_pictures_open(embedder, pictures, windows, Arrivals(100.0, "constant"))
    assert rate_of(windows) == pytest.approx(100, rel=0.07)
    stages = {span.stage for span in opened.recorder.take()}
    assert {"decode", "resize", "pack", "compute", "fuse"} <= stages


@pytest.mark.parametrize("batch_size", [4, 1])
def test_a_pictures_rows_are_what_the_embedder_makes(opened, pictures, monkeypatch, batch_size):
    found = []

    def noting(total, *refusal, **options):
        found.append(fused(total, *refusal, **options))

    fused = open_load.fused
    monkeypatch.setattr(open_load, "fused", noting)
    # One lane, so that batches end in their order.
    with opened(batch_size=batch_size, lanes=1) as embedder:
        run_pictures_open(
            # So many that batches are full: of two pictures, each with its mirror, or of one row.
            embedder,
            pictures,
            Windows(Pace(0.0, 0.1, 1), lanes=2),
            Arrivals(3000.0, "constant"),
        )
        expected = embedder(pictures)
    assert len(found) > len(pictures)
    for number, row in enumerate(found):
        np.testing.assert_allclose(row, expected[number % len(pictures)], atol=1e-6)


@pytest.mark.parametrize("form", [{}, {"mirror": "add"}, {"normalise": False}], ids=str)
def test_pictures_are_prepared_and_fused_as_the_contract_says(
    opened, pictures, monkeypatch, tmp_path, form
):
    contract = replace(FOREIGN, **form)
    theirs = write_foreign_model(tmp_path / "theirs.onnx", contract)
    found = []
    fused = open_load.fused
    monkeypatch.setattr(open_load, "fused", lambda *a, **k: found.append(fused(*a, **k)))
    with opened(model=theirs, contract=contract, batch_size=4, lanes=1) as embedder:
        windows = Windows(Pace(0.0, 0.1, 1), lanes=2)
        run_pictures_open(embedder, pictures, windows, Arrivals(3000.0, "constant"))
        expected = embedder(pictures)
    assert len(found) > len(pictures)
    for number, row in enumerate(found):
        np.testing.assert_allclose(row, expected[number % len(pictures)], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mirror", [True, False])
def test_a_picture_whose_rows_go_one_by_one_counts_once(opened, pictures, mirror):
    windows = Windows(Pace(0.1, 0.3, 2), lanes=2)
    with opened(batch_size=1, lanes=2, mirror=mirror) as embedder:
        run_pictures_open(embedder, pictures, windows, Arrivals(100.0, "constant"))
    assert rate_of(windows) == pytest.approx(100, rel=0.07)
    batches = [span for span in opened.recorder.take() if span.stage == "compute"]
    noted = sum(repeat.images for repeat in windows.repeats)
    # And those before the repeats, and those under way at their end.
    assert len(batches) >= (2 if mirror else 1) * noted


def test_a_picture_that_cannot_be_decoded_ends_the_load(opened):
    with opened(batch_size=4) as embedder, pytest.raises(DecodeError):
        run_pictures_open(embedder, [b"no picture"], Windows(Pace()), Arrivals(100.0))


def test_a_queue_without_end_is_not_decoded(opened, pictures, monkeypatch):
    decode, decoded = reading.decoded, []
    monkeypatch.setattr(reading, "decoded", lambda *a, **k: (decoded.append(1), decode(*a, **k))[1])
    windows = Windows(Pace(0.0, 0.1, 1), lanes=1)
    with opened(batch_size=4, lanes=1) as embedder:
        run_pictures_open(embedder, pictures, windows, Arrivals(1e5, "constant"))
    # What was noted, before and in the repeat, and at most four batches of two ahead, and those in
    # flight; ten thousand have arrived.
    embedded = [span for span in opened.recorder.take() if span.stage == "compute"]
    assert len(decoded) <= 2 * len(embedded) + 4 * 2 + 2 * 2


def test_slow_decoding_keeps_littles_law(opened, pictures, monkeypatch):
    """Pictures being decoded are under way, and results are noticed while others are decoded."""
    decode = reading.decoded

    def slow(*args, **options):
        time.sleep(0.020)
        return decode(*args, **options)

    monkeypatch.setattr(reading, "decoded", slow)
    windows = Windows(Pace(0.1, 0.6, 2), lanes=2)
    with opened(batch_size=8, lanes=2, workers=2) as embedder:
        run_pictures_open(embedder, pictures, windows, Arrivals(50.0, "constant"))
    in_flight = np.mean(np.concatenate([repeat.in_flight for repeat in windows.repeats]))
    latency_s = np.mean(np.concatenate([repeat.latencies_s for repeat in windows.repeats]))
    # 20 ms of decoding and a few more; pictures come every 20 ms.
    assert in_flight == pytest.approx(rate_of(windows) * latency_s, rel=0.15)
