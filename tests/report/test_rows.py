# SPDX-License-Identifier: Apache-2.0
import numpy as np

from mgn_fast import Report
from mgn_fast.report import report_row


def test_a_row_has_the_figures_the_recipe_quotes():
    row = report_row(Report(0.625, 0.25, np.linspace(0.5, 1, 12), np.array([0.5, 0.75]), 2))
    assert list(row) == ["mAP", "R1", "R3", "R5", "R10", "mINP"]
    assert row["mAP"] == 0.625
    assert row["R1"] == 0.5
    short = Report(0.5, 0.5, np.array([1.0, 1.0]), np.array([0.5]), 1)
    assert list(report_row(short)) == ["mAP", "R1", "mINP"]
