# SPDX-License-Identifier: Apache-2.0
"""What the host may not touch: device memory, freed memory, buffers in flight."""

import ctypes
import os
import platform
from functools import cached_property

import pytest

from support.acl import run_program

pytest_plugins = ["support.acl_fixtures"]

PAGE = os.sysconf("SC_PAGESIZE")
SIZE = 4 * PAGE


class Flight:
    """Two pinned buffers, device memory and a stream whose copies take their time."""

    def __init__(self, acl):
        self.acl = acl
        self.source = acl.new("aclrtMallocHost", SIZE)
        self.target = acl.new("aclrtMallocHost", SIZE)
        self.device = acl.new("aclrtMalloc", SIZE, 0)
        self.stream = acl.new("aclrtCreateStream")
        acl.slow(0.03)

    @cached_property
    def tells(self):
        """Whether the system tells a read from a write; emulators of AArch64 need not."""
        memory = self.acl.new("aclrtMalloc", 64, 0)
        read(memory)
        violation = self.acl.ledger()["violations"][-1]
        self.acl.ok("aclrtFree", memory)
        self.acl.mgnsim_reset_ledger()
        word = violation["detail"].partition(" ")[0]
        assert word == "read" or (word, platform.machine()) == ("access", "aarch64")
        return word == "read"

    def verb(self, verb):
        return verb if self.tells else "access to"

    def rules(self, *kinds):
        """What touching a buffer in flight breaks: "read" or "rewritten"."""
        known = {
            "read": "buffer read before its copy was done",
            "rewritten": "buffer rewritten in flight",
        }
        unknown = "buffer touched in flight, read or write unknown"
        return [known[kind] if self.tells else unknown for kind in kinds]

    def land(self):
        self.acl.ok("aclrtSynchronizeStream", self.stream)

    def close(self):
        self.land()
        self.acl.ok("aclrtDestroyStream", self.stream)
        self.acl.ok("aclrtFree", self.device)
        self.acl.ok("aclrtFreeHost", self.source)
        self.acl.ok("aclrtFreeHost", self.target)


@pytest.fixture
def flight(acl):
    made = Flight(acl)
    yield made
    made.close()


def read(address):
    return ctypes.string_at(address, 1)


def write(address):
    ctypes.memset(address, 1, 1)


def test_device_memory_is_not_the_hosts(acl, flight):
    read(flight.device)
    write(flight.device + PAGE)
    violations = acl.ledger()["violations"]
    assert [v["rule"] for v in violations] == ["host access to device memory"] * 2
    assert [v["call"] for v in violations] == ["host"] * 2
    first = f"{flight.verb('read of')} {flight.device:#x}, memory of aclrtMalloc"
    assert violations[0]["detail"].startswith(first)
    assert violations[1]["detail"].startswith(f"{flight.verb('write to')} ")
    acl.take_violations()


@pytest.mark.parametrize("acl", ["run_mode=device;timing=false"], indirect=True)
def test_on_a_board_it_is(acl, flight):
    write(flight.device)
    assert read(flight.device) == b"\1"


def test_a_buffer_in_flight_to_the_device_can_be_read_but_not_rewritten(acl, flight):
    acl.copy_in(flight.device, flight.source, SIZE, flight.stream)
    read(flight.source)
    assert acl.take_violations() == []
    write(flight.source + SIZE - 1)
    assert acl.take_violations() == flight.rules("rewritten")
    flight.land()
    write(flight.source)


def test_a_buffer_in_flight_from_the_device_can_be_neither(acl, flight):
    acl.copy_out(flight.target, flight.device, SIZE, flight.stream)
    read(flight.target)
    write(flight.target + PAGE)
    assert acl.take_violations() == flight.rules("read", "rewritten")
    flight.land()
    read(flight.target)
    write(flight.target)


def test_a_copy_at_once_counts_as_the_hosts_own_access(acl, flight):
    acl.copy_in(flight.device, flight.source, SIZE, flight.stream)
    acl.copy_out(flight.target, flight.device, SIZE, flight.stream)
    acl.slow(0)
    acl.ok("aclrtMemcpy", flight.source, 64, flight.target, 64, 0)
    assert sorted(acl.take_violations()) == flight.rules("read", "rewritten")


def test_overlapping_flights_end_one_by_one(acl, flight):
    acl.copy_in(flight.device, flight.source, SIZE, flight.stream)
    event = acl.new("aclrtCreateEvent")
    acl.ok("aclrtRecordEvent", event, flight.stream)
    acl.copy_in(flight.device, flight.source + PAGE, PAGE, flight.stream)
    acl.copy_out(flight.source + PAGE, flight.device, PAGE, flight.stream)
    acl.ok("aclrtSynchronizeEvent", event)
    write(flight.source)
    write(flight.source + 2 * PAGE)
    assert acl.take_violations() == []
    read(flight.source + PAGE)
    assert acl.take_violations() == flight.rules("read")
    flight.land()
    write(flight.source + PAGE)
    acl.ok("aclrtDestroyEvent", event)


