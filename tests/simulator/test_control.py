# SPDX-License-Identifier: Apache-2.0
"""Switching the simulator on and off from Python, and asking it for trouble."""

import ctypes
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core, simulator
from mgn_fast.simulator import TensorSpec, control, library, write_om
from support import acl_models
from support.acl_models import Batch


@pytest.fixture
def uses(monkeypatch):
    """Calls of the backend that `enable` and `disable` make; the library is the tests'."""
    seen = []
    path = acl_models.library_path()
    monkeypatch.setattr(library, "library_path", lambda: path)
    monkeypatch.setattr(_core, "ascend_stop", lambda: seen.append("stop"), raising=False)
    monkeypatch.setattr(_core, "ascend_use_library", seen.append, raising=False)
    yield seen
    simulator.disable()
    simulator.library.load(path).mgnsim_configure(b"")


class Acl:
    """AscendCL initialised with device 0, as the backend would."""

    def __enter__(self):
        self.library = acl_models.library()
        assert self.library.aclInit(None) == 0
        assert self.library.aclrtSetDevice(0) == 0
        return self.library

    def __exit__(self, *_):
        self.library.aclrtResetDevice(0)
        self.library.aclFinalize()


def test_the_signature_is_the_documented_one():
    parameters = inspect.signature(simulator.enable).parameters
    names = ["soc_version", "timing", "compute", "run_mode", "on_violation", "device_count"]
    assert list(parameters)[:6] == names
    values = [parameters[name].default for name in names]
    assert values == ["Ascend310P3", True, "onnx", "host", "error", 1]
    kinds = {parameters[name].kind for name in list(parameters)[1:]}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_the_environments_keys_are_the_arguments():
    """The docstring of mgn_fast.simulator says so, and nothing else lists them."""
    parameters = inspect.signature(simulator.enable).parameters
    error = library.load(acl_models.library_path()).mgnsim_configure(b"?").decode()
    assert sorted(error.partition("keys:")[2].split()) == sorted(parameters)
    assert all(f"{name}:" in simulator.enable.__doc__ for name in parameters)


def test_enable_and_disable_switch_the_backend(uses):
    simulator.enable()
    simulator.enable(timing=False)
    simulator.disable()
    simulator.disable()
    path = str(acl_models.library_path())
    assert uses == ["stop", path, "stop", path, "stop", ""]


def test_settings_arrive(uses):
    simulator.enable("Ascend310B4", timing=False, run_mode="device", device_count=3)
    with Acl() as acl:
        acl.aclrtGetSocName.restype = ctypes.c_char_p
        assert acl.aclrtGetSocName() == b"Ascend310B4"
        mode, count = ctypes.c_int(), ctypes.c_uint32()
        acl.aclrtGetRunMode(ctypes.byref(mode))
        acl.aclrtGetDeviceCount(ctypes.byref(count))
        assert (mode.value, count.value) == (0, 3)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"compute": "magic"}, "compute is 'magic'"),
        ({"run_mode": "guest"}, "run_mode is 'guest'"),
        ({"on_violation": "ignore"}, "on_violation is 'ignore'"),
        ({"soc_version": "Ascend910B3"}, "pass timing=False"),
        ({"soc_version": "", "timing": False}, "soc_version"),
        ({"soc_version": "a;b", "timing": False}, "neither ';' nor line breaks"),
        ({"device_count": -1}, "device_count"),
        ({"jitter": 2.0}, "jitter"),
        ({"compute_slowdown": -1.0}, "compute_slowdown"),
        ({"memory_bytes": -5}, "memory_bytes"),
    ],
)
def test_settings_are_checked(uses, options, reason):
    with pytest.raises(InvalidInputError, match=reason):
        simulator.enable(**options)


def test_settings_do_not_change_while_acl_is_in_use(uses):
    simulator.enable()
    with Acl(), pytest.raises(InvalidInputError, match=r"in use"):
        simulator.enable(timing=False)


def test_the_ledger_tells_what_lives_and_what_was_called(uses):
    simulator.enable(timing=False)
    with Acl() as acl:
        acl.aclmdlCreateDataset.restype = ctypes.c_void_p
        dataset = ctypes.c_void_p(acl.aclmdlCreateDataset())
        ledger = simulator.ledger()
        assert ledger["live"]["dataset"] == ledger["created"]["dataset"] == 1
        assert ledger["calls"]["aclmdlCreateDataset"] == 1
        assert ledger["violations"] == []
        acl.aclmdlDestroyDataset(dataset)
        acl.aclmdlDestroyDataset(dataset)
        (violation,) = simulator.ledger()["violations"]
        assert violation["call"] == "aclmdlDestroyDataset"
        assert violation["rule"] == "destroyed handle used"
        assert simulator.ledger()["violation_counts"] == {"destroyed handle used": 1}
        simulator.reset_ledger()
        assert simulator.ledger()["violations"] == []
    assert simulator.ledger()["live"].get("dataset", 0) == 0


def test_enabling_again_starts_with_an_empty_ledger(uses):
    simulator.enable(timing=False)
    with Acl():
        pass
    assert simulator.ledger()["calls"]["aclInit"] == 1
    simulator.enable(timing=False)
    assert simulator.ledger()["calls"].get("aclInit", 0) == 0


