# SPDX-License-Identifier: Apache-2.0
"""Tests here run on a real NPU. Without one they are skipped, unless MGN_FAST_REQUIRE=npu says that
there has to be one."""

import os

import pytest

from mgn_fast import MgnError, _core, compile_om, export_onnx

REQUIRED = os.environ.get("MGN_FAST_REQUIRE") == "npu"


def num_devices():
    """How many NPUs there are, or why there are none."""
    try:
        return _core.ascend_info()["num_devices"], "AscendCL finds no device"
    except MgnError as error:
        return 0, str(error)


@pytest.fixture(scope="session", autouse=True)
def npu(full_size_network):
    """The number of devices."""
    count, reason = num_devices()
    if count == 0 and REQUIRED:
        pytest.fail(f"MGN_FAST_REQUIRE=npu, but {reason}")
    if count == 0:
        pytest.skip("no NPU; MGN_FAST_REQUIRE=npu makes this a failure")
    yield count
    _core.ascend_stop()


@pytest.fixture(scope="session")
def mgn_onnx(tmp_path_factory):
    """MGN with seeded weights."""
    return export_onnx(None, tmp_path_factory.mktemp("device") / "mgn.onnx", verify=False)


@pytest.fixture(scope="session", params=["static", "gears", "aipp"])
def mgn_om(request, mgn_onnx):
    """It, compiled by ATC for the device that is there."""
    options = {"static": {"batch_sizes": (8,)}, "gears": {"batch_sizes": (1, 4, 8)}}
    options["aipp"] = options["static"] | {"aipp": True}
    path = mgn_onnx.with_name(f"{request.param}.om")
    return compile_om(mgn_onnx, path, **options[request.param])
