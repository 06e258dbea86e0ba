# SPDX-License-Identifier: Apache-2.0
"""The trace: what ran when, on which engine, in model time."""

import ctypes

import pytest

pytest_plugins = ["support.acl_fixtures"]


@pytest.fixture
def buffers(acl):
    host, memory = acl.new("aclrtMallocHost", 1000), acl.new("aclrtMalloc", 1000, 0)
    yield host, memory
    acl.ok("aclrtFreeHost", host)
    acl.ok("aclrtFree", memory)


@pytest.mark.parametrize(
    "acl", ["copy_in_bytes_per_s=48800;copy_out_bytes_per_s=1e5"], indirect=True
)
def test_tasks_are_told_with_engine_and_model_time(acl, buffers):
    host, memory = buffers
    streams = [acl.new("aclrtCreateStream") for _ in range(2)]
    acl.mgnsim_trace_start()
    for half, stream in enumerate(streams):
        acl.ok("aclrtMemcpyAsync", memory + 512 * half, 488, host, 488, 1, stream)
    for stream in streams:
        acl.ok("aclrtSynchronizeStream", stream)
    acl.ok("aclrtMemcpy", host, 1000, memory, 1000, 2)
    acl.mgnsim_trace_stop()
    acl.ok("aclrtMemcpy", host, 1000, memory, 1000, 2)
    tasks = acl.trace()
    assert [task["engine"] for task in tasks] == ["copy_in", "copy_in", "copy_out"]
    assert [task["name"] for task in tasks] == ["aclrtMemcpyAsync"] * 2 + ["aclrtMemcpy"]
    assert tasks[0]["stream"] != tasks[1]["stream"]
    assert tasks[2]["stream"] == 0
    assert {task["device"] for task in tasks} == {task["code"] for task in tasks} == {0}
    for task in tasks:
        assert task["end_s"] - task["start_s"] == pytest.approx(0.01, rel=0.01)
        assert task["done_s"] >= task["end_s"] - 1e-9
    # One engine: the second begins where the first ends.
    assert tasks[1]["start_s"] == pytest.approx(tasks[0]["end_s"], abs=1e-9)
    assert tasks[0]["start_s"] >= 0
    for stream in streams:
        acl.ok("aclrtDestroyStream", stream)


def test_failures_are_told_and_a_new_trace_forgets(acl, buffers):
    acl.mgnsim_trace_start()
    acl.fail("aclrtMemsetAsync", code=507015, when="sync")
    acl.ok("aclrtMemsetAsync", buffers[1], 1000, 1, 1000, None)
    assert acl.aclrtSynchronizeStream(None) == 507015
    assert [task["code"] for task in acl.trace()] == [507015]
    acl.mgnsim_trace_start()
    assert acl.trace() == []


def test_the_text_is_cut_where_the_buffer_ends(acl):
    acl.mgnsim_trace_start()
    acl.mgnsim_trace_stop()
    assert acl.library.mgnsim_trace(None, 0) == 1
    buffer = ctypes.create_string_buffer(b"xy", 2)
    acl.library.mgnsim_trace(buffer, ctypes.c_size_t(1))
    assert buffer.raw == b"\0y"