def test_faults_happen_once_and_can_be_forgotten(uses):
    simulator.enable(timing=False)
    with Acl() as acl:
        stream = ctypes.c_void_p()
        simulator.fail("aclrtCreateStream", 2, 207008)
        assert acl.aclrtCreateStream(ctypes.byref(stream)) == 0
        assert acl.aclrtCreateStream(ctypes.byref(ctypes.c_void_p())) == 207008
        simulator.fail("*", 1, 507899)
        assert acl.aclrtSynchronizeStream(stream) == 507899
        simulator.fail("aclrtSynchronizeStream", 1, 507899)
        simulator.reset_faults()
        assert acl.aclrtSynchronizeStream(stream) == 0
        assert acl.aclrtDestroyStream(stream) == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("aclrtNothing", 1, 5), "aclrtNothing"),
        (("aclInit", 0, 5), "nth is 0"),
        (("aclInit", -3, 5), "nth is -3"),
        (("aclInit", 1, 0), "code is 0"),
        (("aclInit", 1, 1 << 40), "code is"),
    ],
)
def test_faults_are_checked(uses, arguments, reason):
    simulator.enable()
    with pytest.raises(InvalidInputError, match=reason):
        simulator.fail(*arguments)
    with pytest.raises(InvalidInputError, match=r"when is 'later'"):
        simulator.fail("aclInit", 1, 5, when="later")


def test_devices_and_times_are_checked(uses):
    simulator.enable()
    with pytest.raises(InvalidInputError, match=r"device is -1"):
        simulator.lose_device(-1)
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match=r"seconds is"):
            simulator.slow_stream(seconds)


def test_missing_calls_answer_as_an_old_library(uses):
    simulator.enable(timing=False, calls_missing=["aclrtGetMemInfo", "aclrtMemset"])
    with Acl() as acl:
        sizes = ctypes.c_size_t(), ctypes.c_size_t()
        assert acl.aclrtGetMemInfo(0, *map(ctypes.byref, sizes)) == 207000


def small_model(path):
    return write_om(
        path,
        batch_sizes=(1,),
        inputs=[TensorSpec("x", "uint8", (8,))],
        outputs=[TensorSpec("y", "float32", (2,))],
    )


def test_a_trace_tells_tasks_in_order(tmp_path):
    path = acl_models.library_path()
    monkey = pytest.MonkeyPatch()
    monkey.setattr(library, "library_path", lambda: path)
    with acl_models.Machine(timing="true") as machine:
        rows = np.zeros((1, 8), np.uint8)
        outputs = [((1, 2), np.float32)]
        batch = Batch(machine, small_model(tmp_path / "m.om"), [rows], outputs=outputs)
        stream = machine.stream()
        with simulator.trace() as records:
            assert batch.start(stream) == 0
            assert batch.start(stream) == 0
            machine.call("aclrtSynchronizeStream", stream)
            assert records == []
        batch.start(stream)
        machine.call("aclrtSynchronizeStream", stream)
    monkey.undo()
    first, second = (record for record in records if record.engine == "compute")
    assert first.name == second.name == "aclmdlExecuteAsync"
    assert first.note == "batch 1"
    assert (first.device, first.code) == (0, 0)
    assert first.end_s - first.start_s == pytest.approx(1 / 640.829, rel=1e-3)
    assert first.start_s < first.end_s <= second.start_s < second.end_s <= second.done_s


EXIT = """
import ctypes, sys
sys.path.insert(0, {tests!r})
from support import acl_models
from mgn_fast import _core, simulator
from mgn_fast.simulator import library
library.library_path = acl_models.library_path
_core.ascend_stop = lambda: None
_core.ascend_use_library = lambda path: None
simulator.enable(timing=False)
import numpy as np
machine = acl_models.Machine(compute="onnx")
acl_models.library().aclInit(None)
machine.call("aclrtSetDevice", 0)
pixels = np.zeros((1, 3, 384, 128), np.float32)
batch = acl_models.Batch(machine, {om!r}, [pixels], outputs=[((1, 2048), np.float32)])
stream = machine.stream()
for _ in range(50):
    assert batch.start(stream) == 0
print("queued", flush=True)
"""


@pytest.mark.usefixtures("own_process")
def test_the_interpreter_exits_with_batches_in_flight(tmp_path, tiny_model):
    om = write_om(tmp_path / "m.om", onnx=tiny_model, batch_sizes=(1,))
    code = EXIT.format(tests=str(Path(acl_models.__file__).parents[1]), om=str(om))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "queued"), done.stderr


@pytest.mark.usefixtures("own_process")
def test_a_violation_can_end_the_process(tmp_path):
    code = (
        "import sys, ctypes; lib = ctypes.CDLL(sys.argv[1]); lib.aclInit(None); "
        "lib.aclmdlDestroyDataset(ctypes.c_void_p(64)); print('alive')"
    )
    environment = os.environ | {"MGN_FAST_SIMULATOR": "on_violation=abort"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(acl_models.library_path())],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == -6
    assert "destroyed handle used" in done.stderr


def test_settings_match_the_records_fields():
    assert [field.name for field in control.TaskRecord.__dataclass_fields__.values()] == [
        "name",
        "engine",
        "device",
        "stream",
        "code",
        "start_s",
        "end_s",
        "done_s",
        "note",
    ]
