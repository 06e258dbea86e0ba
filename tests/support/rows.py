# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers as tests want them, and how near those of two matrices are."""

import numpy as np


def lattice(seed, count, width=3):
    """Points on a small grid: exact in float16, many equal and many at equal distances."""
    return np.random.default_rng(seed).integers(-2, 3, (count, width)).astype(np.float32) / 2


def cosine(a, b):
    """Of each row with the other's."""
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
