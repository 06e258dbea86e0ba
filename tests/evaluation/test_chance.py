# SPDX-License-Identifier: Apache-2.0
import numpy as np

from mgn_fast import Identities
from mgn_fast.evaluation.chance import random_report


def test_it_is_what_random_rankings_score():
    """With m matches among G pictures, the precision at a match is near m / G."""
    query = Identities(person=np.arange(6), camera=np.zeros(6, int))
    gallery = Identities(person=np.arange(60) % 6, camera=np.ones(60, int))
    report = random_report(query, gallery, seed=0)
    assert 1 / 6 < report.mean_average_precision < 2 / 6
    assert report.num_valid_queries == 6
    assert np.all(np.diff(report.cmc) >= 0)


def test_one_seed_is_one_report():
    sides = Identities(person=[1], camera=[1]), Identities(person=[1, 2, 1], camera=[2, 2, 2])
    first, second = (random_report(*sides, seed=3) for _ in range(2))
    assert first.to_dict() == second.to_dict()
