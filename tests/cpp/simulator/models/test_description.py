# SPDX-License-Identifier: Apache-2.0
"""Filling model descriptions: from a loaded model, a file, memory; names too long for a field."""

import pytest

from mgn_fast.simulator import TensorSpec, write_om
from support.acl_models import Machine

INVALID = 100000
UNKNOWN_ID = 145003


@pytest.fixture
def path(tmp_path):
    return write_om(tmp_path / "m.om", batch_sizes=(4,))


def test_a_description_comes_from_model_file_or_memory_alike(path):
    with Machine() as machine:
        content = path.read_bytes()
        from_memory = machine.raw("aclmdlCreateDesc")
        machine.later("aclmdlDestroyDesc", from_memory)
        machine.call("aclmdlGetDescFromMem", from_memory, content, len(content))
        descs = [machine.describe(machine.load(path)), machine.describe_file(path), from_memory]
        for desc in descs:
            assert machine.raw("aclmdlGetNumInputs", desc) == 1
            assert machine.dims("aclmdlGetInputDims", desc, 0).sizes() == [4, 3, 384, 128]


def test_a_description_can_be_filled_again(tmp_path, path):
    other = write_om(tmp_path / "other.om", batch_sizes=(1, 2))
    with Machine() as machine:
        desc = machine.describe_file(path)
        machine.call("aclmdlGetDescFromFile", desc, other)
        assert machine.raw("aclmdlGetNumInputs", desc) == 2


def test_a_description_outlives_its_model(path):
    with Machine() as machine:
        identity = machine.load(path)
        desc = machine.describe(identity)
        machine.call("aclmdlUnload", identity)
        assert machine.raw("aclmdlGetInputNameByIndex", desc, 0) == b"image"


def test_refusals(path):
    with Machine() as machine:
        desc = machine.raw("aclmdlCreateDesc")
        machine.later("aclmdlDestroyDesc", desc)
        assert machine.code("aclmdlGetDesc", desc, 12345) == UNKNOWN_ID
        assert machine.code("aclmdlGetDesc", None, 1) == INVALID
        assert machine.code("aclmdlGetDescFromFile", desc, None) == INVALID
        assert machine.code("aclmdlGetDescFromFile", desc, path.parent / "none.om") == 145002
        assert machine.code("aclmdlGetDescFromMem", desc, None, 5) == INVALID
        assert machine.code("aclmdlGetDescFromMem", desc, b"x", 0) == INVALID
        assert machine.code("aclmdlDestroyDesc", None) == INVALID
        assert machine.raw("aclmdlGetNumInputs", desc) == 0
        assert "never filled" in machine.message()


def test_a_destroyed_description_is_a_violation(path):
    with Machine(violations=["destroyed handle used"]) as machine:
        desc = machine.raw("aclmdlCreateDesc")
        machine.call("aclmdlDestroyDesc", desc)
        assert machine.code("aclmdlDestroyDesc", desc) == INVALID
        assert machine.raw("aclmdlGetNumInputs", desc) == 0


def test_names_of_128_bytes_are_replaced_where_they_do_not_fit(tmp_path):
    exact, longer = "a" * 127, "b" * 128
    taken = "acl_modelId_0_input_1"
    inputs = [TensorSpec(name, "float32", (1,)) for name in (exact, longer, taken)]
    outputs = [TensorSpec("c" * 300, "float32", (1,))]
    path = write_om(tmp_path / "m.om", batch_sizes=(1,), inputs=inputs, outputs=outputs)
    with Machine() as machine:
        desc = machine.describe_file(path)
        shown = [machine.dims("aclmdlGetInputDims", desc, i).name.decode() for i in range(3)]
        assert shown == [exact, "acl_modelId_0_input_1_0", taken]
        assert machine.raw("aclmdlGetInputNameByIndex", desc, 1) == longer.encode()
        real = machine.raw("aclmdlGetTensorRealName", desc, b"acl_modelId_0_input_1_0")
        assert real == longer.encode()
        output = machine.dims("aclmdlGetOutputDims", desc, 0).name
        assert output == b"acl_modelId_0_output_0"
        assert machine.raw("aclmdlGetTensorRealName", desc, output) == b"c" * 300


def test_the_replacement_carries_the_models_number(tmp_path):
    inputs = [TensorSpec("b" * 200, "float32", (1,))]
    path = write_om(tmp_path / "m.om", batch_sizes=(1,), inputs=inputs)
    with Machine() as machine:
        identity = machine.load(path)
        name = machine.dims("aclmdlGetInputDims", machine.describe(identity), 0).name
        assert name.decode() == f"acl_modelId_{identity}_input_0"
