# SPDX-License-Identifier: Apache-2.0
"""Data buffers and datasets: non-owning, checked before anything is read through them."""

import pytest

from support.acl_models import Machine, ledger, library

INVALID = 100000


def test_a_data_buffer_says_what_it_was_given():
    with Machine() as machine:
        buffer = machine.buffer(0x1000, (1 << 32) + 5)
        assert machine.raw("aclGetDataBufferAddr", buffer) == 0x1000
        assert machine.raw("aclGetDataBufferSizeV2", buffer) == (1 << 32) + 5
        assert machine.raw("aclGetDataBufferSize", buffer) == 5
        machine.call("aclUpdateDataBuffer", buffer, 0x2000, 7)
        assert machine.raw("aclGetDataBufferAddr", buffer) == 0x2000
        assert machine.raw("aclGetDataBufferSizeV2", buffer) == 7


def test_an_empty_data_buffer_is_legal():
    with Machine() as machine:
        assert machine.raw("aclGetDataBufferAddr", machine.buffer(None, 0)) is None


def test_a_dataset_lists_buffers_in_order_and_owns_none():
    with Machine() as machine:
        first, second = machine.buffer(0x1000, 1), machine.buffer(0x2000, 2)
        dataset = machine.raw("aclmdlCreateDataset")
        for buffer in (first, second, first):
            machine.call("aclmdlAddDatasetBuffer", dataset, buffer)
        assert machine.raw("aclmdlGetDatasetNumBuffers", dataset) == 3
        listed = [machine.raw("aclmdlGetDatasetBuffer", dataset, i) for i in range(4)]
        assert listed == [first, second, first, None]
        machine.call("aclmdlDestroyDataset", dataset)
        assert machine.raw("aclGetDataBufferSizeV2", first) == 1


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("aclGetDataBufferAddr", (None,), None),
        ("aclGetDataBufferSizeV2", (None,), 0),
        ("aclGetDataBufferSize", (None,), 0),
        ("aclDestroyDataBuffer", (None,), INVALID),
        ("aclUpdateDataBuffer", (None, None, 0), INVALID),
        ("aclmdlDestroyDataset", (None,), INVALID),
        ("aclmdlAddDatasetBuffer", (None, None), INVALID),
        ("aclmdlGetDatasetNumBuffers", (None,), 0),
        ("aclmdlGetDatasetBuffer", (None, 0), None),
        ("aclmdlSetDatasetTensorDesc", (None, None, 0), INVALID),
        ("aclmdlGetDatasetTensorDesc", (None, 0), None),
    ],
)
def test_null_is_answered_and_explained(name, arguments, answer):
    with Machine() as machine:
        machine.message()
        assert machine.raw(name, *arguments) == answer
        assert "is null" in machine.message()


def test_a_null_buffer_is_not_added():
    with Machine() as machine:
        assert machine.code("aclmdlAddDatasetBuffer", machine.dataset(), None) == INVALID


def test_a_tensor_description_can_be_tied_to_a_buffer_and_taken_away():
    with Machine() as machine:
        dataset = machine.dataset((None, 0))
        desc = machine.raw("aclCreateTensorDesc", 0, 0, None, 2)
        machine.later("aclDestroyTensorDesc", desc)
        assert machine.raw("aclmdlGetDatasetTensorDesc", dataset, 0) is None
        machine.call("aclmdlSetDatasetTensorDesc", dataset, desc, 0)
        assert machine.raw("aclmdlGetDatasetTensorDesc", dataset, 0) == desc
        machine.call("aclmdlSetDatasetTensorDesc", dataset, None, 0)
        assert machine.raw("aclmdlGetDatasetTensorDesc", dataset, 0) is None
        assert machine.code("aclmdlSetDatasetTensorDesc", dataset, desc, 1) == INVALID


@pytest.mark.parametrize("kind", ["data buffer", "dataset"])
def test_a_destroyed_handle_is_a_violation(kind):
    with Machine(violations=["destroyed handle used"]) as machine:
        if kind == "dataset":
            handle = machine.raw("aclmdlCreateDataset")
            machine.call("aclmdlDestroyDataset", handle)
            assert machine.raw("aclmdlGetDatasetNumBuffers", handle) == 0
            assert machine.code("aclmdlDestroyDataset", handle) == INVALID
        else:
            handle = machine.raw("aclCreateDataBuffer", None, 0)
            machine.call("aclDestroyDataBuffer", handle)
            assert machine.raw("aclGetDataBufferAddr", handle) is None
            assert machine.code("aclDestroyDataBuffer", handle) == INVALID
        assert machine.rules()["destroyed handle used"] == 2


def test_a_failed_creation_gives_null_and_a_failed_destruction_destroys():
    with Machine() as machine:
        buffer = machine.raw("aclCreateDataBuffer", None, 0)
        dataset = machine.raw("aclmdlCreateDataset")
        for name in ("aclCreateDataBuffer", "aclmdlCreateDataset"):
            library().mgnsim_fail(name.encode(), 1, 200000, b"now")
            assert machine.raw(name, None, 0) is None
        for name, handle in (("aclDestroyDataBuffer", buffer), ("aclmdlDestroyDataset", dataset)):
            library().mgnsim_fail(name.encode(), 1, 507899, b"now")
            assert machine.code(name, handle) == 507899
        live = ledger()["live"]
        assert live.get("data_buffer", 0) == live.get("dataset", 0) == 0


def test_leftovers_are_named_at_the_end():
    with Machine(violations=["leak of dataset"]) as machine:
        leaked = machine.raw("aclmdlCreateDataset")
    assert machine.raw("aclmdlDestroyDataset", leaked) == 0
