# SPDX-License-Identifier: Apache-2.0
"""The time model: batches at the published rates, copies at theirs."""

import ctypes
import json

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, write_om
from support.acl_models import Batch, Machine, is_instrumented, library

PUBLISHED = {1: 640.829, 4: 1453.49, 8: 1519.17, 16: 1388.27, 32: 1367.63, 64: 1364.84}


def traced(run):
    library().mgnsim_trace_start()
    run()
    library().mgnsim_trace_stop()
    buffer = ctypes.create_string_buffer(1 << 20)
    library().mgnsim_trace(buffer, len(buffer))
    return [json.loads(line) for line in buffer.value.decode().splitlines()]


def executions(tmp_path, batch, count):
    """The trace of `count` executions queued at once."""
    path = write_om(
        tmp_path / "m.om",
        batch_sizes=(batch,),
        inputs=[TensorSpec("x", "uint8", (8,))],
        outputs=[TensorSpec("y", "float32", (2,))],
    )
    with Machine(timing="true") as machine:
        rows = np.zeros((batch, 8), np.uint8)
        made = Batch(machine, path, [rows], outputs=[((batch, 2), np.float32)])
        stream = machine.stream()

        def run():
            for _ in range(count):
                assert made.start(stream) == 0
            machine.call("aclrtSynchronizeStream", stream)

        tasks = [task for task in traced(run) if task["engine"] == "compute"]
    assert [task["note"] for task in tasks] == [f"batch {batch}"] * count
    return tasks


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize(("batch", "images_per_s"), PUBLISHED.items())
def test_a_busy_engine_keeps_the_published_rate(tmp_path, batch, images_per_s):
    """By the host's clock, so that lateness would show; again where the machine was busy."""
    count = 40 if batch == 1 else 10 if batch < 16 else 3
    for attempt in range(5):
        tasks = executions(tmp_path, batch, count)
        rate = batch * count / (tasks[-1]["done_s"] - tasks[0]["start_s"])
        if attempt == 4 or rate >= 0.99 * images_per_s:
            break
    assert rate == pytest.approx(images_per_s, rel=0.01)


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize(
    ("batch", "seconds"),
    [
        (2, 1 / 640.829 + (4 / 1453.49 - 1 / 640.829) / 3),
        (8, 8 / 1519.17),
        (12, (8 / 1519.17 + 16 / 1388.27) / 2),
        (128, 128 / 1364.84),
    ],
)
def test_other_batches_lie_between_their_neighbours(tmp_path, batch, seconds):
    tasks = executions(tmp_path, batch, 2)
    shortest = min(task["end_s"] - task["start_s"] for task in tasks)
    assert shortest == pytest.approx(seconds, rel=0.001)


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.skipif(is_instrumented(), reason="a sanitizer slows copies and sums down")
@pytest.mark.parametrize("direction", ["copy_in", "copy_out"])
@pytest.mark.parametrize("rate", [None, 1e9])
def test_copies_take_their_time(direction, rate):
    """10 GB/s unless told otherwise; small enough that really moving the bytes takes less."""
    size = 1 << 20
    settings = {} if rate is None else {f"{direction}_bytes_per_s": rate}
    with Machine(timing="true", **settings) as machine:
        host, device, stream = machine.pinned(size), machine.malloc(size), machine.stream()

        def run():
            for _ in range(5):
                machine.call("aclrtMemcpyAsync", device, size, host, size, 1, stream)
                machine.call("aclrtMemcpyAsync", host, size, device, size, 2, stream)
            machine.call("aclrtSynchronizeStream", stream)

        tasks = [task for task in traced(run) if task["engine"] == direction]
    seconds = min(task["end_s"] - task["start_s"] for task in tasks)
    assert seconds >= size / (rate or 10e9) * 0.999
    assert seconds <= size / (rate or 10e9) * (1.01 if rate else 3)


def test_without_timing_nothing_waits(tmp_path):
    path = write_om(tmp_path / "m.om", batch_sizes=(64,), inputs=[TensorSpec("x", "uint8", (8,))])
    with Machine() as machine:
        made = Batch(
            machine, path, [np.zeros((64, 8), np.uint8)], outputs=[((64, 2048), np.float32)]
        )
        (task,) = traced(lambda: made.run() and None)[:1]
    assert task["done_s"] - task["start_s"] < 64 / 1364.84 / 2
