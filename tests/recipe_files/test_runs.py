# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import Report
from mgn_fast.recipe_files.runs import BIN_BYTES, RUNS, pictures_of, result_lines, stem_of
from support.bins_set import named_set


def report(precision, cmc):
    return Report(precision, 0.5, np.array(cmc), np.array([precision]), 1)


def test_the_four_parts_are_the_recipes():
    assert [run.folder for run in RUNS] == [
        "bin_data/q",
        "bin_data/g",
        "bin_data_flip/q",
        "bin_data_flip/g",
    ]
    assert [run.info for run in RUNS] == [
        "q_bin.info",
        "g_bin.info",
        "q_bin_flip.info",
        "g_bin_flip.info",
    ]
    assert {"q_filp", "g_filp"} <= {name for run in RUNS for name in run.results}
    assert [str(run) for run in RUNS] == [
        "query plain",
        "gallery plain",
        "query mirrored",
        "gallery mirrored",
    ]


def test_a_tensor_has_the_recipes_size():
    assert BIN_BYTES == 589_824


def test_a_part_is_about_its_split():
    dataset = named_set(query=2, gallery=4)
    assert [len(pictures_of(dataset, run)) for run in RUNS] == [2, 4, 2, 4]


@pytest.mark.parametrize(
    ("index", "stem"), [(0, "00000"), (15912, "15912"), (99999, "99999"), (100000, "100000")]
)
def test_names_have_five_digits_and_more_only_where_needed(index, stem):
    assert stem_of(index) == stem


def test_the_lines_are_the_recipes_to_the_letter():
    cmc = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    reports = {"plain": report(0.86154, [0.11111] * 10), "re-ranked": report(0.94327, cmc)}
    assert result_lines(reports) == [
        "[With    Re-Ranking] mAP: 0.9433 rank1: 0.1000 rank3: 0.3000 rank5: 0.5000 rank10: 1.0000",
        "[Without Re-Ranking] mAP: 0.8615 rank1: 0.1111 rank3: 0.1111 rank5: 0.1111 rank10: 0.1111",
    ]


def test_without_reranking_there_is_one_line():
    (line,) = result_lines({"plain": report(1.0, [1.0] * 10)})
    assert line.startswith("[Without Re-Ranking] mAP: 1.0000 ")
