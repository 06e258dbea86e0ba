# SPDX-License-Identifier: Apache-2.0
"""One AscendCL per process: who starts and ends it, whose context is current, forks and exits."""

import contextlib
import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import DeviceError, InvalidInputError, _core, open_session, simulator
from support.acl import SANITIZED, resident_bytes


@pytest.fixture
def acl(simulated):
    """AscendCL as another library in the process would call it."""
    return ctypes.CDLL(str(simulator.library_path()))


def opened(path, lanes=1):
    return _core.AscendEngine(str(path), 0, lanes)


def test_ascendcl_is_initialised_once_for_all_sessions_and_ended_by_stop(tiny_om):
    path = tiny_om()
    for _ in range(3):
        opened(path).close()
    assert simulator.ledger()["calls"]["aclInit"] == 1
    _core.ascend_stop()
    _core.ascend_stop()
    assert simulator.ledger()["calls"]["aclFinalize"] == 1


def test_what_another_library_has_started_is_not_ours_to_end(tiny_om, acl):
    path = tiny_om()
    assert acl.aclInit(None) == 0
    opened(path).close()
    _core.ascend_stop()
    assert "aclFinalize" not in simulator.ledger()["calls"]
    assert acl.aclFinalize() == 0


def test_nothing_is_ended_or_exchanged_while_a_session_is_open(tiny_om):
    engine = opened(tiny_om())
    with pytest.raises(InvalidInputError, match="a device is in use; close all sessions"):
        _core.ascend_stop()
    with pytest.raises(InvalidInputError, match=r"is started from .*; close all sessions"):
        _core.ascend_use_library("")
    engine.close()


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.parametrize("refused", [False, True])
def test_a_device_tells_its_memory(tiny_om, refused):
    """Also where the first kind that is asked for is refused."""
    path = tiny_om(weight_bytes=1 << 20)
    if refused:
        simulator.fail("aclrtGetMemInfo", 1, 107000)
    free, total = _core.ascend_memory(0)
    assert free == total == 21 << 30
    engine = opened(path)
    free, total = _core.ascend_memory(0)
    assert engine.device_bytes() <= total - free <= engine.device_bytes() + (1 << 12)
    engine.close()
    assert simulator.ledger()["live"] == {}


def test_memory_that_nobody_tells_is_none_and_a_failure_is_an_error(tiny_om):
    path = tiny_om()
    for nth in (1, 2):
        simulator.fail("aclrtGetMemInfo", nth, 507899)
    with pytest.raises(DeviceError, match="aclrtGetMemInfo failed with 507899"):
        _core.ascend_memory(0)
    simulator.reset_faults()
    with pytest.raises(DeviceError, match="aclrtCreateContext failed with 107001"):
        _core.ascend_memory(7)
    opened(path).close()
    _core.ascend_stop()
    _core.ascend_use_library(str(simulator.library_path()), ["aclrtGetMemInfo"])
    assert _core.ascend_memory(0) is None


def test_the_threads_own_context_is_current_again_after_every_call(tiny_om, acl):
    path = tiny_om()
    _core.ascend_start()
    theirs, current = ctypes.c_void_p(), ctypes.c_void_p()
    assert acl.aclrtCreateContext(ctypes.byref(theirs), 0) == 0

    def require_theirs():
        assert acl.aclrtGetCurrentContext(ctypes.byref(current)) == 0
        assert current.value == theirs.value

    engine = opened(path)
    require_theirs()
    lane = engine.take_lane()
    batch = lane.submit(1)
    require_theirs()
    assert batch.wait(5)
    require_theirs()
    assert lane.idle()
    require_theirs()
    engine.close()
    require_theirs()
    assert acl.aclrtDestroyContext(theirs) == 0


def test_a_thread_whose_own_context_is_gone_is_no_obstacle(tiny_om, acl):
    path = tiny_om()
    _core.ascend_start()
    theirs = ctypes.c_void_p()
    assert acl.aclrtCreateContext(ctypes.byref(theirs), 0) == 0
    engine = opened(path)
    assert acl.aclrtDestroyContext(theirs) == 0
    batch = engine.take_lane().submit(1)
    assert batch.wait(5)
    batch.embeddings()
    engine.close()


@pytest.mark.usefixtures("own_process")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # newer Pythons warn
def test_a_child_of_fork_is_refused_and_frees_nothing_of_its_parents(tiny_om):
    path = tiny_om()
    engine = opened(path)
    lane = engine.take_lane()
    batch = lane.submit(1)
    assert batch.wait(5)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answers = []
        uses = (lambda: lane.submit(1), lane.idle, batch.done, lambda: batch.wait(0))
        for use in (*uses, lambda: opened(path), _core.ascend_stop):
            try:
                use()
                answers.append("no error")
            except InvalidInputError as error:
                answers.append(str(error))
        engine.close()
        del lane, engine
        gc.collect()
        os.write(writer, "\n".join(answers).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        lines = answers.read().splitlines()
    assert os.waitpid(child, 0)[1] == 0
    assert len(lines) == 6
    assert all("'spawn'" in line for line in lines)
    batch = lane.submit(1)
    assert batch.wait(5)
    batch.embeddings()
    engine.close()


def run_exiting(program, *arguments):
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
    )


