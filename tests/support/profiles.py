# SPDX-License-Identifier: Apache-2.0
"""On which generation of CANN and on which chip the ascend backend's tests run.

Without options on the oldest and the newest generation; `--cann` and `--soc` choose one.
"""

import contextlib

import pytest

from mgn_fast import simulator
from mgn_fast.simulator import library

GENERATIONS = ("5.1.RC1", "6.0", "6.3", "7.0", "8.0", "8.5", "9.1")
CARDS = ("Ascend310", "Ascend310P3", "Ascend910B")
BOARDS = ("Ascend310B1", "Ascend310B4")
TIMED = "Ascend310P3"
# What the backend calls where a generation lacks the function.
INSTEAD = {
    "aclrtStreamQuery": "aclrtQueryEventStatus",
    "aclrtSynchronizeStreamWithTimeout": "aclrtSynchronizeStream",
}
MARKERS = (
    "needs_call(name): is about this function, which old generations lack",
    "on_chip(soc_version): is about what this chip can, whatever --soc says",
)


def add_options(parser):
    """For the root's conftest."""
    parser.addoption("--cann", choices=GENERATIONS, help="the simulator's generation of CANN")
    parser.addoption("--soc", choices=(*CARDS, *BOARDS), default=TIMED, help="its chip")


def chosen_generations(config):
    """The generations that a test with the fixture `cann` runs on."""
    one = config.getoption("--cann")
    return [one] if one else [GENERATIONS[0], GENERATIONS[-1]]


def lacking(cann, calls):
    """Those of the functions that came after the generation."""
    since = library.read_json(library.load(library.library_path()).mgnsim_generations)
    return [call for call in calls if GENERATIONS.index(since[call]) > GENERATIONS.index(cann)]


def call_of(cann, call):
    """The function, or what stands in for it on a generation that lacks it."""
    return INSTEAD[call] if lacking(cann, [call]) else call


def chip_of(item):
    """What the test runs on: a chip that it names itself, or the run's."""
    mark = item.get_closest_marker("on_chip")
    return mark.args[0] if mark else item.config.getoption("--soc")


def run_mode_of(soc):
    """Boards share their memory with the host, cards do not."""
    return "device" if soc in BOARDS else "host"


@contextlib.contextmanager
def applied(item, cann):
    """A block in which what tests leave open is this generation, and the test's chip."""
    calls = [mark.args[0] for mark in item.iter_markers("needs_call")]
    missing = lacking(cann, calls)
    if missing:
        pytest.skip(f"CANN {cann} has no {', '.join(missing)}")
    soc = chip_of(item)
    enable, write_om = simulator.enable, simulator.write_om
    before = enable.__defaults__, enable.__kwdefaults__, write_om.__kwdefaults__
    enable.__defaults__ = (soc,)
    enable.__kwdefaults__ = before[1] | {"cann": cann}
    write_om.__kwdefaults__ = before[2] | {"soc_version": soc}
    try:
        yield soc
    finally:
        enable.__defaults__, enable.__kwdefaults__, write_om.__kwdefaults__ = before
