# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.bench.case import SWEEP
from mgn_fast.bench.record.published_rates import SOURCE, published_rate


@pytest.mark.parametrize(
    ("batch_size", "rate"),
    [(1, 640.829), (4, 1453.49), (8, 1519.17), (16, 1388.27), (32, 1367.63), (64, 1364.84)],
)
def test_the_table_is_the_recipes(batch_size, rate):
    assert published_rate("Ascend310P3", batch_size) == rate


def test_the_usual_sweep_is_what_was_published():
    assert all(published_rate("Ascend310P3", size) is not None for size in SWEEP)


@pytest.mark.parametrize("soc_name", ["Ascend310", "Ascend310B4", "Ascend910B3", ""])
def test_of_other_chips_nothing_was_published(soc_name):
    assert published_rate(soc_name, 8) is None


def test_of_other_batch_sizes_nothing_was_published():
    assert published_rate("Ascend310P3", 2) is None


def test_what_the_figures_count_is_said():
    assert "310P" in SOURCE
    assert "execute call alone" in SOURCE
