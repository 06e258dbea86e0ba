# SPDX-License-Identifier: Apache-2.0
"""What loading and unloading demand: one context, live memory, weights that no call touches."""

import ctypes
import threading

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, write_om
from support.acl_models import AclError, Batch, Machine, ledger, library

WEIGHTS, WORK = 4096, 1024
UNKNOWN_ID, PARAM, ADDRESS, UNALIGNED, CONTEXT = 145003, 145000, 145007, 107008, 107004
UNLOAD = 545009


def write(path, **changes):
    options = {
        "batch_sizes": (1,),
        "inputs": [TensorSpec("x", "uint8", (64,))],
        "outputs": [TensorSpec("y", "float32", (2,))],
        "weight_bytes": WEIGHTS,
        "work_bytes": WORK,
    }
    return write_om(path, **(options | changes))


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "m.om")


def load(machine, path, work=(None, 0), weights=(None, 0)):
    identity = ctypes.c_uint32()
    code = machine.code("aclmdlLoadFromFileWithMem", path, ctypes.byref(identity), *work, *weights)
    if code == 0:
        machine.later("aclmdlUnload", identity.value)
    return code, identity.value


def batch_of(machine, identity):
    return Batch(
        machine,
        None,
        [np.zeros((1, 64), np.uint8)],
        outputs=[((1, 2), np.float32)],
        identity=identity,
    )


def test_instances_have_numbers_of_their_own(path):
    with Machine() as machine:
        numbers = [machine.load(path) for _ in range(3)]
        assert len(set(numbers)) == 3
        assert 0 not in numbers
        assert ledger()["live"]["model"] == 3
        machine.call("aclmdlUnload", numbers[1])
        assert machine.code("aclmdlUnload", numbers[1]) == UNKNOWN_ID
        assert ledger()["live"]["model"] == 2


def test_a_file_for_another_chip_is_refused_and_no_chip_is_named(tmp_path):
    """As the real runtime does it; who loads has to find out."""
    path = write(tmp_path / "m.om", soc_version="Ascend310B4")
    with Machine() as machine:
        with pytest.raises(AclError) as caught:
            machine.load(path)
        assert caught.value.code == 500002
        assert "Ascend" not in str(caught.value)
    with Machine(soc_version="Ascend310B4") as machine:
        machine.load(path)


def test_instances_share_weights_in_the_clients_memory(path):
    with Machine() as machine:
        weights = machine.malloc(WEIGHTS)
        works = [machine.malloc(WORK) for _ in range(3)]
        for work in works:
            assert load(machine, path, (work, WORK), (weights, WEIGHTS))[0] == 0
        written = machine.download(weights, WEIGHTS, np.uint8)
        assert len(np.unique(written)) > 50  # they are really there


def test_instances_can_be_loaded_by_many_threads_at_once(path):
    with Machine() as machine:
        context = machine.out("aclrtGetCurrentContext", ctypes.c_void_p)
        weights = machine.malloc(WEIGHTS)
        codes = []

        def one():
            machine.call("aclrtSetCurrentContext", context)
            codes.extend(load(machine, path, weights=(weights, WEIGHTS))[0] for _ in range(5))

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [0] * 20


@pytest.mark.parametrize("part", ["work", "weights"])
def test_memory_that_is_too_small_is_refused(path, part):
    with Machine() as machine:
        size = WORK if part == "work" else WEIGHTS
        memory = machine.malloc(size)
        assert load(machine, path, **{part: (memory, size - 1)})[0] == PARAM
        assert load(machine, path, **{part: (memory, size)})[0] == 0


