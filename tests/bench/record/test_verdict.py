# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.bench.record.verdict import Circumstances, judge

NPU = Circumstances(lanes=2, workers=2, cores=8, on_npu=True, open_load=False, floats=True)
CPU = Circumstances(lanes=2, workers=2, cores=2, on_npu=False, open_load=False, floats=True)


def setting(base=NPU, **changes):
    return Circumstances(**{**vars(base), **changes})


def test_slow_decoding_is_told_with_the_workers_that_are_missing():
    # Two workers keep up with 0.39 / 0.97 of the device: it takes 2 * 0.97 / 0.39 = 4.97.
    verdict = judge({"decode": 0.97, "feed": 0.1, "compute": 0.39}, NPU)
    assert verdict.bottleneck == "decode"
    assert verdict.device_idle == pytest.approx(0.61)
    assert verdict.words == (
        "decode-bound (97% busy): the device idles 61%; add 3 workers (--workers 5)"
    )


@pytest.mark.parametrize(
    ("workers", "cores", "decode", "compute", "advice"),
    [
        (1, 8, 0.90, 0.45, "add 1 worker (--workers 2)"),  # exactly two
        (1, 8, 0.91, 0.45, "add 2 workers (--workers 3)"),  # 2.02
        (4, 8, 1.00, 0.80, "add 1 worker (--workers 5)"),
        (2, 4, 1.00, 0.10, "add 2 workers (--workers 4)"),  # 20, but there are two more cores
        (2, 8, 1.00, 0.00, "add 6 workers (--workers 8)"),
        (8, 8, 1.00, 0.50, "all 8 cores decode already; decode less (smaller files)"),
        (9, 8, 1.00, 0.50, "all 8 cores decode already"),
    ],
)
def test_as_many_workers_are_advised_as_the_device_could_use(
    workers, cores, decode, compute, advice
):
    words = judge(
        {"decode": decode, "compute": compute}, setting(workers=workers, cores=cores)
    ).words
    assert advice in words


def test_a_feeding_thread_that_never_rests_is_told():
    verdict = judge({"decode": 0.5, "feed": 0.95, "compute": 0.70}, NPU)
    assert verdict.bottleneck == "feed"
    assert verdict.words == (
        "feed-bound (95% busy): the device idles 30%; one thread packs and adds: use another "
        "process beside this one"
    )


@pytest.mark.parametrize(
    ("floats", "advice"),
    [(True, "bytes as input (uint8, AIPP): a quarter to copy"), (False, "the link to the device")],
)
def test_slow_copies_in_are_told(floats, advice):
    verdict = judge({"h2d": 0.99, "compute": 0.3, "d2h": 0.01}, setting(floats=floats))
    assert verdict.bottleneck == "h2d"
    assert verdict.words.startswith("copy-in-bound (99% busy): the device idles 70%; ")
    assert advice in verdict.words


def test_slow_copies_out_are_told():
    verdict = judge({"h2d": 0.1, "compute": 0.3, "d2h": 0.9}, NPU)
    assert verdict.bottleneck == "d2h"
    assert verdict.words.startswith("copy-out-bound (90% busy): the device idles 70%; the link")


def test_a_busy_device_is_told():
    verdict = judge({"decode": 0.4, "h2d": 0.1, "compute": 0.98}, NPU)
    assert verdict.bottleneck == "compute"
    assert verdict.device_idle == pytest.approx(0.02)
    assert verdict.words == (
        "compute-bound: the device is busy 98% of the time; only another device or a smaller "
        "network is faster"
    )


@pytest.mark.parametrize(("share", "advised"), [(0.89, True), (0.969, True), (0.971, False)])
def test_a_device_that_waits_a_little_could_use_another_lane(share, advised):
    # One lane at batch 8: the copies take a tenth of the time, in which nothing computes.
    words = judge({"h2d": 0.09, "compute": share}, setting(lanes=1)).words
    assert words.startswith(f"compute-bound: the device is busy {share:.0%} of the time; ")
    assert ("try 2 lanes, which hides what it waits for" in words) is advised
    # Under an open load it waits for images.
    assert "only another device" in judge({"compute": share}, setting(open_load=True)).words


def test_on_the_cpu_lower_precision_is_advised():
    verdict = judge({"decode": 0.1, "compute": 1.0}, CPU)
    assert verdict.words == (
        "compute-bound: the lanes are busy 100% of the time; only more cores, or a lower precision "
        "(bf16, int8), are faster"
    )


def test_on_the_cpu_nothing_is_said_of_a_device():
    words = judge({"decode": 0.99, "compute": 0.50}, CPU).words
    assert "nothing computes for 50%" in words
    assert "device" not in words


@pytest.mark.parametrize("stage", ["decode", "feed", "h2d", "d2h"])
def test_of_stages_equally_busy_computing_is_named(stage):
    assert judge({stage: 0.99, "compute": 0.97}, NPU).bottleneck == "compute"
    assert judge({stage: 0.99, "compute": 0.95}, NPU).bottleneck == stage


@pytest.mark.parametrize("stage", ["decode", "feed", "h2d", "compute", "d2h"])
def test_a_stage_that_rests_bounds_nothing(stage):
    assert judge({"compute": 0.5, stage: 0.84}, NPU).bottleneck == "lanes"
    assert judge({"compute": 0.5, stage: 0.85}, NPU).bottleneck == stage


def test_if_nothing_is_busy_batches_wait_for_each_other():
    verdict = judge({"h2d": 0.3, "compute": 0.6, "d2h": 0.1, "lane_wait": 0.99}, setting(lanes=1))
    assert verdict.bottleneck == "lanes"
    assert verdict.words == (
        "lanes-bound: no stage is busy all the time (compute most, 60%) and the device idles 40%; "
        "try 2 lanes, or larger batches"
    )


def test_under_an_open_load_idle_stages_wait_for_images():
    verdict = judge({"compute": 0.6, "lane_wait": 0.99}, setting(open_load=True))
    assert verdict.bottleneck == "load"
    assert verdict.words == (
        "load-bound: the device idles 40% of the time, waiting for images to arrive"
    )
    assert judge({"compute": 0.95}, setting(open_load=True)).bottleneck == "compute"


def test_a_device_that_tells_nothing_idles():
    assert judge({}, NPU).device_idle == 1.0
