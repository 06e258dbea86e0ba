# SPDX-License-Identifier: Apache-2.0
"""Models that many tests share: a tiny one that behaves like MGN, and MGN itself, once per run."""

import numpy as np
import pytest

from mgn_fast import export_onnx
from mgn_fast.inference.session import Session
from support import browser
from support.fake_model import FakeModel
from support.tiny_model import write_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """MGN's inputs, width and contract in front of one matrix: milliseconds instead of seconds."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


@pytest.fixture(scope="session")
def mgn_model(tmp_path_factory):
    """MGN with seeded weights, dynamic batch, exported once."""
    return export_onnx(None, tmp_path_factory.mktemp("mgn") / "mgn.onnx", verify=False)


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
