# SPDX-License-Identifier: Apache-2.0
"""aclInit to aclFinalize, what the machine says it is, and the end of a process."""

import ctypes

import pytest

from support.acl import SANITIZED, run_program

pytest_plugins = ["support.acl_fixtures"]


def test_a_second_init_is_refused_harmlessly_and_one_finalize_ends_all(raw_acl):
    raw_acl.ok("aclInit", None)
    assert raw_acl.aclInit(b"") == 100002
    raw_acl.ok("aclFinalize")
    assert raw_acl.aclFinalize() == 100037
    assert raw_acl.aclrtSetDevice(0) == 100001
    assert raw_acl.take_violations() == ["used after aclFinalize"]


def test_references_are_counted_down(raw_acl):
    raw_acl.ok("aclInit", None)
    raw_acl.aclInit(None)
    assert raw_acl.get("aclFinalizeReference", kind=ctypes.c_uint64) == 1
    raw_acl.ok("aclrtSetDevice", 0)
    raw_acl.ok("aclrtResetDevice", 0)
    assert raw_acl.get("aclFinalizeReference", kind=ctypes.c_uint64) == 0
    assert raw_acl.aclFinalizeReference(None) == 100037


def test_it_can_be_initialised_again(raw_acl):
    for _ in range(3):
        raw_acl.open()
        stream = raw_acl.new("aclrtCreateStream")
        raw_acl.ok("aclrtSynchronizeStream", stream)
        raw_acl.ok("aclrtDestroyStream", stream)
        raw_acl.close()


@pytest.mark.usefixtures("own_process")
def test_before_init_nothing_works_but_what_needs_no_device():
    done = run_program(
        """
        out = ctypes.c_void_p()
        print(acl.aclrtSetDevice(0), acl.aclrtCreateContext(ctypes.byref(out), 0),
              acl.aclrtSynchronizeStream(None), acl.aclFinalize())
        print(acl.aclrtGetSocName(), acl.get("aclrtGetDeviceCount"), acl.take_violations())
        """
    )
    assert done.stdout.splitlines() == [
        "100001 100001 100001 100037",
        "b'Ascend310P3' 1 []",
    ], done.stderr


CONFIGS = {
    "empty object": ("{}", 0),
    "object": ('{"dump": {"a": [1, 2, "}"]}, "b": "\\""}\n', 0),
    "empty": ("", 100006),
    "not an object": ("[1]", 100006),
    "open": ('{"a": {', 100006),
    "open quote": ('{"a}', 100006),
    "more behind": ("{} {}", 100006),
}


@pytest.mark.parametrize(("text", "code"), CONFIGS.values(), ids=CONFIGS.keys())
def test_the_configuration_is_a_json_object(raw_acl, tmp_path, text, code):
    path = tmp_path / "acl.json"
    path.write_text(text)
    assert raw_acl.aclInit(str(path).encode()) == code


def test_a_configuration_that_is_not_there_is_told(raw_acl, tmp_path):
    assert raw_acl.aclInit(str(tmp_path / "none.json").encode()) == 100003
    assert "none.json" in raw_acl.message()


def test_what_the_machine_is(acl):
    numbers = [ctypes.c_int32() for _ in range(3)]
    acl.ok("aclrtGetVersion", *map(ctypes.byref, numbers))
    assert [n.value for n in numbers] == [1, 17, 0]
    assert acl.aclrtGetVersion(None, None, None) == 100000
    assert acl.aclrtGetRunMode(None) == 100000
    assert acl.aclrtGetDevice(None) == 100000
    assert acl.aclrtGetDeviceCount(None) == 100000
    assert acl.aclrtGetSocName() == b"Ascend310P3"


@pytest.mark.parametrize(("run_mode", "answer"), [("host", 1), ("device", 0)])
def test_the_run_mode_is_known_before_everything_else(raw_acl, run_mode, answer):
    raw_acl.configure(f"run_mode={run_mode};soc_version=Ascend310B4;timing=false")
    assert raw_acl.get("aclrtGetRunMode") == answer
    raw_acl.ok("aclInit", None)
    assert raw_acl.get("aclrtGetRunMode") == answer