def test_neighbours_on_a_page_stay_free(acl, flight):
    acl.copy_in(flight.device, flight.source + 64, 64, flight.stream)
    acl.copy_in(flight.device, flight.source + PAGE + 64, 2 * PAGE, flight.stream)
    write(flight.source)
    write(flight.source + PAGE)
    write(flight.source + 3 * PAGE + 64)
    assert acl.take_violations() == []
    write(flight.source + 2 * PAGE)
    assert acl.take_violations() == flight.rules("rewritten")


def test_a_small_buffer_is_guarded_to_its_end(acl, flight):
    small = acl.new("aclrtMallocHost", 100)
    acl.copy_in(flight.device, small, 100, flight.stream)
    write(small + 99)
    assert acl.take_violations() == flight.rules("rewritten")
    flight.land()
    acl.ok("aclrtFreeHost", small)


@pytest.mark.parametrize("acl", ["guard=false;timing=false"], indirect=True)
def test_the_guard_can_be_switched_off(acl, flight):
    acl.copy_in(flight.device, flight.source, SIZE, flight.stream)
    acl.copy_out(flight.target, flight.device, SIZE, flight.stream)
    write(flight.source)
    read(flight.target)


def test_freed_memory_and_the_pages_around_are_nobodys(acl):
    host = acl.new("aclrtMallocHost", PAGE)
    read(host + PAGE)
    acl.ok("aclrtFreeHost", host)
    read(host)
    device = acl.new("aclrtMalloc", PAGE, 0)
    acl.ok("aclrtFree", device)
    write(device)
    assert acl.take_violations() == [
        "host access outside of memory",
        "host access to freed memory",
        "host access to freed memory",
    ]


@pytest.mark.usefixtures("own_process")
def test_a_page_that_was_opened_is_closed_again_for_the_next():
    """In a fresh process the first address comes back once it has left quarantine."""
    done = run_program(
        """
        acl.open()
        page = os.sysconf("SC_PAGESIZE")
        first = acl.new("aclrtMalloc", page, 0)
        ctypes.string_at(first + page, 1)
        acl.ok("aclrtFree", first)
        ctypes.memset(first, 1, 1)
        acl.take_violations()
        again = acl.new("aclrtMalloc", page, 0)
        for _ in range(1100):
            if again == first:
                break
            acl.ok("aclrtFree", again)
            again = acl.new("aclrtMalloc", page, 0)
        print(again == first)
        ctypes.memset(first, 1, 1)
        ctypes.string_at(first + page, 1)
        print(acl.take_violations())
        """
    )
    assert done.stdout.splitlines() == [
        "True",
        "['host access to device memory', 'host access outside of memory']",
    ], done.stderr


def test_more_accesses_than_can_be_told_are_counted(acl):
    device = acl.new("aclrtMalloc", 300 * PAGE, 0)
    for page in range(300):
        read(device + page * PAGE)
    violations = acl.ledger()["violations"]
    assert len(violations) == 257
    assert violations[-1]["rule"] == "host accesses not told"
    assert violations[-1]["detail"] == "44 more pages"
    acl.take_violations()
    acl.ok("aclrtFree", device)


@pytest.mark.usefixtures("own_process")
def test_abort_says_what_was_touched():
    done = run_program(
        """
        acl.open("on_violation=abort;timing=false")
        device = acl.new("aclrtMalloc", 64, 0)
        print(hex(device)[2:], flush=True)
        ctypes.string_at(device, 1)
        print("survived")
        """
    )
    assert done.returncode == -6
    address = done.stdout.strip().rjust(16, "0")
    assert f"host access to device memory at 0x{address}" in done.stderr
    assert "survived" not in done.stdout


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("handler", ["", "import faulthandler; faulthandler.enable()"])
def test_other_faults_end_the_process_as_ever(handler):
    done = run_program(f"{handler}\nacl.open()\nctypes.string_at(8, 1)\nprint('survived')")
    assert done.returncode != 0
    assert "survived" not in done.stdout
    if done.stderr.startswith("qemu:"):  # as ever, too, and not in Python's words
        return
    assert ("Segmentation fault" in done.stderr) == bool(handler) or "Sanitizer" in done.stderr


@pytest.mark.usefixtures("own_process")
def test_an_own_handler_of_the_client_is_called_for_its_own_faults():
    done = run_program(
        """
        import signal
        libc = ctypes.CDLL(None)
        @ctypes.CFUNCTYPE(None, ctypes.c_int)
        def handler(number):
            os.write(1, b"handled")
            os._exit(3)
        libc.signal(11, handler)
        acl.open()
        device = acl.new("aclrtMalloc", 64, 0)
        ctypes.string_at(device, 1)
        print(acl.take_violations(), flush=True)
        ctypes.string_at(8, 1)
        """
    )
    if "Sanitizer" in done.stderr:
        pytest.skip("the sanitizer reports the access itself")
    assert done.stdout == "['host access to device memory']\nhandled"
    assert done.returncode == 3
