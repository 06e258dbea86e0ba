# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.bench import Case, MeasureSettings, Slo
from mgn_fast.bench.case import Measured
from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.record.row import latency_of, rates_of, row_of
from mgn_fast.common.observer import Span
from support.bench_fakes import QUIET, a_repeat

OM = Path("/models/mgn.om")


def device_spans(gap_s=0.010, number=90, *, engines=1, **seconds):
    """Of each batch its stages one after the other, a batch per gap and engine."""
    spans = []
    for engine in range(engines):
        for batch in range(number):
            now_s = batch * gap_s
            for stage, took_s in seconds.items():
                spans.append(Span(stage, now_s, now_s + took_s, f"lane {engine}", engine))
                now_s += took_s
    return spans


def measured(case=None, spans=None, repeats=None, **changes):
    """Three repeats of 30 batches of 8 images, one every 10 ms: 800 images a second."""
    fields = {
        "case": case or Case(OM, 8, 1, scope="device"),
        "backend": "ascend",
        "simulated": True,
        "rows_per_image": 1,
        "floats": True,
        "precision": None,
        "is_mgn": True,
        "workers": None,
        "threads": None,
        "num_engines": 1,
        "repeats": repeats
        or [a_repeat([0.010] * 30, started_s=0.3 * number) for number in range(3)],
        "spans": device_spans(h2d=0.001, compute=0.009) if spans is None else spans,
        "noise": QUIET,
        "load_s": 0.5,
        "first_s": 0.25,
        "peak_resident_bytes": 1000,
        "device_bytes": 2000,
    }
    return Measured(**(fields | changes))


def row(found, **settings):
    return row_of(found, MeasureSettings([], **settings))


def test_rate_and_latency_are_those_of_the_results():
    found = row(measured())
    assert found["images_per_s"] == pytest.approx(800)
    assert found["images_per_s_repeats"] == pytest.approx([800] * 3)
    assert found["images_per_s_ci95"] == pytest.approx([800, 800])
    assert found["network_images_per_s"] == pytest.approx(800)
    # 90 batches of 10 ms: enough for the median, too few for p90.
    assert found["latency_ms"] == {
        "mean": pytest.approx(10),
        "p50": pytest.approx(10),
        "p90": None,
        "p95": None,
        "p99": None,
        "max": pytest.approx(10),
        "samples": 90,
    }


def test_stages_are_per_batch_and_occupancy_is_a_share():
    found = row(measured())
    assert found["stages_ms"] == pytest.approx({"h2d": 1, "compute": 9})
    assert found["occupancy"] == pytest.approx(
        {"feed": 0, "lane_wait": 0, "h2d": 0.1, "compute": 0.9}
    )
    assert found["device_idle"] == pytest.approx(0.1)
    assert found["bottleneck_stage"] == "compute"


def test_only_the_repeats_count_and_not_what_came_before_or_after():
    early = [replace_span(span, -0.95) for span in device_spans(h2d=0.001, compute=0.009)]
    late = [replace_span(span, 0.95) for span in device_spans(h2d=0.001, compute=0.009)]
    spans = early + device_spans(h2d=0.001, compute=0.009) + late
    found = row(measured(spans=spans))
    assert found["stages_ms"] == pytest.approx({"h2d": 1, "compute": 9})
    found = row(measured(Case(OM, 8, 1, scope="compute"), spans))
    assert found["latency_ms"]["samples"] == 90


def replace_span(span, shift_s):
    return span._replace(started_s=span.started_s + shift_s, ended_s=span.ended_s + shift_s)


def test_scope_compute_counts_the_execution_alone():
    found = row(measured(Case(OM, 8, 1, scope="compute")))
    assert found["images_per_s"] == pytest.approx(8 / 0.009)
    assert found["latency_ms"]["mean"] == pytest.approx(9)
    assert found["latency_ms"]["samples"] == 90


def test_scope_compute_needs_a_runtime_that_tells():
    with pytest.raises(InvalidInputError, match=r"the ascend runtime does not tell how long it"):
        row(measured(Case(OM, 8, 1, scope="compute"), spans=[]))


def test_engines_work_side_by_side():
    # Two of them, each a batch of 9 ms every 10 ms: 1600 images a second.
    repeats = [a_repeat([0.005] * 60, started_s=0.3 * number) for number in range(3)]
    spans = device_spans(compute=0.009, engines=2)
    device = row(measured(Case(OM, 8, 2, scope="device"), spans, repeats, num_engines=2))
    assert device["images_per_s"] == pytest.approx(1600)
    assert device["occupancy"]["compute"] == pytest.approx(0.9)
    assert device["stages_ms"]["compute"] == pytest.approx(9)
    compute = row(measured(Case(OM, 8, 2, scope="compute"), spans, repeats, num_engines=2))
    assert compute["images_per_s"] == pytest.approx(2 * 8 / 0.009)


def test_littles_law_of_a_closed_load_knows_what_is_in_flight():
    found = row(measured())
    assert found["littles_law"] == pytest.approx({"in_flight": 8, "rate_times_latency": 8})
    assert found["valid"] is True
    # Two lanes whose results were there after 10 ms leave half unexplained.
    found = row(measured(Case(OM, 8, 2, scope="device")))
    assert found["littles_law"] == pytest.approx({"in_flight": 16, "rate_times_latency": 8})
    assert found["valid"] is False
    assert found["reasons"][0].startswith("Little's law")


