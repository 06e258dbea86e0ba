# SPDX-License-Identifier: Apache-2.0
import numpy as np

from mgn_fast import Report
from mgn_fast.cli.evaluation import print_reports


def test_four_decimals_as_the_recipe_prints(capsys):
    report = Report(0.94331, 0.5, np.linspace(0.9, 1, 11), np.array([0.5, np.nan]), 1)
    print_reports({"plain": report, "re-ranked": report})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["mAP", "R1", "R3", "R5", "R10", "mINP"]
    assert lines[1].split() == ["plain", "0.9433", "0.9000", "0.9200", "0.9400", "0.9900", "0.5000"]
    assert lines[2].split()[0] == "re-ranked"
    assert lines[3] == "1 of 2 queries have a match"
