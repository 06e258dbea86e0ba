# SPDX-License-Identifier: Apache-2.0

# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from mgn_fast import Report


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
