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


def test_a_row_has_the_figures_the_recipe_quotes():
    row = Report(0.625, 0.25, np.linspace(0.5, 1, 12), np.array([0.5, 0.75]), 2).row()
    assert list(row) == ["mAP", "R1", "R3", "R5", "R10", "mINP"]
    assert row["mAP"] == 0.625
    assert row["R1"] == 0.5
    short = Report(0.5, 0.5, np.array([1.0, 1.0]), np.array([0.5]), 1)
    assert list(short.row()) == ["mAP", "R1", "mINP"]
