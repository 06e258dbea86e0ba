# SPDX-License-Identifier: Apache-2.0
"""Frames as AArch64's kernel writes them: read or write, or no word on it."""

import struct
import subprocess

import pytest

from support.environment import without_preloaded
from support.repository import CPP

FLOATS, SYNDROME, VECTORS, MORE = 0x46508001, 0x45535201, 0x53564501, 0x45585401
END = struct.pack("<II", 0, 0)
# Data aborts of a user's program at a page without rights, as Linux hands them on.
READ, WRITE = 0x9200000F, 0x9200004F
OF_THE_KERNEL = 0x9600004F
BRANCH = 0x8200004F  # an instruction abort, whose bit 6 means nothing

PROGRAM = """
#include <cstdio>
#include <vector>
#include "simulator/memory/fault_record.h"
int main() {
    std::vector<unsigned char> frame;
    for (int byte = 0; (byte = std::getchar()) != EOF;) {
        frame.push_back(static_cast<unsigned char>(byte));
    }
    const char* const words[] = {"unknown", "read", "write"};
    std::puts(words[static_cast<int>(mgn::simulator::seen_in_records(frame.data(), frame.size()))]);
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory, compiler):
    """Tells what a frame on its input says. Reading outside of it ends the program."""
    path = tmp_path_factory.mktemp("frame") / "program"
    options = ["-std=c++17", "-Wall", "-Werror", "-fsanitize=address,undefined", f"-I{CPP}"]
    command = [compiler, *options, "-x", "c++", "-", "-o", path]
    subprocess.run(command, input=PROGRAM, text=True, check=True, env=without_preloaded())
    return path


def record(magic, body):
    return struct.pack("<II", magic, 8 + len(body)) + body


def syndrome(value):
    return record(SYNDROME, struct.pack("<Q", value))


FLOATS_RECORD = record(FLOATS, bytes(520))
FRAMES = {
    "a read": (FLOATS_RECORD + syndrome(READ) + END, "read"),
    "a write": (FLOATS_RECORD + syndrome(WRITE) + END, "write"),
    "a write by the kernel": (syndrome(OF_THE_KERNEL) + END, "write"),
    "behind vectors": (record(VECTORS, bytes(264)) + syndrome(WRITE) + END, "write"),
    "before more": (syndrome(READ) + record(MORE, bytes(24)) + END, "read"),
    "the last bytes of the frame": (FLOATS_RECORD + syndrome(WRITE), "write"),
    "no syndrome, as in an emulator": (FLOATS_RECORD + END, "unknown"),
    "a syndrome behind the end": (FLOATS_RECORD + END + syndrome(WRITE), "unknown"),
    "no data": (syndrome(BRANCH) + END, "unknown"),
    "an end with a size": (struct.pack("<IIQ", 0, 16, 0) + syndrome(WRITE), "unknown"),
    "nothing": (b"", "unknown"),
    "zeros": (bytes(4096), "unknown"),
    "a size of nothing": (struct.pack("<II", FLOATS, 0) + syndrome(WRITE), "unknown"),
    "a size beyond the frame": (struct.pack("<II", FLOATS, 4096) + syndrome(WRITE), "unknown"),
    "a syndrome cut short": (syndrome(WRITE)[:12], "unknown"),
    "a syndrome too small": (struct.pack("<II", SYNDROME, 8) + END, "unknown"),
}


@pytest.mark.parametrize(("frame", "expected"), FRAMES.values(), ids=FRAMES)
def test_what_a_frame_says(program, frame, expected):
    environment = without_preloaded()
    done = subprocess.run([program], input=frame, capture_output=True, check=True, env=environment)
    assert done.stdout.decode().strip() == expected