@pytest.mark.usefixtures("own_process")
def test_a_limit_on_file_sizes_is_no_limit_on_memory():
    """The address space is no file, so `ulimit -f` does not end the process."""
    done = run_program(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        acl.open()
        memory = acl.new("aclrtMalloc", 1 << 20, 0)
        acl.ok("aclrtMemset", memory, 1 << 20, 1, 1 << 20)
        acl.ok("aclrtFree", memory)
        acl.close()
        """
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("own_process")
@pytest.mark.skipif(SANITIZED, reason="sanitizers need address space of their own")
def test_too_little_address_space_fails_init_and_says_so():
    done = run_program(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        print(acl.aclInit(None), acl.message())
        """
    )
    assert done.stdout.startswith("200000 "), done.stderr
    assert "address space" in done.stdout


def test_a_name_stays_valid(raw_acl):
    raw_acl.library.aclrtGetSocName.restype = ctypes.c_void_p
    try:
        first = raw_acl.aclrtGetSocName()
        raw_acl.configure("soc_version=Ascend910B3;timing=false")
        assert raw_acl.aclrtGetSocName() != first
        assert ctypes.string_at(first) == b"Ascend310P3"
    finally:
        raw_acl.library.aclrtGetSocName.restype = ctypes.c_char_p


def test_a_machine_without_devices(raw_acl):
    raw_acl.configure("device_count=0")
    raw_acl.ok("aclInit", None)
    count = ctypes.c_uint32()
    assert raw_acl.aclrtGetDeviceCount(ctypes.byref(count)) == 207004
    assert raw_acl.aclrtSetDevice(0) == 107001


def test_finalize_with_work_pending_is_a_violation_and_quick(raw_acl):
    raw_acl.open()
    memory = raw_acl.new("aclrtMalloc", 64, 0)
    raw_acl.slow(30)
    raw_acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, None)
    raw_acl.ok("aclFinalize")
    assert set(raw_acl.take_violations()) == {
        "finalized with work pending",
        "leak of device_memory",
    }


@pytest.mark.usefixtures("own_process")
def test_leaks_abort_where_asked():
    done = run_program("acl.open('on_violation=abort'); acl.new('aclrtCreateStream'); acl.close()")
    assert done.returncode == -6
    assert "device reset with live objects" in done.stderr


@pytest.mark.usefixtures("own_process")
def test_it_says_what_it_is_only_when_asked():
    silent = run_program("acl.open(); acl.close()")
    assert (silent.returncode, silent.stderr) == (0, "")
    told = run_program("acl.open(); acl.close()", MGN_FAST_SIMULATOR_LOG="1")
    assert "Ascend310P3 (simulated), CANN 9.1, 1 device(s)" in told.stderr


AT_EXIT = {
    "work in flight": "",
    "a callback that waits": """
acl.ok("aclrtSubscribeReport", 12345, stream)
acl.ok("aclrtLaunchCallback", ctypes.cast(12345, ctypes.c_void_p), None, 1, stream)
""",
    "a thread that waits": """
import threading
context = acl.new("aclrtGetCurrentContext")
def wait():
    acl.aclrtSetCurrentContext(context)
    acl.aclrtSynchronizeStream(stream)
threading.Thread(target=wait, daemon=True).start()
""",
    "finalize at exit": "import atexit; atexit.register(acl.aclFinalize)",
}


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("more", AT_EXIT.values(), ids=AT_EXIT.keys())
def test_a_process_may_end_at_any_time(more):
    done = run_program(
        f"""
acl.open()
stream = acl.new("aclrtCreateStream")
memory = acl.new("aclrtMalloc", 64, 0)
acl.slow(20)
for _ in range(10):
    acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, stream)
{more}
print("end", flush=True)
""",
        timeout_s=15,
    )
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr


@pytest.mark.usefixtures("own_process")
def test_a_static_destructor_may_still_call():
    """The library's state outlives the destructors of clients, which run after all of Python."""
    done = run_program(
        """
        libc = ctypes.CDLL(None)
        acl.open()
        stream = acl.new("aclrtCreateStream")
        memory = acl.new("aclrtMalloc", 64, 0)
        # Last in, first out: a failure, its message, the end of everything.
        for name in ("aclFinalize", "aclGetRecentErrMsg", "aclrtSynchronizeDevice"):
            function = ctypes.cast(getattr(acl.library, name), ctypes.c_void_p)
            assert getattr(libc, "__cxa_atexit")(function, ctypes.c_void_p(77), None) == 0
        acl.ok("aclrtMemsetAsync", memory, 64, 1, 64, stream)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