@pytest.mark.parametrize("kind", ["host", "pinned", "freed", "short"])
def test_memory_that_is_not_the_devices_is_a_violation(path, kind):
    with Machine(violations=["model memory that is not the device's"]) as machine:
        host = np.zeros(WEIGHTS, np.uint8)
        if kind == "pinned":
            memory = machine.pinned(WEIGHTS)
        elif kind == "short":
            memory = machine.malloc(WEIGHTS // 2)
        elif kind == "freed":
            memory = machine.malloc(WEIGHTS)
            machine.call("aclrtFree", memory)
            machine.cleanup.pop()
        else:
            memory = host.ctypes.data
        assert load(machine, path, weights=(memory, WEIGHTS))[0] == ADDRESS


def test_an_unaligned_start_is_a_violation(path):
    with Machine(violations=["unaligned device address"]) as machine:
        memory = machine.malloc(WEIGHTS + 64)
        assert load(machine, path, weights=(memory + 32, WEIGHTS))[0] == UNALIGNED
        assert load(machine, path, weights=(memory + 64, WEIGHTS))[0] == 0


def test_weights_over_those_of_another_file_are_a_violation(tmp_path, path):
    other = write(tmp_path / "other.om", work_bytes=WORK + 512)
    with Machine(violations=["weights over another model's weights"]) as machine:
        weights = machine.malloc(2 * WEIGHTS)
        assert load(machine, path, weights=(weights, WEIGHTS))[0] == 0
        assert load(machine, other, weights=(weights, WEIGHTS))[0] == ADDRESS
        assert load(machine, path, weights=(weights + 64, WEIGHTS))[0] == ADDRESS
        assert load(machine, other, weights=(weights + WEIGHTS, WEIGHTS))[0] == 0


def test_weights_loaded_under_a_running_instance_are_a_violation(path):
    with Machine(violations=["weights loaded under a running model"]) as machine:
        weights = machine.malloc(WEIGHTS)
        _, identity = load(machine, path, weights=(weights, WEIGHTS))
        stream, batch = machine.stream(), batch_of(machine, identity)
        library().mgnsim_slow_stream(ctypes.c_double(0.2))
        assert batch.start(stream) == 0
        assert load(machine, path, weights=(weights, WEIGHTS))[0] == ADDRESS
        machine.call("aclrtSynchronizeStream", stream)
        assert load(machine, path, weights=(weights, WEIGHTS))[0] == 0


@pytest.mark.parametrize("at", [0, WEIGHTS // 2 + 3, WEIGHTS - 1])
def test_weights_that_change_while_loaded_are_a_violation(path, at):
    with Machine(violations=["weights changed while loaded"]) as machine:
        weights = machine.malloc(WEIGHTS)
        _, identity = load(machine, path, weights=(weights, WEIGHTS))
        byte = machine.download(weights + at, 1, np.uint8)
        machine.write(weights + at, byte ^ 1)
        assert machine.code("aclmdlUnload", identity) == UNLOAD
        assert ledger()["live"]["model"] == 0


def test_weights_freed_while_loaded_are_a_violation(path):
    with Machine(violations=["freed while a model lives in it"]) as machine:
        weights = machine.malloc(WEIGHTS)
        machine.cleanup.pop()
        _, identity = load(machine, path, weights=(weights, WEIGHTS))
        batch = batch_of(machine, identity)
        assert machine.code("aclrtFree", weights) == 107000
        code = machine.code("aclmdlExecute", identity, batch.input_set, batch.output_set)
        assert code == ADDRESS
        assert "weights of model" in machine.message()
        assert machine.code("aclmdlUnload", identity) == 0
        assert machine.rules() == {"freed while a model lives in it": 1}


@pytest.mark.parametrize("part", ["work", "weights"])
def test_memory_is_free_again_once_its_last_model_is_unloaded(path, part):
    rule = "freed while a model lives in it"
    with Machine(violations=[rule]) as machine:
        size = WORK if part == "work" else WEIGHTS
        for unloaded in (2, 1):
            memory = machine.malloc(size)
            machine.cleanup.pop()
            loaded = [load(machine, path, **{part: (memory, size)})[1] for _ in range(2)]
            for identity in loaded[:unloaded]:
                machine.call("aclmdlUnload", identity)
            assert machine.code("aclrtFree", memory) == (0 if unloaded == 2 else 107000)
        assert machine.rules() == {rule: 1}


def test_another_context_is_a_violation(path):
    with Machine(violations=["model used in another context"]) as machine:
        first = machine.out("aclrtGetCurrentContext", ctypes.c_void_p)
        identity = machine.load(path)
        batch = batch_of(machine, identity)
        second = machine.context()
        code = machine.code("aclmdlExecute", identity, batch.input_set, batch.output_set)
        assert code == CONTEXT
        assert f"model {identity} was loaded in context" in machine.message()
        machine.call("aclrtSetCurrentContext", first)
        batch.run()
        machine.call("aclrtSetCurrentContext", second)
        assert machine.code("aclmdlUnload", identity) == CONTEXT
        assert ledger()["live"]["model"] == 0
        machine.call("aclrtSetCurrentContext", first)


def test_no_context_is_an_error(path):
    with Machine() as machine:
        identity = machine.load(path)
        codes = []

        def elsewhere():
            codes.append(load(machine, path)[0])
            codes.append(machine.code("aclmdlUnload", identity))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert codes == [107002, 107002]


def test_unloading_in_flight_is_a_violation(path):
    with Machine(violations=["model unloaded while in flight"]) as machine:
        identity = machine.load(path)
        stream, batch = machine.stream(), batch_of(machine, identity)
        library().mgnsim_slow_stream(ctypes.c_double(0.1))
        assert batch.start(stream) == 0
        assert machine.code("aclmdlUnload", identity) == UNLOAD
        machine.call("aclrtSynchronizeStream", stream)
        batch.results()  # the queued work still ran


def test_the_systems_memory_counts_and_runs_out(path):
    with Machine(memory_bytes=3 * (WORK + WEIGHTS)) as machine:
        loaded = [machine.load(path) for _ in range(3)]
        with pytest.raises(AclError, match=r"no 5120 bytes left") as caught:
            machine.load(path)
        assert caught.value.code == 245000
        machine.call("aclmdlUnload", loaded[0])
        machine.load(path)


def test_a_model_left_at_the_devices_reset_is_one_violation(path):
    with Machine(violations=["device reset with live objects"]) as machine:
        machine.out("aclmdlLoadFromFile", ctypes.c_uint32, path)
        machine.call("aclrtResetDevice", 0)
        assert machine.rules() == {"device reset with live objects": 1}
        assert ledger()["violations"][0]["detail"].endswith(" 1 model(s)")
        assert ledger()["live"]["model"] == 0


def test_a_model_left_in_a_destroyed_context_is_one_violation(path):
    with Machine(violations=["context destroyed with live objects"]) as machine:
        context = machine.out_first("aclrtCreateContext", ctypes.c_void_p, 0)
        identity = machine.out("aclmdlLoadFromFile", ctypes.c_uint32, path)
        machine.call("aclrtDestroyContext", context)
        assert machine.code("aclmdlUnload", identity) == UNKNOWN_ID
        assert ledger()["live"]["model"] == 0
        assert machine.rules() == {"context destroyed with live objects": 1}


def test_a_failed_unload_unloads_all_the_same(path):
    with Machine() as machine:
        identity = machine.load(path)
        library().mgnsim_fail(b"aclmdlUnload", 1, 507899, b"now")
        assert machine.code("aclmdlUnload", identity) == 507899
        assert ledger()["live"]["model"] == 0
