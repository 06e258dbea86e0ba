# SPDX-License-Identifier: Apache-2.0
"""What all exported functions share: counts, error texts, last errors, abort, fork."""

import threading

import pytest

from support.acl import run_program

pytest_plugins = ["support.acl_fixtures"]


def test_calls_are_counted_by_name(acl):
    acl.mgnsim_reset_ledger()
    for _ in range(3):
        acl.get("aclrtGetDevice")
    acl.aclGetRecentErrMsg()
    assert acl.ledger()["calls"] == {"aclrtGetDevice": 3, "aclGetRecentErrMsg": 1}


def test_a_message_is_there_after_a_failure_once_and_names_call_and_code(acl):
    assert acl.message() is None
    assert acl.aclrtMalloc(None, 1, 0) == 100000
    text = acl.message()
    assert text.startswith("EE9999: aclrtMalloc returns 100000: ")
    assert acl.message() is None


def test_messages_are_newest_first(acl):
    acl.aclrtMalloc(None, 1, 0)
    acl.aclrtSetDevice(99)
    lines = acl.message().splitlines()
    assert "aclrtSetDevice returns 107001" in lines[0]
    assert "aclrtMalloc returns 100000" in lines[1]


def test_a_long_history_is_cut_at_its_old_end(acl):
    for _ in range(1000):
        acl.aclrtMalloc(None, 1, 0)
    acl.aclrtSetDevice(99)
    text = acl.message()
    assert len(text) == 16384
    assert "aclrtSetDevice" in text.splitlines()[0]


def test_messages_and_last_errors_belong_to_the_thread(acl):
    seen = []
    acl.aclrtSetDevice(99)
    thread = threading.Thread(
        target=lambda: seen.append((acl.message(), acl.aclrtPeekAtLastError(0)))
    )
    thread.start()
    thread.join()
    assert seen == [(None, 0)]
    assert acl.message() is not None


def test_peek_keeps_the_last_error_and_get_clears_it(acl):
    acl.aclrtGetLastError(0)
    acl.aclrtSetDevice(99)
    acl.ok("aclrtSetDevice", 0)
    assert acl.aclrtPeekAtLastError(0) == 107001
    assert acl.aclrtGetLastError(0) == 107001
    assert acl.aclrtGetLastError(0) == 0
    assert acl.aclrtPeekAtLastError(1) == 107000


@pytest.mark.usefixtures("own_process")
def test_a_violation_ends_the_process_where_asked():
    done = run_program(
        """
        acl.open("on_violation=abort;timing=false")
        memory = acl.new("aclrtMalloc", 64, 0)
        acl.ok("aclrtFree", memory)
        acl.aclrtFree(memory)
        print("survived")
        """
    )
    assert done.returncode == -6
    assert "violation in aclrtFree: double free" in done.stderr
    assert "survived" not in done.stdout


@pytest.mark.usefixtures("own_process")
def test_a_child_of_fork_is_refused_and_the_parent_goes_on():
    done = run_program(
        """
        import os
        acl.open()
        stream = acl.new("aclrtCreateStream")
        host = acl.new("aclrtMallocHost", 64)
        child = os.fork()
        if child == 0:
            codes = [acl.aclrtSynchronizeStream(stream), acl.aclrtFreeHost(host),
                     acl.aclInit(None), acl.aclrtDestroyStream(stream), acl.aclFinalize()]
            rules = set(acl.take_violations())
            os._exit(0 if codes == [507000] * 5 and rules == {"used after fork"} else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        ctypes.memset(host, 1, 64)
        acl.ok("aclrtFreeHost", host)
        acl.ok("aclrtDestroyStream", stream)
        acl.close()
        print(acl.take_violations())
        """
    )
    assert done.stdout.split() == ["0", "[]"], done.stderr


@pytest.mark.usefixtures("own_process")
def test_a_child_of_fork_before_init_may_use_the_library():
    done = run_program(
        """
        import os
        child = os.fork()
        if child == 0:
            acl.open()
            acl.close()
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    assert done.stdout == "0\n", done.stderr
