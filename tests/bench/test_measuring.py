# SPDX-License-Identifier: Apache-2.0
"""Cases on the simulated NPU, whose times are known: what was planted is what is found.

A batch of 8 computes 5.266 ms by the table, or eight times that on the slow device: 42.1 ms. There
this machine may keep our thread from its work for that long without making the device wait, so
that rates are right on a busy machine too. What is left is when results are noticed: some 10 ms
late or not at both ends of a repeat of 0.2 s, which are ten per cent. Spans are the device's own.
"""

import time

import numpy as np
import pytest

from mgn_fast import InvalidInputError, ModelError, simulator
from mgn_fast.bench import Case, MeasureSettings, Pace
from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.window import Windows
from mgn_fast.bench.measuring import measure
from mgn_fast.bench.record.row import row_of
from mgn_fast.pictures import pixels
from mgn_fast.simulator import write_om
from support.simulated import TINY

RATES = {1: 640.829, 4: 1453.49, 8: 1519.17, 16: 1388.27}
QUICK = Pace(0.05, 0.1, 1)
PACE = Pace(0.1, 0.2, 3)
SLOWDOWN = 8
IMAGE_BYTES = 3 * 384 * 128 * 4


def run(case, jpegs=(), pace=PACE, **settings):
    """What was measured, and its row."""
    settings = MeasureSettings(jpegs, pace=pace, **settings)
    measured = measure(case, settings)
    return measured, row_of(measured, settings)


def median_rate(row):
    return float(np.median(row["images_per_s_repeats"]))


@pytest.mark.parametrize(("batch_size", "lanes"), [(8, 2), (8, 3)])
def test_the_rate_with_copies_is_the_devices_where_lanes_hide_them(npu, mgn_om, batch_size, lanes):
    npu(compute_slowdown=SLOWDOWN)
    _, row = run(Case(mgn_om, batch_size, lanes, scope="device"))
    rate = RATES[batch_size] / SLOWDOWN
    assert median_rate(row) == pytest.approx(rate, rel=0.10)
    assert row["stages_ms"]["compute"] == pytest.approx(1000 * batch_size / rate, rel=0.10)
    assert row["occupancy"]["compute"] >= 0.9
    assert row["bottleneck_stage"] == "compute"
    assert (row["simulated"], row["backend"], row["device"]) == (True, "ascend", "0")
    assert row["threads"] is row["workers"] is None
    assert row["mirror"] is False


def test_with_one_lane_copies_and_computing_take_turns(npu, mgn_om):
    npu(compute_slowdown=SLOWDOWN, copy_in_bytes_per_s=2e8)
    _, row = run(Case(mgn_om, 8, 1, scope="device"))
    # 23.6 ms in, 42.1 ms, 0.007 ms out, and our thread.
    assert 65.7 <= row["latency_ms"]["mean"] <= 65.7 * 1.25
    assert median_rate(row) == pytest.approx(8 / 0.0657, rel=0.15)
    assert row["stages_ms"]["compute"] == pytest.approx(42.1, rel=0.10)
    assert row["stages_ms"]["h2d"] == pytest.approx(23.6, rel=0.10)
    assert row["littles_law"]["in_flight"] == 8


@pytest.mark.parametrize(("batch_size", "lanes"), [(1, 1), (4, 2), (8, 1), (8, 2), (16, 2)])
def test_scope_compute_gives_the_tables_rate_whatever_we_do(npu, mgn_om, batch_size, lanes):
    npu()
    _, row = run(Case(mgn_om, batch_size, lanes, scope="compute"), pace=Pace(0.05, 0.2, 3))
    # The device's own times, which it takes a little late on a busy machine. Results are counted
    # when we notice them, which may be a batch too many or too few at each end of the 0.6 seconds.
    batches = 0.6 * RATES[batch_size] / batch_size
    assert row["images_per_s"] == pytest.approx(RATES[batch_size], rel=0.05 + 2 / batches)


