# SPDX-License-Identifier: Apache-2.0
"""What the page says, read as a parser does."""

import base64
import hashlib
import json
import re
import sys

import numpy as np
import pytest

from mgn_fast import InvalidInputError, Report, RuntimeUnavailableError
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.roc.curve import curve_of
from mgn_fast.models.parts import PARTS
from mgn_fast.report import write_page, write_search_page
from support.page_parser import Page
from support.report_runs import HOSTILE, analysed, hard_run, lists_of, write_pictures

REPORT = Report(0.625, 0.25, np.linspace(0.5, 1, 12), np.array([0.5, np.nan]), 1)


@pytest.fixture(scope="module")
def run():
    rows, who = hard_run(0)
    return analysed(rows, who)


@pytest.fixture
def lists(tmp_path):
    return lists_of(write_pictures(tmp_path, 5), 4, depth=3)


def written(tmp_path, lists, **changes):
    arguments = {"title": "A & B", "notes": ["a note"], "reports": {"plain": REPORT}}
    path = write_page(tmp_path / "p.html", lists=lists, **(arguments | changes))
    return path.read_text(encoding="utf-8")


def text_of(page):
    return page.of("main")[0]


def test_the_table_shows_every_report(tmp_path, lists):
    reports = {"plain": REPORT, "chance": REPORT}
    page = Page(written(tmp_path, lists, reports=reports, warning="random weights"))
    rows = [text for text in page.of("tr") if "0.2500" in text]
    assert [row.split()[0] for row in rows] == ["plain", "chance"]
    assert "0.6250 0.5000 0.5909 0.6818 0.9091 0.2500" in rows[0].replace("\n", " ")
    assert page.of("p", kind="notice")[0] == "random weights"
    assert "1 query has a match and counts, of 2 queries." in " ".join(text_of(page).split())
    assert "a note" in text_of(page)


def test_the_analysis_is_told_for_every_ranking(tmp_path, lists, run):
    reports, analysis = run
    page = Page(written(tmp_path, lists, reports=reports, analysis=analysis))
    assert len(page.of("figure")) == 3  # the CMC and two histograms
    labels = [has.get("aria-label") for _, has in page.tags]
    assert {"Camera pairs, plain", "Camera pairs, re-ranked"} <= set(labels)
    cells = page.of("td", kind="heat")
    expected = [
        f"{value:.3f} {number}"
        for found in analysis.findings.values()
        for value, number in zip(
            found.pairs.mean_average_precision.ravel(),
            found.pairs.num_queries.ravel(),
            strict=True,
        )
        if number
    ]
    assert cells == expected
    histogram = analysis.findings["plain"].histogram
    assert f"{histogram.others.sum():,} non-matches" in " ".join(text_of(page).split())


def verified(matches, impostors):
    from dataclasses import replace

    counts = np.array(matches), np.array(impostors)
    return replace(REPORT, verification=curve_of(np.arange(1.0, len(matches) + 1), *counts))


def test_verification_has_a_table_a_plot_and_its_words(tmp_path, lists):
    reports = {"plain": verified([90, 10, 0], [0, 5, 995]), "re-ranked": REPORT}
    page = Page(written(tmp_path, lists, reports=reports))
    said = " ".join(text_of(page).split())
    rows = [" ".join(row.split()) for row in page.of("tr") if "1e-" in row]
    assert rows == [
        "1e-2 1.0000 2.0000 0.9630 to 1.0000 5",
        "1e-3 0.9000 1.0000 0.8256 to 0.9448 0",
    ]
    assert "100 matches and 1,000 impostors: pairs" in said
    assert "At 2.0000 as large a share of impostors is accepted as of matches is refused" in said
    assert "FAR, TAR, threshold" in said
    assert len(page.of("figure")) == 2


def test_verification_of_one_kind_of_pairs_says_so(tmp_path, lists):
    page = Page(written(tmp_path, lists, reports={"plain": verified([90, 10], [0, 0])}))
    assert "Rates need matches and impostors" in " ".join(text_of(page).split())
    assert len(page.of("figure")) == 1


def test_without_verification_nothing_is_said_of_it(tmp_path, lists):
    said = text_of(Page(written(tmp_path, lists)))
    assert "Verification" not in said
    assert "FAR" not in said


def test_without_a_camera_matrix_the_page_says_so(tmp_path, lists, run):
    from dataclasses import replace

    reports, analysis = run
    findings = {name: replace(found, pairs=None) for name, found in analysis.findings.items()}
    text = written(tmp_path, lists, reports=reports, analysis=replace(analysis, findings=findings))
    assert "too many cameras" in text
    assert Page(text).of("td", kind="heat") == []


