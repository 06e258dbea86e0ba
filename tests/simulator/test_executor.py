# SPDX-License-Identifier: Apache-2.0
"""Real networks through the simulator equal ONNX Runtime run directly."""

import ctypes
import logging
import subprocess
import sys
import threading

import numpy as np
import pytest

from mgn_fast.models.contract import HEIGHT, INPUT_NAME, OUTPUT_NAME, WIDTH, Contract
from mgn_fast.simulator import StaticAipp, write_om
from mgn_fast.simulator.executor import MAX_OPEN_FILES, OnnxExecutor
from mgn_fast.simulator.library import ExecutorFunction
from support.acl_models import Batch, Machine, library
from support.late import late
from support.tiny_model import write_tiny_model

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
onnx = late("onnx")
onnxruntime = late("onnxruntime")

# float32 sums of 576 products of numbers of order one, in another order at most.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-4}


@pytest.fixture
def executor():
    made = OnnxExecutor()
    callback = ExecutorFunction(made.run)
    library().mgnsim_set_executor(callback)
    yield made
    library().mgnsim_set_executor(None)


def directly(path, pixels):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run([OUTPUT_NAME], {INPUT_NAME: pixels})[0]


def pictures(count, seed=0):
    shape = (count, 3, HEIGHT, WIDTH)
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_fixed_batch_gives_onnx_runtimes_numbers(tmp_path, executor, dtype):
    onnx = write_tiny_model(tmp_path / "m.onnx")
    path = write_om(tmp_path / "m.om", onnx=onnx, batch_sizes=(2,), output_dtype=dtype)
    inputs = pictures(2)
    with Machine(compute="onnx") as machine:
        (got,) = Batch(machine, path, [inputs], outputs=[((2, 2048), dtype)]).run()
    expected = directly(onnx, inputs)
    if dtype == "float16":  # the last bit of a half may go either way
        np.testing.assert_allclose(got, expected.astype(np.float16), rtol=1e-3, atol=1e-3)
    else:
        np.testing.assert_allclose(got, expected, **TOLERANCE)
    assert got.any()


@pytest.mark.parametrize("gear", [1, 3])
def test_a_gear_gives_onnx_runtimes_numbers(tmp_path, executor, gear):
    onnx = write_tiny_model(tmp_path / "m.onnx")
    path = write_om(tmp_path / "m.om", onnx=onnx, batch_sizes=(1, 3, 4))
    inputs = pictures(4)
    with Machine(compute="onnx") as machine:
        arrays = [inputs, np.zeros(1, np.int64)]
        batch = Batch(machine, path, arrays, outputs=[((4, 2048), np.float32)])
        machine.write(batch.outputs[0], np.full((4, 2048), -1, np.float32))
        machine.call("aclmdlSetDynamicBatchSize", batch.id, batch.input_set, 1, gear)
        (got,) = batch.run()
    np.testing.assert_allclose(got[:gear], directly(onnx, inputs[:gear]), **TOLERANCE)
    assert (got[gear:] == -1).all()


def test_a_uint8_network_is_fed_uint8(tmp_path, executor):
    onnx = write_tiny_model(tmp_path / "m.onnx", contract=Contract(input="uint8"))
    path = write_om(tmp_path / "m.om", onnx=onnx, batch_sizes=(1,))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 384, 128, 3), dtype=np.uint8)
    with Machine(compute="onnx") as machine:
        (got,) = Batch(machine, path, [pixels], outputs=[((1, 2048), np.float32)]).run()
    np.testing.assert_allclose(got, directly(onnx, pixels), rtol=1e-5, atol=1e-2)


def test_with_aipp_the_network_sees_normalised_planes(tmp_path, executor):
    onnx = write_tiny_model(tmp_path / "m.onnx")
    path = write_om(tmp_path / "m.om", onnx=onnx, batch_sizes=(2,), aipp=StaticAipp())
    pixels = np.random.default_rng(0).integers(0, 256, (2, 384, 128, 3), dtype=np.uint8)
    with Machine(compute="onnx") as machine:
        (got,) = Batch(machine, path, [pixels], outputs=[((2, 2048), np.float32)]).run()
    half = np.float16
    least = np.array(StaticAipp().min_chn, np.float32).astype(half)
    factor = np.array(StaticAipp().var_reci, np.float32).astype(half)
    planes = ((pixels.astype(half) - least) * factor).astype(np.float32).transpose(0, 3, 1, 2)
    expected = directly(onnx, np.ascontiguousarray(planes))
    np.testing.assert_allclose(got, expected, **TOLERANCE)


