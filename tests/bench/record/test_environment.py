# SPDX-License-Identifier: Apache-2.0
import importlib.metadata
import os
import platform
import sys

from mgn_fast import __version__, open_session, simulator
from mgn_fast.bench.record import environment as module
from mgn_fast.bench.record.environment import describe_environment
from mgn_fast.common import machine
from mgn_fast.simulator import write_om
from support.simulated import TINY


def test_this_machine_is_described():
    found = describe_environment(with_ascend=False)
    assert found["mgn_fast"] == __version__
    assert found["python"] == platform.python_version()
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["cpu"]
    assert found["memory_bytes"] > 1 << 28
    assert found["simd"] in ("scalar", "avx2", "avx512", "neon")
    assert found["packages"]["numpy"] == sys.modules["numpy"].__version__
    assert found["ascend"] is None


def test_the_level_is_the_one_in_use(monkeypatch):
    monkeypatch.setattr(module._core, "simd_level", lambda: "neon")
    assert describe_environment(with_ascend=False)["simd"] == "neon"


def test_a_package_that_is_not_there_has_no_version(monkeypatch):
    def version(name):
        if name == "openvino":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    packages = describe_environment(with_ascend=False)["packages"]
    assert packages["openvino"] is None
    assert packages["onnxruntime"] == "1.0"


def test_a_machine_without_proc_is_described_too(monkeypatch):
    monkeypatch.setattr(machine, "lines_of", lambda path: [])
    monkeypatch.setattr(module, "lines_of", lambda path: [])
    found = describe_environment(with_ascend=False)
    assert found["memory_bytes"] is None
    assert found["governor"] is None


def test_a_simulated_npu_is_called_simulated(tmp_path):
    simulator.enable("Ascend310B4", timing=False)
    try:
        with open_session(
            write_om(tmp_path / "m.om", soc_version="Ascend310B4", batch_sizes=(4,), **TINY)
        ):
            found = describe_environment(with_ascend=True)["ascend"]
    finally:
        simulator.disable()
    assert found["soc_name"] == "Ascend310B4"
    assert found["simulated"] is True
    assert isinstance(found["version"], str)