@pytest.mark.parametrize("rule", ["drop", "keep", "separate"])
def test_the_page_says_what_is_junk(tmp_path, lists, rule):
    rows, who = hard_run(1)
    reports, analysis = analysed(rows, who, Protocol(same_camera=rule))
    page = Page(written(tmp_path, lists, reports=reports, analysis=analysis))
    said = {"drop": "The person's pictures by", "keep": "nothing is", "separate": "All gallery"}
    text = text_of(page)
    assert [name for name, words in said.items() if words in text] == [rule]


def test_every_name_is_escaped(tmp_path, lists):
    from dataclasses import replace

    hostile = [replace(lists[0], query=replace(lists[0].query, name=HOSTILE, note=HOSTILE))]
    for text in (
        written(
            tmp_path,
            hostile,
            title=HOSTILE,
            notes=[HOSTILE],
            reports={HOSTILE: REPORT},
            warning=HOSTILE,
        ),
        write_search_page(
            tmp_path / "s.html", title=HOSTILE, lists=hostile, notes=[HOSTILE]
        ).read_text(encoding="utf-8"),
    ):
        page = Page(text)
        scripts = [has.get("type") for tag, has in page.tags if tag == "script"]
        assert scripts == ["application/json", "text/plain", "module"]
        assert "b" not in {tag for tag, _ in page.tags}
        assert not any(name.startswith("on") for _, has in page.tags for name in has)
        assert "alert(1)" in text_of(page)
        assert "\x00" not in text
        assert "\u202e" not in text
        assert "49" not in page.of("h1")[0]


def test_the_policy_forbids_every_request_and_allows_the_one_script(tmp_path, lists):
    text = written(tmp_path, lists)
    page = Page(text)
    policy = next(has["content"] for tag, has in page.tags if tag == "meta" and "http-equiv" in has)
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    links = [has[key] for _, has in page.tags for key in ("src", "href", "action") if key in has]
    assert links == []
    assert not re.search(r"https?://|@import|@font-face|innerHTML|url\(", text)


def test_lists_need_scripts_and_the_page_says_so(tmp_path, lists, run):
    page = Page(written(tmp_path, lists))
    assert "scripts are off" in page.of("noscript")[0]


def test_ids_are_there_once(tmp_path, lists, run):
    reports, analysis = run
    page = Page(written(tmp_path, lists, reports=reports, analysis=analysis))
    ids = [has["id"] for _, has in page.tags if "id" in has]
    assert len(ids) == len(set(ids))


def test_controls_come_only_with_what_they_choose(tmp_path):
    paths = write_pictures(tmp_path, 5)
    full = Page(written(tmp_path, lists_of(paths, 3, parts=PARTS)))
    names = {has.get("name") for tag, has in full.tags if tag in ("input", "select")}
    assert names == {"text", "person", "camera", "order", "failures", "parts"}
    lists = lists_of(paths, 3, known=False, rankings=("plain",))
    path = write_search_page(tmp_path / "s.html", title="search", lists=lists)
    search = Page(path.read_text(encoding="utf-8"))
    names = {has.get("name") for tag, has in search.tags if tag in ("input", "select")}
    assert names == {"text", "order"}
    assert search.of("table") == search.of("figure") == search.of("noscript")[1:] == []
    assert "match" not in text_of(search)


def test_a_picture_that_is_gone_is_told_of_in_its_place(tmp_path, lists):
    lists[0].query.path.unlink()
    text = written(tmp_path, lists)
    told = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert any(row[3] == -1 and "No such file" in row[4] for row in told["pictures"])


def test_the_same_run_gives_the_same_page(tmp_path, lists, run):
    reports, analysis = run
    arguments = {"reports": reports, "analysis": analysis}
    assert written(tmp_path, lists, **arguments) == written(tmp_path, lists, **arguments)


def test_progress_is_told(tmp_path, lists):
    told = []
    written(tmp_path, lists, progress=lambda *state: told.append(state))
    assert told[-1][0] == "thumbnails"
    assert told[-1][1] == told[-1][2]


@pytest.mark.parametrize(
    ("name", "message"),
    [("p.txt", r"ends in '.txt', expected '.html' or '.htm'"), ("no/p.html", "cannot be written")],
)
def test_a_file_that_cannot_be_written_is_refused(tmp_path, lists, name, message):
    with pytest.raises(InvalidInputError, match=message):
        write_page(tmp_path / name, title="t", reports={"plain": REPORT}, lists=lists)
    with pytest.raises(InvalidInputError, match=message):
        write_search_page(tmp_path / name, title="t", lists=lists)


def test_a_page_without_a_report_is_refused(tmp_path, lists):
    with pytest.raises(InvalidInputError, match="reports is empty"):
        written(tmp_path, lists, reports={})


def test_a_page_without_lists_is_a_page(tmp_path):
    assert Page(written(tmp_path, [])).of("h1") == ["A & B"]


def test_without_the_extra_the_line_that_installs_it_is_said(tmp_path, lists, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[report\]'"):
        written(tmp_path, lists)
