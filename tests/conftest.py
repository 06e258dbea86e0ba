# SPDX-License-Identifier: Apache-2.0
"""Models that many tests share: a tiny one that behaves like MGN, and MGN itself, once per run.

A test is quick unless one of its fixtures is slow; what is slow must be asked for by its fixture.
"""

import fcntl
import gc
import os
import shutil
import sys

import numpy as np
import pytest

from mgn_fast import export_onnx
from mgn_fast.inference.session import Session
from support import browser, left_out, profiles
from support.fake_model import FakeModel
from support.tiny_model import write_tiny_model

# Asserts are rewritten when a file is first imported, which takes longer than all other collecting:
# they are kept, even where PYTHONDONTWRITEBYTECODE is set.
sys.dont_write_bytecode = False
sys.meta_path[:0] = left_out.finders()

SLOW_FIXTURES = {
    "chromium",
    "compiler",
    "copied",
    "drawing",
    "faiss_index",
    "full_size_network",
    "many_examples",
    "mgn_model",
    "own_process",
    "plots",
    "second_runtime",
    "simulated_time",
    "whole_command",
}
# Clocks are read and rates compared: one after the other also where several processes run tests.
CLOCK = "simulated_time"


def pytest_addoption(parser):
    """What the simulator is where tests leave it open."""
    profiles.add_options(parser)


def pytest_configure(config):
    """The marks that go with it."""
    for marker in profiles.MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_generate_tests(metafunc):
    """What asks for a generation runs on each of the chosen ones."""
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    is_told = any(names == "cann" or "cann" in tuple(names) for names in own)
    if "cann" in metafunc.fixturenames and not is_told:
        metafunc.parametrize("cann", profiles.chosen_generations(metafunc.config))


@pytest.fixture
def profile(request, cann):
    """The simulator's generation and chip for this test; yields the chip."""
    with profiles.applied(request.node, cann) as soc:
        yield soc


def pytest_collection_modifyitems(items):
    """Marks the quick tests, and says which tests `-n 2` keeps in one process."""
    for item in items:
        fixtures = set(item.fixturenames)
        if not fixtures & SLOW_FIXTURES:
            item.add_marker("quick")
        group = "clock" if CLOCK in fixtures else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


_running = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def _refuse_python_unasked(event, arguments):
    if event not in ("os.fork", "subprocess.Popen"):
        return
    quick = [item.name for item in _running if item.get_closest_marker("quick")]
    if quick and (event == "os.fork" or _runs_python(*arguments[:2])):
        raise RuntimeError(f"{quick[0]} runs Python without the fixture own_process")


def _runs_python(program, words):
    """Whether a program is this Python, a script for it, or a shell that is told of it."""
    told = [os.fsdecode(word) for word in (program, *words)]
    if any(sys.executable in word for word in told):
        return True
    path = shutil.which(told[0])
    if path is None:
        return False
    with open(path, "rb") as file:  # noqa: PTH123 (pathlib may be what a test has patched)
        return os.fsencode(sys.executable) in file.readline(256)


sys.addaudithook(_refuse_python_unasked)


@pytest.fixture(scope="module", autouse=True)
def loaded_by_now():
    """Stays out of what later tests collect: with PyTorch loaded, half a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def own_process():
    """Lets a test run Python in processes of its own, half a second and more each."""


@pytest.fixture(scope="session")
def full_size_network():
    """Lets a test write, export or run MGN, thinner or not, on pictures of its full size."""


@pytest.fixture(scope="session")
def faiss_index():
    """Lets a test train an index."""


@pytest.fixture(scope="session")
def drawing():
    """Lets a test draw whole data sets."""


@pytest.fixture(scope="session")
def many_examples():
    """Lets a test try hundreds of cases against an oracle that takes milliseconds each."""


@pytest.fixture(scope="session")
def second_runtime():
    """Lets a test load OpenVINO beside ONNX Runtime, and compile models with it."""


@pytest.fixture(scope="session")
def whole_command():
    """Lets a test run commands from data sets to results, a second each."""


@pytest.fixture(scope="session")
def plots():
    """Lets a test draw plots, half a second a page."""


@pytest.fixture(scope="session")
def simulated_time():
    """Lets a test wait for a simulated NPU or compare rates; no other such test runs beside it."""


@pytest.fixture(scope="session")
def compiler():
    """The C++ compiler."""
    return shutil.which("c++") or pytest.fail("no c++ is installed")


def once_per_run(factory, name, make):
    """The path of a file, made by the first of the run's processes that asks for it."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / name
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            make(path)
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """MGN's inputs, width and contract in front of one matrix: milliseconds instead of seconds."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


@pytest.fixture(scope="session")
def mgn_model(tmp_path_factory):
    """MGN with seeded weights, dynamic batch, exported once."""
    return once_per_run(
        tmp_path_factory, "mgn.onnx", lambda path: export_onnx(None, path, verify=False)
    )


@pytest.fixture
def random():
    """Seeded random numbers."""
    return np.random.default_rng(0)


@pytest.fixture
def picture(random):
    """A smooth 128 x 64 picture: noise alone would make every resize look alike."""
    coarse = random.integers(0, 256, (8, 4, 3), dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(16, 0).repeat(16, 1))


@pytest.fixture
def model():
    """A backend without a runtime library."""
    return FakeModel()


@pytest.fixture
def session(model):
    """Two lanes on it."""
    with Session(model, lanes=2) as opened:
        yield opened


@pytest.fixture(scope="session")
def chromium():
    """A browser for all tests of pages."""
    path = browser.find_chromium()
    if path is None:
        pytest.skip(f"no Chromium is installed (looked for {', '.join(browser.NAMES)})")
    with browser.Browser(path) as opened:
        yield opened