def e2e(in_flight=(8,), **changes):
    """Pictures, of which a row of the network is half."""
    repeats = [a_repeat([0.010] * 30, started_s=0.3 * number, images=4) for number in range(3)]
    for repeat in repeats:
        repeat.in_flight = list(in_flight)
    fields = {"rows_per_image": 2, "workers": 2, "repeats": repeats}
    return measured(Case(OM, 8, 1, scope="e2e"), **(fields | changes))


def test_pictures_and_rows_of_the_network_are_told_apart():
    found = row(e2e())
    assert found["images_per_s"] == pytest.approx(400)
    assert found["network_images_per_s"] == pytest.approx(800)
    assert found["mirror"] is True
    # A batch of 8 rows every 10 ms.
    assert found["stages_ms"]["compute"] == pytest.approx(9)


def test_what_was_seen_in_flight_is_the_mean():
    found = row(e2e(in_flight=(3, 5)))
    # 400 a second that take 10 ms each.
    assert found["littles_law"] == pytest.approx({"in_flight": 4, "rate_times_latency": 4})
    assert row(e2e(in_flight=()))["littles_law"]["in_flight"] == 0


def test_decoding_is_shared_by_its_workers_and_feeding_is_one_thread():
    spans = device_spans(compute=0.004)
    for batch in range(90):
        now_s = batch * 0.010
        for worker in ("w0", "w1"):
            spans.append(Span("decode", now_s, now_s + 0.006, worker))
            spans.append(Span("resize", now_s + 0.006, now_s + 0.0098, worker))
        spans.append(Span("pack", now_s, now_s + 0.002, "main"))
        spans.append(Span("lane_wait", now_s + 0.002, now_s + 0.004, "main"))
        spans.append(Span("fuse", now_s + 0.004, now_s + 0.005, "main"))
    found = row(e2e(in_flight=(4,), spans=spans))
    assert found["occupancy"] == pytest.approx(
        {"decode": 0.98, "feed": 0.3, "lane_wait": 0.2, "compute": 0.4}
    )
    assert found["stages_ms"] == pytest.approx(
        {"decode": 12, "resize": 7.6, "pack": 2, "lane_wait": 2, "compute": 4, "fuse": 1}
    )
    assert found["bottleneck_stage"] == "decode"


def test_an_open_load_says_its_rate_and_is_judged_by_it():
    case = Case(OM, 8, 1, scope="device", arrivals=Arrivals(400.0, "constant"))
    found = row(replace(e2e(in_flight=(4,), rows_per_image=1), case=case))
    assert found["load"] == {"kind": "open", "rate": 400.0}
    assert found["valid"] is True
    case = replace(case, arrivals=Arrivals(500.0, "constant"))
    found = row(replace(e2e(in_flight=(4,), rows_per_image=1), case=case))
    assert found["reasons"] == ["500 images/s arrive, 400.0 are done: the load is too high"]


@pytest.mark.parametrize(
    ("text", "met", "reasons"),
    [
        ("mean:10.5ms", True, []),
        ("mean:9.5ms", False, []),
        ("p50:10.5ms", True, []),
        ("p50:9.5ms", False, []),
        ("p99:1s", None, ["too few results for p99: 90"]),
    ],
)
def test_a_bound_is_met_or_not(text, met, reasons):
    found = row(measured(), slo=Slo.parse(text))
    assert found["slo"] == {"limit": str(Slo.parse(text)), "met": met}
    assert found["reasons"] == reasons
    assert found["valid"] is not bool(reasons)


def test_percentiles_are_those_asked_for():
    latency = row(measured(), percentiles=[25.0, 75.5])["latency_ms"]
    assert list(latency) == ["mean", "p25", "p75.5", "max", "samples"]


def test_a_few_results_have_a_percentile_for_those_who_know():
    repeat = a_repeat([0.010] * 4)
    repeat.latencies_s = [0.004, 0.001, 0.003, 0.002]
    found = measured(repeats=[repeat])
    assert latency_of(found, None) == pytest.approx(2.5)
    # The smallest that half, three quarters or more do not exceed.
    assert [latency_of(found, p) for p in (50.0, 75.0, 76.0)] == pytest.approx([2.0, 3.0, 4.0])
    assert rates_of(found) == pytest.approx([800])


@pytest.mark.parametrize(
    ("case", "name"),
    [
        (Case(OM, 8, 1, scope="device"), "0"),
        (Case(OM, 8, 1, scope="device", device=3), "3"),
        (Case(OM, 8, 1, scope="device", device=(0, 2)), "0,2"),
        (Case(Path("mgn.onnx"), 8, 1, scope="device"), "cpu"),
    ],
)
def test_the_device_is_named(case, name):
    assert row(measured(case))["device"] == name


def test_what_was_measured_besides_is_told():
    found = row(measured())
    assert found["cold_start_s"] == {"load": 0.5, "first_inference": 0.25}
    assert found["memory"] == {"peak_resident_bytes": 1000, "peak_device_bytes": 2000}
    assert found["noise"] == vars(QUIET)
    assert found["simulated"] is True
    assert found["published"] is found["accuracy"] is found["baseline"] is None


def test_a_row_is_plain_json():
    found = row(measured())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
