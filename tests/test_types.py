# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, Report


def test_identities_become_int32():
    identities = Identities([1, 2, 3], np.array([4, 5, 6], np.int64))
    assert identities.person.dtype == identities.camera.dtype == np.int32
    assert len(identities) == 3
    assert len(Identities([], [])) == 0


@pytest.mark.parametrize(
    ("person", "camera", "message"),
    [
        ([1, 2], [1], "person has 2 entries and camera 1"),
        ([1.5], [1], r"person is float64 \(1,\), expected integers"),
        ([[1]], [1], r"person is int64 \(1, 1\)"),
        ([1], ["a"], "camera is <U1"),
        ([2**31], [1], "person has values from 2147483648"),
    ],
)
def test_other_identities_are_refused(person, camera, message):
    with pytest.raises(InvalidInputError, match=message):
        Identities(person, camera)


@pytest.fixture
def report():
    return Report(0.5, 0.25, np.array([0.5, 1.0]), np.array([0.5, np.nan]), 1)


def test_a_report_is_plain_numbers(report):
    expected = {
        "mean_average_precision": 0.5,
        "mean_inverse_negative_penalty": 0.25,
        "cmc": [0.5, 1.0],
        "average_precision": [0.5, None],
        "num_valid_queries": 1,
    }
    assert report.to_dict() == expected


def test_a_report_on_disk_is_the_same(report, tmp_path):
    path = report.to_json(tmp_path / "report.json")
    assert json.loads(path.read_text()) == report.to_dict()