def test_two_devices_give_twice_the_rate(npu, mgn_om):
    npu(device_count=2, compute_slowdown=SLOWDOWN)
    _, row = run(Case(mgn_om, 8, 4, scope="device", device=(0, 1)))
    # A repeat holds nine or ten batches of both: one in ten, and what is noticed late.
    assert median_rate(row) == pytest.approx(2 * RATES[8] / SLOWDOWN, rel=0.20)
    assert row["device"] == "0,1"
    assert row["stages_ms"]["compute"] == pytest.approx(42.1, rel=0.15)
    assert not any("stall" in reason for reason in row["reasons"])


def test_a_slow_copy_is_named(npu, mgn_om):
    npu(copy_in_bytes_per_s=2e8)
    _, row = run(Case(mgn_om, 8, 2, scope="device"))
    # 23.6 ms a batch, of which 5.3 are computed: the device idles 78 %.
    assert row["bottleneck_stage"] == "h2d"
    assert row["stages_ms"]["h2d"] == pytest.approx(1000 * 8 * IMAGE_BYTES / 2e8, rel=0.10)
    assert row["device_idle"] == pytest.approx(1 - 5.266 / 23.6, abs=0.10)
    assert "bytes as input" in row["bottleneck"]


def test_a_slow_device_is_named(npu, mgn_om, jpegs):
    npu(compute_slowdown=SLOWDOWN)
    _, row = run(Case(mgn_om, 8, 2), jpegs)
    assert row["bottleneck_stage"] == "compute"
    assert row["stages_ms"]["compute"] == pytest.approx(42.1, rel=0.10)
    assert row["device_idle"] <= 0.10


def slow_decoding(monkeypatch, seconds):
    decoded = pixels.decoded

    def slow(*args, **options):
        time.sleep(seconds)
        return decoded(*args, **options)

    monkeypatch.setattr("mgn_fast.embedding.reading.decoded", slow)


def test_a_slow_decoder_is_named_with_the_workers_it_needs(npu, mgn_om, jpegs, monkeypatch):
    npu()
    monkeypatch.setenv("MGN_FAST_THREADS", "8")  # cores, as far as advice goes
    slow_decoding(monkeypatch, 0.010)
    _, row = run(Case(mgn_om, 8, 2, workers=1), jpegs)
    assert row["bottleneck_stage"] == "decode"
    assert row["workers"] == 1
    # At most 100 pictures a second, 200 rows, of 1519: the device idles 87 % or more.
    assert row["images_per_s"] <= 103
    assert row["device_idle"] >= 0.86
    assert "add 7 workers (--workers 8)" in row["bottleneck"]


def test_end_to_end_pictures_are_counted_with_every_stage(npu, mgn_om, jpegs):
    npu(compute_slowdown=SLOWDOWN)
    measured, row = run(Case(mgn_om, 8, 2), jpegs)
    assert set(row["stages_ms"]) == {
        "decode",
        "resize",
        "pack",
        "lane_wait",
        "h2d",
        "compute",
        "d2h",
        "fuse",
    }
    assert measured.rows_per_image == 2
    assert row["mirror"] is True
    assert row["network_images_per_s"] == pytest.approx(2 * row["images_per_s"])
    # A picture and its mirror are two rows.
    assert median_rate(row) * 2 == pytest.approx(RATES[8] / SLOWDOWN, rel=0.10)
    assert row["latency_ms"]["samples"] == sum(len(r.latencies_s) for r in measured.repeats)


def test_without_mirrors_a_picture_is_one_row(npu, mgn_om, jpegs):
    npu()
    _, row = run(Case(mgn_om, 8, 2, mirror=False), jpegs, QUICK)
    assert row["mirror"] is False
    assert row["network_images_per_s"] == row["images_per_s"]


def test_a_stall_makes_the_run_invalid(npu, mgn_om, monkeypatch):
    """In the middle, each of a batch's three tasks takes 0.3 s: noted, not averaged away."""
    npu()
    note = Windows.note
    seen = []

    def planting(self, *result):
        seen.append(result)
        simulator.slow_stream(0.3 if len(seen) == 60 else 0.0)
        note(self, *result)

    monkeypatch.setattr(Windows, "note", planting)
    _, row = run(Case(mgn_om, 8, 1, scope="device"))
    assert row["valid"] is False
    (stall,) = [reason for reason in row["reasons"] if reason.startswith("stall: ")]
    assert int(stall.split()[1]) >= 300


