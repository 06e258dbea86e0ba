# SPDX-License-Identifier: Apache-2.0

# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.bench.load.arrivals import Arrivals


def moments(arrivals, count, started_s=100.0):
    return np.array(list(itertools.islice(arrivals.times(started_s), count)))


def test_constant_arrivals_keep_their_distance():
    np.testing.assert_allclose(
        moments(Arrivals(50.0, "constant"), 4), [100.02, 100.04, 100.06, 100.08]
    )


def test_arrivals_at_random_are_exponential():
    gaps = np.diff(moments(Arrivals(50.0), 20_001))
    # Mean and deviation are both 1 / rate; of 20,000 gaps the mean has an error of 0.7 %, the
    # deviation of 1.4 %; five times that.
    assert gaps.mean() == pytest.approx(0.02, rel=0.035)
    assert gaps.std() == pytest.approx(0.02, rel=0.07)
    assert gaps.min() > 0


def test_a_seed_gives_the_same_arrivals():
    assert (moments(Arrivals(5.0, seed=1), 9) == moments(Arrivals(5.0, seed=1), 9)).all()
    assert (moments(Arrivals(5.0, seed=1), 9) != moments(Arrivals(5.0, seed=2), 9)).any()


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_a_rate_is_above_0(rate):
    with pytest.raises(InvalidInputError, match=r"rate is .*, expected images per second above 0"):
        Arrivals(rate)
