# SPDX-License-Identifier: Apache-2.0
"""A plugin for tests under qemu's emulation of an AArch64 host: what is left out there, and why.

What stands here runs natively. `.ci/aarch64` names the plugin, and to left_out.py the libraries
that are not in the root; a run ends by counting tests by room.
"""

import subprocess
from collections import Counter

import pytest

CLOCK = "clocks are an emulator's, and the emulated CPU's rates mean nothing"
NO_COMPILER = "the root has neither compiler nor binutils, and emulated ones take minutes"

# Fixtures whose tests are left out.
FIXTURES = {
    "simulated_time": CLOCK,
    "compiler": NO_COMPILER,
    "drawing": "draws whole data sets, which has nothing of a machine in it",
    "many_examples": "hundreds of examples of what other tests try with a few",
    "plots": "draws plots, which has nothing of a machine in it",
    "chromium": "no browser is in the root",
}
# Files, functions or single tests, from `tests/` on.
TESTS = {
    "cpp/ascend/test_timeline.py": CLOCK,
    "evaluation/test_memory_plan.py::test_the_prediction_is_near_and_rather_too_high"
    "[re-ranked, distances kept]": "the emulator's own memory counts as the process's",
    "cpp/simulator/devices/test_profile.py::test_without_timing_nothing_waits": CLOCK,
    "cpp/simulator/streams/test_trace.py::test_tasks_are_told_with_engine_and_model_time": CLOCK,
    **dict.fromkeys(
        (
            "cpp/simulator/memory/test_arena.py::"
            "test_where_pages_cannot_be_mapped_again_a_file_is_mapped_twice",
            "cpp/simulator/memory/test_arena.py::"
            "test_another_file_by_the_number_of_ours_is_left_alone",
            "cpp/simulator/memory/test_arena.py::"
            "test_a_file_beyond_the_limit_of_file_sizes_fails_init_and_says_so",
        ),
        "filters of system calls are not emulated; there the file is mapped twice anyway",
    ),
    "cpp/simulator/process/test_process.py::test_a_limit_on_file_sizes_is_no_limit_on_memory": (
        "where a file is mapped twice, the limit is one"
    ),
    "cpp/simulator/process/test_process.py::test_too_little_address_space_fails_init_and_says_so": (
        "a limit of the address space is not emulated"
    ),
    "cpp/simulator/process/test_control.py::"
    "test_only_functions_of_acl_and_of_control_are_exported": NO_COMPILER,
    "cpp/simulator/process/test_control.py::test_the_library_has_the_vendors_name": NO_COMPILER,
}
SLOWER = 10  # an emulated program than one as it is, at least where it starts

_ran = Counter()
_left_out = Counter()


def reason_of(node, fixtures):
    """Why a test is left out, or None."""
    for name, reason in FIXTURES.items():
        if name in fixtures:
            return reason
    return next((TESTS[name] for name in names_of(node) if name in TESTS), None)


def names_of(node):
    """What may stand in the list for a test: its file, its function, itself."""
    file, _, name = node.removeprefix("tests/").partition("::")
    function = name.partition("[")[0]
    return file, f"{file}::{function}", f"{file}::{name}"


def room_of(node):
    words = node.removeprefix("tests/").split("/")
    return "/".join(words[: 2 if words[0] == "cpp" else 1])


def pytest_configure():
    """Programs that tests start get more time to end, as everything takes longer."""
    for name in ("communicate", "wait"):
        setattr(subprocess.Popen, name, _patient(getattr(subprocess.Popen, name)))


def _patient(method):
    def wait(self, *arguments, timeout=None):
        return method(self, *arguments, timeout=timeout and timeout * SLOWER)

    return wait


def pytest_collection_modifyitems(items):
    for item in items:
        reason = reason_of(item.nodeid, item.fixturenames)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=f"emulated: {reason}"))


def pytest_runtest_logreport(report):
    if report.when == "call" and not report.skipped:
        _ran[room_of(report.nodeid)] += 1
    elif report.skipped and isinstance(report.longrepr, tuple):
        _left_out[report.longrepr[2].removeprefix("Skipped: ")] += 1


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("emulated")
    for room, count in sorted(_ran.items()):
        terminalreporter.line(f"{count:5} tests of {room} ran")
    for reason, count in _left_out.most_common():
        terminalreporter.line(f"{count:5} left out: {reason}")
