# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from mgn_fast.bench.page.series import (
    lanes_series,
    latency_series,
    latency_statistic,
    published_series,
    throughput_series,
)
from support import bench_records


def row(**changes):
    return bench_records.cpu()["runs"][0] | changes


def with_latency(**percentiles):
    return row(latency_ms={"mean": 5.0, "max": 9.0, "samples": 40} | percentiles)


def test_lanes_are_series_and_batch_sizes_ascend():
    runs = bench_records.simulated()["runs"]
    found = lanes_series(runs[::-1])
    assert list(found) == ["1 lane", "2 lanes", "3 lanes"]
    assert [run["batch_size"] for run in found["2 lanes"]] == [1, 4, 8, 16, 32, 64]


def test_threads_that_follow_from_the_lanes_are_not_named():
    found = lanes_series([row(lanes=1, threads=2), row(lanes=2, threads=1)])
    assert list(found) == ["1 lane", "2 lanes"]


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({"device": "0,1"}, ["1 lane, device cpu", "1 lane, device 0,1"]),
        ({"workers": 4}, ["1 lane, 2 workers", "1 lane, 4 workers"]),
        ({"backend": "onnxruntime"}, ["1 lane, openvino", "1 lane, onnxruntime"]),
        ({"mirror": False}, ["1 lane, mirrored too", "1 lane, plain"]),
        (
            {"load": {"kind": "open", "rate": 900.0}},
            ["1 lane, closed loop", "1 lane, 900 arrive/s"],
        ),
    ],
)
def test_what_else_differs_at_as_many_lanes_is_named(changes, labels):
    assert list(lanes_series([row(), row(**changes)])) == labels


def test_throughput_has_the_interval_of_each_rate_and_whether_it_is_valid():
    first = row(
        images_per_s=10.0,
        images_per_s_ci95=[9.0, 12.0],
        images_per_s_repeats=[9.0, 11.0],
        valid=False,
    )
    (line,) = throughput_series([first])
    assert (line.values, line.intervals, line.valid) == ([10.0], [(9.0, 12.0)], [False])


def test_one_repeat_has_no_interval():
    first = row(images_per_s=10.0, images_per_s_ci95=[9.0, 12.0], images_per_s_repeats=[10.0])
    assert throughput_series([first])[0].intervals == [(10.0, 10.0)]


def test_published_rates_are_one_series_and_none_without_any():
    runs = bench_records.simulated()["runs"]
    line = published_series(runs)
    assert dict(zip(line.batch_sizes, line.values, strict=True)) == bench_records.PUBLISHED
    assert published_series([row()]) is None


def test_p99_is_plotted_where_a_row_has_it():
    rows = [with_latency(p50=1.0, p99=None, **{"p99.9": 3.0}), with_latency(p50=1.0, p99=2.0)]
    assert latency_statistic(rows) == "p99"


def test_else_the_highest_percentile_that_a_row_has():
    rows = [with_latency(p50=1.0, p90=None, p99=None), with_latency(p50=1.0, p90=2.0, p99=None)]
    assert latency_statistic(rows) == "p90"
    assert latency_statistic([with_latency(p9=1.0, p50=2.0)]) == "p50"


def test_else_the_mean():
    assert latency_statistic([with_latency(p50=None), with_latency()]) == "mean"


def test_a_percentile_that_is_not_there_is_a_gap_and_no_zero():
    rows = [
        with_latency(p99=2.0) | {"batch_size": 1},
        with_latency(p99=None) | {"batch_size": 4},
        with_latency() | {"batch_size": 8},
    ]
    (line,) = latency_series(rows, "p99")
    assert line.values[0] == 2.0
    assert all(math.isnan(value) for value in line.values[1:])