def test_streams_run_it_at_the_same_time(tmp_path, executor):
    onnx = write_tiny_model(tmp_path / "m.onnx")
    path = write_om(tmp_path / "m.om", onnx=onnx, batch_sizes=(1,))
    cases = [pictures(1, seed) for seed in range(3)]
    with Machine(compute="onnx") as machine:
        outputs = [((1, 2048), np.float32)]
        batches = [Batch(machine, path, [case], outputs=outputs) for case in cases]
        streams = [machine.stream() for _ in batches]
        for _ in range(4):
            for batch, stream in zip(batches, streams, strict=True):
                assert batch.start(stream) == 0
        for stream in streams:
            machine.call("aclrtSynchronizeStream", stream)
        for batch, case in zip(batches, cases, strict=True):
            np.testing.assert_allclose(batch.results()[0], directly(onnx, case), **TOLERANCE)
    assert len(executor._sessions) == 1


def test_a_network_that_fails_fails_the_execution_and_is_logged(tmp_path, executor, caplog):
    onnx = write_tiny_model(tmp_path / "m.onnx")
    path = write_om(tmp_path / "m.om", onnx=onnx, batch_sizes=(1,))
    path.write_bytes(path.read_bytes()[:-100] + bytes(100))
    with Machine(compute="onnx") as machine, caplog.at_level(logging.ERROR):
        batch = Batch(machine, path, [pictures(1)], outputs=[((1, 2048), np.float32)])
        code = machine.code("aclmdlExecute", batch.id, batch.input_set, batch.output_set)
    assert code in (0, 507011)
    if code:
        assert "the ONNX of a simulated model failed" in caplog.text


def test_few_files_stay_open(tmp_path, executor):
    outputs = [((1, 2048), np.float32)]
    with Machine(compute="onnx") as machine:
        for seed in range(MAX_OPEN_FILES + 2):
            onnx = write_tiny_model(tmp_path / f"{seed}.onnx", seed=seed)
            path = write_om(tmp_path / f"{seed}.om", onnx=onnx, batch_sizes=(1,))
            Batch(machine, path, [pictures(1)], outputs=outputs).run()
    assert len(executor._sessions) == MAX_OPEN_FILES


def test_reopening_a_file_opens_no_second_session(tmp_path, executor):
    onnx = write_tiny_model(tmp_path / "m.onnx")
    path = write_om(tmp_path / "m.om", onnx=onnx, batch_sizes=(1,))
    outputs = [((1, 2048), np.float32)]
    for _ in range(2):
        with Machine(compute="onnx") as machine:
            Batch(machine, path, [pictures(1)], outputs=outputs).run()
        (session,) = executor._sessions.values()
        kept = session
    assert kept is next(iter(executor._sessions.values()))


def test_the_lock_of_python_is_free_while_the_host_waits(tmp_path, executor):
    onnx = write_tiny_model(tmp_path / "m.onnx")
    path = write_om(tmp_path / "m.om", onnx=onnx, batch_sizes=(1,))
    with Machine(compute="onnx") as machine:
        batch = Batch(machine, path, [pictures(1)], outputs=[((1, 2048), np.float32)])
        stream, turns, stop = machine.stream(), [0], threading.Event()

        def spin():
            while not stop.is_set():
                turns[0] += 1

        thread = threading.Thread(target=spin)
        thread.start()
        library().mgnsim_slow_stream(ctypes.c_double(0.1))
        assert batch.start(stream) == 0
        before = turns[0]
        machine.call("aclrtSynchronizeStream", stream)
        after = turns[0]
        stop.set()
        thread.join()
    assert after > before


@pytest.mark.usefixtures("own_process")
def test_onnx_runtime_is_not_imported_before_it_is_needed():
    code = (
        "import sys, mgn_fast.simulator; from mgn_fast.simulator import executor; "
        "executor.OnnxExecutor(); print('onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def write_two_outputs(path):
    """The picture doubled, under a name with colons, and its negative."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3])
        for name in ("image", "onnx::Gemm_7", "Gemm_7")
    ]
    nodes = [
        helper.make_node("Add", ["image", "image"], ["onnx::Gemm_7"]),
        helper.make_node("Neg", ["image"], ["Gemm_7"]),
    ]
    graph = helper.make_graph(nodes, "two", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    "names",
    [
        ["onnx::Gemm_7", "Gemm_7"],
        ["Add_0:0:onnx::Gemm_7", "Neg_1:0:Gemm_7"],
        ["Add_0:0", "Neg_1:0"],  # as older ATCs write them
    ],
)
def test_outputs_are_told_by_their_tensors_or_their_order(tmp_path, executor, names):
    path = write_om(
        tmp_path / "m.om",
        onnx=write_two_outputs(tmp_path / "m.onnx"),
        batch_sizes=(2,),
        output_names=names,
    )
    inputs = np.arange(6, dtype=np.float32).reshape(2, 3)
    with Machine(compute="onnx") as machine:
        doubled, negative = Batch(machine, path, [inputs], outputs=2 * [((2, 3), "float32")]).run()
    assert doubled.tolist() == (2 * inputs).tolist()
    assert negative.tolist() == (-inputs).tolist()
