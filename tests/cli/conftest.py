# SPDX-License-Identifier: Apache-2.0
"""A model, pictures and a gallery of them beside each other, made once."""

import numpy as np
import pytest

from mgn_fast import Embedder, Gallery
from mgn_fast.cli.screen import progress
from support import galleries
from support.tiny_model import write_tiny_model


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """`tiny.onnx`, `pictures/` (12), `a.gallery` of them, `rows.npy` with their embeddings."""
    place = tmp_path_factory.mktemp("searched")
    model = write_tiny_model(place / "tiny.onnx")
    galleries.write_pictures(place / "pictures", 12)
    with Embedder(model) as embedder:
        Gallery.add(place / "a.gallery", embedder, place / "pictures")
        np.save(place / "rows.npy", embedder(place / "pictures"))
    return place


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call():
    """What a test began to draw ends with it: what it drew on is closed before fixtures end."""
    try:
        return (yield)
    finally:
        progress.stop_drawing()
