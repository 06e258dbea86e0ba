# SPDX-License-Identifier: Apache-2.0
"""Loading, sharing and freeing on the simulator, whose ledger and rules are the judges."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import DeviceError, DeviceMemoryError, InvalidInputError, _core, simulator
from support.simulated import embeddings_of


def opened(path, lanes=2, device=0):
    return _core.AscendEngine(str(path), device, lanes)


def run(lane, images):
    lane.input()[: len(images)] = images
    batch = lane.submit(len(images))
    assert batch.wait(5)
    return batch.embeddings()


@pytest.fixture
def pictures(random):
    return random.standard_normal((4, 3, 2, 2), np.float32)


def test_all_lanes_share_one_copy_of_the_weights(tiny_om, ledger_delta):
    path = tiny_om(weight_bytes=1 << 20, work_bytes=1 << 12)
    before = simulator.ledger()["live_bytes"].get("device_memory", 0)
    engine = opened(path, lanes=3)
    ledger = simulator.ledger()
    assert engine.weights_bytes() == 1 << 20
    assert ledger["live"]["model"] == 3
    assert ledger["calls"]["aclmdlLoadFromFileWithMem"] == 3
    grown = ledger["live_bytes"]["device_memory"] - before
    assert 1 << 20 <= grown < (1 << 20) + 3 * (1 << 14)
    engine.close()


def test_a_model_without_weights_of_its_own_is_loaded_plainly(tiny_om, pictures):
    engine = opened(tiny_om(weight_bytes=0), lanes=2)
    assert engine.weights_bytes() == 0
    calls = simulator.ledger()["calls"]
    assert calls["aclmdlLoadFromFile"] == 2
    assert "aclmdlLoadFromFileWithMem" not in calls
    np.testing.assert_array_equal(run(engine.take_lane(), pictures), embeddings_of(pictures))
    engine.close()


@pytest.mark.parametrize("run_mode", ["host", "device"])
@pytest.mark.parametrize("weight_bytes", [0, 1 << 20])
def test_an_engine_says_what_it_takes_of_the_device(tiny_om, ledger_delta, weight_bytes):
    """Four pictures of 48 bytes, their embeddings of 64, the gear's number, and the memory of two
    instances; what has no weights to share is the runtime's own."""
    path = tiny_om(batch_sizes=(1, 4), weight_bytes=weight_bytes, work_bytes=1 << 12)
    before = simulator.ledger()["live_bytes"].get("device_memory", 0)
    engine = opened(path, lanes=2)
    memory = weight_bytes and weight_bytes + 2 * (1 << 12)
    assert engine.device_bytes() == 2 * 4 * (48 + 64) + 2 * 8 + memory
    ledger = simulator.ledger()
    taken = ledger["live_bytes"]["device_memory"] - before
    if weight_bytes:
        assert engine.device_bytes() <= taken
        assert taken <= engine.device_bytes() + 64 * ledger["live"]["device_memory"]
    engine.close()


def test_every_lane_is_given_out_once(tiny_om):
    engine = opened(tiny_om(), lanes=2)
    lanes = [engine.take_lane() for _ in range(3)]
    assert lanes[2] is None
    assert lanes[0].input().ctypes.data != lanes[1].input().ctypes.data
    engine.close()


def test_closing_frees_everything_and_may_be_repeated(tiny_om, pictures):
    engine = opened(tiny_om(batch_sizes=(1, 4)), lanes=3)
    run(engine.take_lane(), pictures)
    engine.close()
    engine.close()
    gc.collect()
    assert simulator.ledger()["live"] == {}


def test_an_engine_that_is_dropped_frees_everything(tiny_om):
    engine = opened(tiny_om())
    engine.take_lane().submit(1)
    del engine
    gc.collect()
    assert simulator.ledger()["live"] == {}


def test_two_engines_on_one_device_share_its_context(tiny_om, ledger_delta):
    path = tiny_om()
    with ledger_delta() as delta:
        first, second = opened(path), opened(path)
    assert delta.created["context"] == 1
    first.close()
    assert simulator.ledger()["live"]["context"] == 1
    second.close()
    assert simulator.ledger()["live"] == {}


def test_closing_while_another_thread_submits_is_no_crash(tiny_om):
    path = tiny_om()
    for _ in range(30):
        engine = opened(path)
        lane = engine.take_lane()

        def submit(lane=lane):
            while True:
                lane.submit(1).wait(5)

        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(submit)
            time.sleep(0.001)
            engine.close()
            with pytest.raises(InvalidInputError, match=r"closed|in flight"):
                running.result(10)


@pytest.mark.usefixtures("simulated_time")
def test_closing_waits_for_the_batches_in_flight(tiny_om):
    engine = opened(tiny_om(), lanes=1)
    simulator.slow_stream(0.1)
    batch = engine.take_lane().submit(4)
    assert engine.wait_idle(3)
    engine.close()
    simulator.slow_stream(0)
    assert batch.done()
    assert batch.embeddings().shape == (4, 16)


@pytest.mark.on_chip("Ascend910B")
@pytest.mark.needs_call("aclrtStreamAbort")
def test_a_batch_that_does_not_end_is_aborted(tiny_om):
    engine = opened(tiny_om(), lanes=1)
    simulator.slow_stream(30)
    batch = engine.take_lane().submit(4)
    started = time.monotonic()
    assert not engine.wait_idle(0.05)
    engine.close()
    assert time.monotonic() - started < 3
    simulator.slow_stream(0)
    assert batch.done()
    with pytest.raises(DeviceError, match="dropped, because its session was closed") as error:
        batch.embeddings()
    assert (error.value.call, error.value.code) == ("aclrtStreamAbort", 107023)


@pytest.mark.parametrize("code", [207001, 207018])
def test_lacking_memory_is_a_memory_error_and_leaves_nothing(tiny_om, code):
    path = tiny_om()
    simulator.fail("aclrtMalloc", 3, code)
    with pytest.raises(DeviceMemoryError, match="use fewer lanes or a smaller batch") as error:
        opened(path)
    assert error.value.call == "aclrtMalloc"
    gc.collect()
    assert simulator.ledger()["live"] == {}


def test_a_model_larger_than_the_device_is_a_memory_error(tiny_om):
    with pytest.raises(MemoryError, match="aclrtMalloc failed with 207001"):
        opened(tiny_om(work_bytes=30 << 30))


def test_a_device_that_is_not_there_is_named(tiny_om):
    with pytest.raises(DeviceError, match="npu-smi") as error:
        opened(tiny_om(), device=7)
    assert error.value.code == 107001


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.parametrize(
    "call", ["aclmdlUnload", "aclrtFree", "aclrtDestroyStream", "aclrtFreeHost"]
)
def test_a_release_that_fails_is_told_after_all_others_were_done(tiny_om, call):
    engine = opened(tiny_om())
    simulator.fail(call, 1, 507899)
    with pytest.raises(DeviceError) as error:
        engine.close()
    assert (error.value.call, error.value.code) == (call, 507899)
    gc.collect()
    assert simulator.ledger()["live"] == {}


def test_a_release_that_fails_in_a_destructor_is_told_on_standard_error(tiny_om, capfd):
    engine = opened(tiny_om())
    simulator.fail("aclmdlUnload", 1, 507899)
    del engine
    gc.collect()
    assert "mgn_fast: aclmdlUnload failed with 507899" in capfd.readouterr().err
