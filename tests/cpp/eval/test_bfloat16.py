# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/bfloat16.cpp: rounding as torch does it, and the bound that lists rely on."""

import numpy as np
import pytest

from mgn_fast import _core
from oracles import retrieval
from support.eval_levels import halves_of
from support.late import late

torch = late("torch")

HARD = np.array(
    [
        1.0,
        1.0 + 2**-8,  # halfway between two bfloat16: the even one, 1
        1.0 + 3 * 2**-8,  # halfway: the even one above
        1.0 + 2**-8 + 2**-20,  # just above halfway
        -1.0 - 2**-8,
        255.5,
        3.3e38 / 4,
        2.0**-126,
        -0.0,
        1e-20,
        np.pi,
    ],
    np.float32,
)


def rounded(rows):
    return torch.from_numpy(rows).to(torch.bfloat16).float().numpy()


def test_values_on_the_edge_round_as_torch_rounds_them():
    pairs, _ = _core.to_bfloat16(HARD[None], 1)
    np.testing.assert_array_equal(halves_of(pairs, len(HARD)), rounded(HARD[None]))
    assert halves_of(pairs, 2)[0].tolist() == [1.0, 1.0]
    assert pairs.shape == (1, 6)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 31, 2048])
def test_rows_round_as_torchs_and_residuals_are_what_they_lost(width, threads):
    random = np.random.default_rng(width)
    rows = random.standard_normal((9, width)).astype(np.float32)
    pairs, residuals = _core.to_bfloat16(rows, threads)
    np.testing.assert_array_equal(halves_of(pairs, width), rounded(rows))
    lost = rows.astype(np.float64) - rounded(rows)
    np.testing.assert_allclose(residuals, np.linalg.norm(lost, axis=1), rtol=1e-12)
    if width % 2:
        assert (np.ascontiguousarray(pairs).view(np.uint16)[:, -1] == 0).all()


def test_subnormals_count_as_lost():
    rows = np.array([[1e-40, -1e-39, 2.0**-126]], np.float32)
    pairs, residuals = _core.to_bfloat16(rows, 1)
    assert halves_of(pairs, 3)[0].tolist() == [0, 0, 2.0**-126]
    assert residuals[0] == pytest.approx(np.linalg.norm(rows[0, :2].astype(np.float64)), rel=1e-6)


def test_lists_survive_rounding_that_turns_the_order_around():
    """All of a row's values are rounded the same way, so that the bound is nearly reached.

    Few rows (`near`) lie just below halfway between two bfloat16, many (`far`) just above and miss
    one coordinate: by bfloat16 all of those are nearer to row 0, in truth none is.
    """
    width, step = 512, 2.0**-7
    near = np.full((12, width), 1 + 0.499 * step, np.float32)
    far = np.full((200, width), 1 + 0.501 * step, np.float32)
    far[np.arange(200), np.arange(200)] = 0
    rows = np.concatenate([np.ones((1, width), np.float32), far, near])
    pairs, residuals = _core.to_bfloat16(rows, 1)
    values = halves_of(pairs, width).astype(np.float64)
    block = np.ascontiguousarray((2 - 2 * values @ values.T).astype(np.float32))
    exact = 2 - 2 * retrieval.dots(rows, rows)
    assert block[0, 1:201].max() < block[0, 201:].min()
    assert exact[0, 1:201].min() > exact[0, 201:].max()
    squares = _core.squared_lengths(rows, 1)
    lists = _core.Neighbours(
        *(rows[:1], rows[1:], squares[:1], squares[1:], residuals[:1], residuals[1:]),
        *("unit_rows", 10),
    )
    lists.add(block, 0, 0, 1)
    columns, distances = np.empty((213, 10), np.int32), np.empty((213, 10))
    lists.settle(0, columns, distances, np.empty(213, np.float32), 1)
    assert columns[0].tolist() == retrieval.order(exact[0])[:10]
    assert columns[0].tolist() == list(range(201, 211))
