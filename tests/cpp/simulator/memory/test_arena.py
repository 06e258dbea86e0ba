# SPDX-License-Identifier: Apache-2.0
"""The address space of simulated memory: views, guard pages, quarantine, what goes back."""

import ctypes
import os
from pathlib import Path

import pytest

from support.acl import SANITIZED, TO_DEVICE, TO_HOST, resident_bytes, run_program

pytest_plugins = ["support.acl_fixtures"]

PAGE = os.sysconf("SC_PAGESIZE")


def rights(address):
    """The access rights of the mapping that holds the address, as the kernel tells them."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, access = line.split()[:2]
        first, end = (int(part, 16) for part in span.split("-"))
        if first <= address < end:
            return access[:3]
    return None


def test_device_memory_has_no_rights_and_pinned_memory_has(acl):
    device = acl.new("aclrtMalloc", PAGE, 0)
    host = acl.new("aclrtMallocHost", PAGE)
    assert rights(device) == "---"
    assert rights(host) == "rw-"
    acl.ok("aclrtFree", device)
    acl.ok("aclrtFreeHost", host)
    assert rights(host) == "---"


def test_a_page_without_rights_lies_on_both_sides(acl):
    hosts = [acl.new("aclrtMallocHost", PAGE) for _ in range(3)]
    for host in hosts:
        assert rights(host - 1) == rights(host + PAGE) == "---"
        acl.ok("aclrtFreeHost", host)


def test_both_views_show_the_same_bytes(acl):
    size = 3 * PAGE + 5
    pattern = bytes(range(251)) * (size // 251 + 1)
    device = acl.new("aclrtMalloc", size, 0)
    back = ctypes.create_string_buffer(size)
    acl.ok("aclrtMemcpy", device, size, pattern, size, TO_DEVICE)
    acl.ok("aclrtMemcpy", back, size, device, size, TO_HOST)
    assert back.raw == pattern[:size]
    acl.ok("aclrtFree", device)


def test_an_address_is_not_given_out_again_soon(acl):
    seen = set()
    for _ in range(1000):
        memory = acl.new("aclrtMalloc", 64, 0)
        assert memory not in seen
        seen.add(memory)
        acl.ok("aclrtFree", memory)


def test_pages_go_back_when_freed(acl):
    size = 32 << 20
    before = resident_bytes()
    memory = acl.new("aclrtMalloc", size, 0)
    filled = resident_bytes()
    acl.ok("aclrtFree", memory)
    assert filled - before > size * 0.9
    assert SANITIZED or resident_bytes() - before < size * 0.1


def test_memory_comes_and_goes_without_end(acl):
    """More than the quarantine holds, in number and in bytes."""
    for size in [PAGE] * 3000 + [64 << 20] * 80:
        acl.ok("aclrtFreeHost", acl.new("aclrtMallocHost", size))
    before = resident_bytes()
    for _ in range(3000):
        acl.ok("aclrtFreeHost", acl.new("aclrtMallocHost", PAGE))
    assert resident_bytes() - before < (64 << 20 if SANITIZED else 1 << 20)


def test_more_than_the_address_space_is_refused(acl):
    handle = ctypes.c_void_p()
    assert acl.aclrtMallocHost(ctypes.byref(handle), 1 << 50) == 207001
    assert acl.aclrtMallocHost(ctypes.byref(handle), (1 << 64) - 1) == 207001


# A filter (seccomp) that answers mremap with ENOMEM, as qemu 7.2 does, or madvise with success
# without doing anything, as qemu 10 does. Allocators go on without either.
REFUSED = """
import platform, struct
NUMBERS = {"x86_64": {"mremap": 25, "madvise": 28}, "aarch64": {"mremap": 216, "madvise": 233}}
def answer(call, code):
    words = [(0x20, 0, 0, 0), (0x15, 0, 1, NUMBERS[platform.machine()][call])]
    words += [(0x06, 0, 0, 0x50000 | code), (0x06, 0, 0, 0x7FFF0000)]
    filters = b"".join(struct.pack("HBBI", *word) for word in words)
    kept = ctypes.create_string_buffer(filters)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(kept)))
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
"""
USE = """
acl.open()
print(open("/proc/self/maps").read().count("memfd:mgn_fast"))
size = 8 << 20
memory = acl.new("aclrtMalloc", size, 0)
pattern = bytes(range(256)) * (size // 256)
back = ctypes.create_string_buffer(size)
acl.ok("aclrtMemcpy", memory, size, pattern, size, 1)
acl.ok("aclrtMemcpy", back, size, memory, size, 2)
filled = resident_bytes()
{before_free}
acl.ok("aclrtFree", memory)
print(back.raw == pattern, filled - resident_bytes() > size * 0.9)
ctypes.string_at(memory, 1)
print(acl.take_violations())
acl.close()
"""
AS_EVER = "True True\n['host access to freed memory']\n"


@pytest.mark.usefixtures("own_process")
@pytest.mark.skipif(SANITIZED, reason="sanitizers need the calls themselves")
@pytest.mark.parametrize(("call", "code"), [("mremap", 12), ("madvise", 0)])
def test_where_pages_cannot_be_mapped_again_a_file_is_mapped_twice(call, code):
    done = run_program(REFUSED + f"answer('{call}', {code})" + USE.format(before_free=""))
    views, _, rest = done.stdout.partition("\n")
    assert (int(views) >= 2, rest) == (True, AS_EVER), done.stderr


@pytest.mark.usefixtures("own_process")
@pytest.mark.skipif(SANITIZED, reason="sanitizers need the calls themselves")
def test_another_file_by_the_number_of_ours_is_left_alone(tmp_path):
    """A client that closes every file it does not know, and opens its own."""
    own = tmp_path / "own"
    own.write_bytes(bytes([7]) * (9 << 20))
    swap = f"""
for name in os.listdir("/proc/self/fd"):
    if "memfd:mgn_fast" in os.readlink("/proc/self/fd/" + name):
        os.dup2(os.open({str(own)!r}, os.O_RDWR), int(name))
"""
    done = run_program(REFUSED + "answer('mremap', 12)" + USE.format(before_free=swap))
    assert "True" in done.stdout, done.stderr
    assert own.read_bytes() == bytes([7]) * (9 << 20)


@pytest.mark.usefixtures("own_process")
@pytest.mark.skipif(SANITIZED, reason="sanitizers need the calls themselves")
def test_a_file_beyond_the_limit_of_file_sizes_fails_init_and_says_so():
    done = run_program(
        REFUSED
        + """
answer("mremap", 12)
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
print(acl.aclInit(None), acl.message())
"""
    )
    assert done.stdout.startswith("200000 "), done.stderr
    assert "ulimit -f" in done.stdout
