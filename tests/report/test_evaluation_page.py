# SPDX-License-Identifier: Apache-2.0
import json
import re

import cv2
import numpy as np
import pytest

from mgn_fast import InvalidInputError, datasets
from mgn_fast.models.contract import MGN, Contract
from mgn_fast.report import draw_evaluation
from support.page_parser import Page
from support.report_runs import analysed


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "drawn", persons=6)


@pytest.fixture(scope="module")
def run(dataset):
    """Embeddings, the reports and the analysis of five queries."""
    random = np.random.default_rng(0)
    sides = dataset.query, dataset.gallery
    rows = [random.normal(size=(len(side), 2048)).astype(np.float32) for side in sides]
    rows = [some / np.linalg.norm(some, axis=1, keepdims=True) for some in rows]
    who = [side.identities for side in sides]
    return rows, *analysed(rows, who, lists=5, depth=3)


@pytest.mark.usefixtures("plots")
def test_the_page_tells_of_the_dataset_and_of_what_is_listed(dataset, run, tmp_path):
    rows, reports, analysis = run
    files = {"html": tmp_path / "a.html", "png": tmp_path / "a.png"}
    told = []
    draw_evaluation(dataset, reports, analysis, **files, progress=lambda *state: told.append(state))
    html = files["html"].read_text(encoding="utf-8")
    page = Page(html)
    text = page.of("main")[0]
    assert page.of("h1") == ["drawn (synthetic)"]
    assert f"{dataset.num_distractors} distractors are in the gallery" in text
    assert f"{dataset.num_junk} junk pictures were dropped" in text
    assert f"The 5 queries with the lowest average precision are listed, of {len(rows[0])}" in text
    assert all(len(row) == 3 for row in tiles_of(html))
    assert cv2.imread(str(files["png"])).shape[2] == 3
    assert told[-1][1] == told[-1][2]


def tiles_of(html):
    lists = json.loads(re.search(r'id="data">(.*?)</script>', html)[1])["lists"]
    return [tile for entry in lists for tiles in entry["t"] for tile in tiles]


def test_parts_are_told_where_embeddings_are_given(dataset, run, tmp_path):
    rows, reports, analysis = run
    path = tmp_path / "a.html"
    draw_evaluation(dataset, reports, analysis, html=path, embeddings=tuple(rows), contract=MGN)
    assert all(len(tile[3]) == 16 for tile in tiles_of(path.read_text(encoding="utf-8")))


def test_parts_are_those_of_the_contract(dataset, run, tmp_path):
    rows, reports, analysis = run
    path = tmp_path / "a.html"
    two = Contract(parts=(("upper", 2000), ("f1_p2", 48)))
    draw_evaluation(dataset, reports, analysis, html=path, embeddings=tuple(rows), contract=two)
    text = path.read_text(encoding="utf-8")
    assert all(len(tile[3]) == 4 for tile in tiles_of(text))
    glossary = " ".join(Page(text).of("dl", kind="glossary")[0].split())
    assert "The embedding is made of 2 parts." in glossary
    assert "over the stripe" in glossary
    assert "in a square below" in glossary


@pytest.mark.parametrize(
    ("contract", "message"),
    [(None, "no contract"), (Contract(parts=None), "their contract has none")],
    ids=["none", "without parts"],
)
def test_parts_that_nobody_states_are_refused(dataset, run, tmp_path, contract, message):
    rows, reports, analysis = run
    options = {"embeddings": tuple(rows), "contract": contract}
    with pytest.raises(InvalidInputError, match=message):
        draw_evaluation(dataset, reports, analysis, html=tmp_path / "a.html", **options)
    assert list(tmp_path.iterdir()) == []


def test_the_page_says_which_contract_is_in_use_and_who_says_it(dataset, run, tmp_path):
    _, reports, analysis = run
    contract = Contract(colour="BGR", parts=None, origin="preset 'x' with colour given")
    for said in (contract, None):
        path = tmp_path / "a.html"
        draw_evaluation(dataset, reports, analysis, html=path, contract=said)
        text = Page(path.read_text(encoding="utf-8")).of("main")[0]
        assert ("from preset 'x' with colour given: 384x128 BGR, pillow-bicubic" in text) == (
            said is not None
        )
        assert "parts" not in text


def test_what_is_not_asked_for_is_not_written(dataset, run, tmp_path):
    draw_evaluation(dataset, *run[1:])
    assert list(tmp_path.iterdir()) == []
