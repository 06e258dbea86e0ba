# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from mgn_fast import Report
from mgn_fast.evaluation.report import csv_of, table_of


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
        "metric": None,
        "notes": [],
        "verification": None,
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


NOTED = Report(
    0.5, 0.25, np.array([0.5, 1.0]), np.array([0.5, np.nan]), 1, notes=("a <b>\x1b[1m is odd",)
)
TABLE = """\
      mAP       R1     mINP
   0.5000   0.5000   0.2500
1 of 2 queries have a match
note: a <b>\\x1b[1m is odd"""


def test_a_report_is_its_table(capsys):
    assert str(NOTED) == TABLE
    NOTED.print()
    assert capsys.readouterr().out == TABLE + "\n"
    assert repr(NOTED) == "<Report: mAP 0.5000, R1 0.5000, mINP 0.2500, 1 queries>"


def test_notebooks_show_a_table_in_which_no_name_is_markup():
    shown = NOTED._repr_html_()
    assert "<th>mAP</th>" in shown
    assert "<td>0.2500</td>" in shown
    assert "a &lt;b&gt;\\x1b[1m is odd" in shown


def test_several_reports_are_lines_of_one_table_and_notes_are_told_once(report):
    lines = table_of({"plain": NOTED, "re-ranked": NOTED, "x": report}).split("\n")
    assert [line.split()[0] for line in lines[:4]] == ["mAP", "plain", "re-ranked", "x"]
    assert len({line.index(".") for line in lines[1:4]}) == 1
    assert sum(line.startswith("note: ") for line in lines) == 1


def test_a_report_as_a_table_of_pandas(report):
    table = report.to_dataframe()
    assert list(table.columns) == ["mAP", "R1", "mINP", "num_valid_queries", "num_queries"]
    assert table.to_numpy().tolist() == [[0.5, 0.5, 0.25, 1, 2]]


def test_reports_as_csv(report):
    lines = csv_of({'a,"b': report, "c": report}).splitlines()
    assert lines[0] == "report,mAP,R1,mINP,num_valid_queries,num_queries"
    assert lines[1] == '"a,""b",0.5,0.5,0.25,1,2'
    assert len(lines) == 3