EXIT = """
import sys
from mgn_fast import open_session, simulator
simulator.enable(timing=False, compute="deterministic")
session = open_session(sys.argv[1], lanes=3)
simulator.slow_stream(20)
tickets = [session.acquire().submit(1) for _ in range(3)]
print("in flight", flush=True)
{ending}
"""


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(
    ("ending", "code"),
    [("", 0), ("raise SystemExit(3)", 3), ("del session, tickets; raise SystemExit(4)", 4)],
)
def test_exit_with_work_in_flight_neither_hangs_nor_crashes(tiny_om, ending, code):
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", EXIT.format(ending=ending), tiny_om()],
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "in flight\n"
    assert done.returncode == code, done.stderr
    assert "Fatal" not in done.stderr
    assert time.monotonic() - started < 12


def test_the_text_of_a_repeated_start_does_not_stand_in_later_errors(tiny_om, acl):
    path = tiny_om()
    acl.aclGetRecentErrMsg.restype = ctypes.c_char_p
    assert acl.aclInit(None) == 0
    _core.ascend_start()
    assert acl.aclGetRecentErrMsg() is None
    simulator.fail("aclrtGetDeviceCount", 1, 507899)
    assert _core.ascend_info()["num_devices"] == 0
    assert acl.aclGetRecentErrMsg() is None
    opened(path).close()
    _core.ascend_stop()
    assert acl.aclFinalize() == 0


JOINED = """
import atexit, ctypes, sys
from mgn_fast import _core, open_session, simulator
acl = ctypes.CDLL(str(simulator.library_path()))

@atexit.register
def use():
    device = acl.aclrtSetDevice(0)
    print(device, acl.aclFinalize())

simulator.enable(timing=False, compute="deterministic")
_core.ascend_use_library(str(simulator.library_path()), sys.argv[2:])
session = open_session(sys.argv[1])
print(acl.aclInit(None))
session.close()
"""


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("without", [[], ["aclFinalizeReference"]])
def test_at_exit_a_library_that_joined_later_still_has_ascendcl(tiny_om, without):
    done = run_exiting(JOINED, tiny_om(), *without)
    assert (done.returncode, done.stdout) == (0, "100002\n0 0\n"), done.stderr


ALONE = """
import atexit, ctypes, sys
from mgn_fast import _core, open_session, simulator
acl = ctypes.CDLL(str(simulator.library_path()))

@atexit.register
def tell():
    calls = simulator.ledger()["calls"]
    print([name for name in calls if "Finalize" in name], acl.aclrtSetDevice(0))

simulator.enable(timing=False, compute="deterministic")
_core.ascend_use_library(str(simulator.library_path()), sys.argv[2:])
open_session(sys.argv[1]).close()
"""


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(
    ("without", "told"),
    [([], "['aclFinalizeReference'] 100001"), (["aclFinalizeReference"], "[] 0")],
)
def test_at_exit_only_our_own_use_is_ended(tiny_om, without, told):
    done = run_exiting(ALONE, tiny_om(), *without)
    assert (done.returncode, done.stdout.strip()) == (0, told), done.stderr


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.usefixtures("own_process")
def test_ctrl_c_ends_a_wait(tiny_om):
    code = """
import os, signal, sys, threading, time
from mgn_fast import open_session, simulator
simulator.enable(timing=False, compute="deterministic")
session = open_session(sys.argv[1], lanes=1)
simulator.slow_stream(20)
ticket = session.acquire().submit(1)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
started = time.monotonic()
try:
    ticket.result()
except KeyboardInterrupt:
    print(time.monotonic() - started < 2.5)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tiny_om()],
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "True\n", done.stderr


@pytest.mark.on_chip("Ascend310P3")
def test_what_the_runtime_says_of_itself(simulated):
    info = _core.ascend_info()
    assert info["libraries"] == [str(simulator.library_path())]
    assert info["soc_name"] == "Ascend310P3"
    assert info["num_devices"] == 1
    assert info["version"].count(".") == 2


def handles():
    return [len(list(Path("/proc/self", kind).iterdir())) for kind in ("fd", "task")]


@pytest.mark.usefixtures("many_examples")
def test_many_cycles_leave_nothing_behind(tiny_om, random):
    """The long run of 10,000 cycles is bench/check_cycles.py."""
    path = tiny_om()
    images = random.standard_normal((6, 3, 2, 2), np.float32)

    def cycle():
        with open_session(path) as session:
            session.run(images)

    for _ in range(30):
        cycle()
    gc.collect()
    before, before_bytes = handles(), resident_bytes()
    for _ in range(200):
        cycle()
    gc.collect()
    assert handles() == before
    if not SANITIZED:  # they keep what was freed for a while
        assert resident_bytes() - before_bytes < 1 << 20
    assert simulator.ledger()["live"] == {}


DAEMON = """
import sys, threading, time
import numpy as np
from mgn_fast import open_session, simulator
simulator.enable(timing=False, compute="deterministic")
session = open_session(sys.argv[1], lanes=2)
simulator.slow_stream(0.002)
images = np.zeros((64, 3, 2, 2), np.float32)

def work():
    while True:
        session.run(images)

for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.usefixtures("own_process")
def test_exit_while_daemon_threads_wait_for_batches_is_no_crash(tiny_om):
    """The interpreter ends threads that ask for its lock then; none of ours may ask."""
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", DAEMON, tiny_om()],
            env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""


def test_stopping_while_others_open_calls_nothing_after_the_end(tiny_om):
    path = tiny_om()
    stop = threading.Event()

    def open_and_close():
        while not stop.is_set():
            opened(path).close()

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(open_and_close) for _ in range(3)]
        for _ in range(300):
            with contextlib.suppress(InvalidInputError):
                _core.ascend_stop()
        stop.set()
        for future in running:
            future.result(30)
