# SPDX-License-Identifier: Apache-2.0
"""Rows by name, and an embedder that they are said to be of, for tests of embeddings on disk."""

import numpy as np
import pytest

from mgn_fast import Embedder


@pytest.fixture
def embedder(tiny_model):
    with Embedder(tiny_model) as opened:
        yield opened


@pytest.fixture
def rows(random):
    values = random.standard_normal((300, 2048), np.float32)
    return [(f"{index}.jpg", row) for index, row in enumerate(values)]