@pytest.mark.parametrize("scope", ["device", "e2e"])
def test_an_open_load_waits_for_images(npu, mgn_om, jpegs, scope):
    npu()
    case = Case(mgn_om, 8, 2, scope=scope, arrivals=Arrivals(100.0, "constant"))
    _, row = run(case, jpegs, Pace(0.1, 0.5, 2))
    assert row["load"] == {"kind": "open", "rate": 100.0}
    assert row["images_per_s"] == pytest.approx(100, rel=0.05)
    assert row["bottleneck_stage"] == "load"
    # Of a picture: a batch of one or two rows at least, 1.56 or 2.2 ms by the table.
    assert row["latency_ms"]["mean"] >= 1.5


def test_an_open_load_above_the_devices_rate_is_too_high(npu, mgn_om):
    npu(compute_slowdown=SLOWDOWN)
    case = Case(mgn_om, 8, 2, scope="device", arrivals=Arrivals(1000.0, "constant"))
    _, row = run(case, pace=Pace(0.1, 0.2, 3))
    assert row["valid"] is False
    assert any("the load is too high" in reason for reason in row["reasons"])
    assert row["bottleneck_stage"] == "compute"


def test_without_times_of_the_device_scope_device_is_measured_and_compute_is_refused(npu, mgn_om):
    npu(calls_missing=["aclrtEventElapsedTime", "aclrtEventGetTimestamp"])
    _, row = run(Case(mgn_om, 8, 2, scope="device"), pace=QUICK)
    assert "compute" not in row["stages_ms"]
    assert row["images_per_s"] > 0
    with pytest.raises(InvalidInputError, match="does not tell how long it computes"):
        run(Case(mgn_om, 8, 2, scope="compute"), pace=QUICK)


def test_the_warm_up_lasts_until_all_lanes_have_given_a_result(npu, mgn_om, monkeypatch):
    npu(timing=False)
    begun = []
    begin = Windows._begin_burst

    def counting(self, now_s):
        begun.append(self.current is not None)
        begin(self, now_s)

    monkeypatch.setattr(Windows, "_begin_burst", counting)
    run(Case(mgn_om, 8, 5, scope="device"), pace=Pace(0.0, 0.001, 1))
    # The seventh result opens the repeat: five that fill the lanes, and one more.
    assert begun.index(True) == 7


def test_the_cpu_is_measured_too(tiny_model, jpegs):
    measured, row = run(Case(tiny_model, 8, 2, threads=1), jpegs, QUICK)
    assert (row["backend"], row["device"], row["simulated"]) == ("onnxruntime", "cpu", False)
    assert row["threads"] == 1
    assert row["memory"]["peak_device_bytes"] is None
    assert row["memory"]["peak_resident_bytes"] > 50e6
    assert {"compute", "decode"} <= set(row["stages_ms"])
    assert measured.load_s > 0
    assert measured.first_s > 0


def test_bytes_are_told_from_floats(npu, tmp_path, tiny_model):
    npu(copy_in_bytes_per_s=2e8)
    path = write_om(
        tmp_path / "aipp.om", onnx=tiny_model, batch_sizes=(8,), aipp=simulator.StaticAipp()
    )
    measured, row = run(Case(path, 8, 2, scope="device"), pace=QUICK)
    assert measured.floats is False
    # A quarter of 23.6 ms.
    assert row["stages_ms"]["h2d"] == pytest.approx(1000 * 8 * IMAGE_BYTES / 4 / 2e8, rel=0.25)


def test_the_first_inference_is_timed_apart_from_loading(npu, tmp_path):
    npu()
    path = write_om(tmp_path / "m.om", batch_sizes=(64,), **TINY)
    measured, _ = run(Case(path, 64, 1, scope="device"), pace=Pace(0.0, 0.01, 1))
    assert measured.first_s >= 64 / 1364.84
    assert 0 < measured.load_s < 5


def test_what_fails_leaves_the_device_as_it_was(npu, mgn_om, tmp_path):
    npu()
    with pytest.raises(ModelError):
        measure(Case(tmp_path / "missing.om", 8, 2, scope="device"), MeasureSettings([]))
    with pytest.raises(pixels.DecodeError):
        measure(Case(mgn_om, 8, 2), MeasureSettings([b"no picture"], pace=QUICK))
