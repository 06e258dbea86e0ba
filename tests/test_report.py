# SPDX-License-Identifier: Apache-2.0
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import simplejpeg

from mgn_fast import DecodeError, Report, RuntimeUnavailableError
from mgn_fast.report import RankedList, Tile, report_row, write_report

REPORT = Report(0.625, 0.25, np.linspace(0.5, 1, 12), np.array([0.5, 0.75]), 2)


class Page(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data.strip())


@pytest.fixture
def ranked(tmp_path, picture):
    """One list; a file name that would be a tag if it were not escaped."""
    tiles = []
    for name, verdict in (("<b>q.jpg", "query"), ("m.jpg", "match"), ("j.jpg", "junk")):
        (tmp_path / name).write_bytes(simplejpeg.encode_jpeg(picture))
        tiles.append(Tile(tmp_path / name, verdict, "camera 1"))
    return [RankedList("query <script>alert(1)</script>", tiles)]


def write(tmp_path, ranked, **changes):
    arguments = {"title": "A & B", "notes": ["first", "second"], "reports": {"plain": REPORT}}
    path = write_report(tmp_path / "r.html", ranked=ranked, **(arguments | changes))
    return Page(path.read_text())


def test_a_row_has_the_figures_the_recipe_quotes():
    row = report_row(REPORT)
    assert list(row) == ["mAP", "R1", "R3", "R5", "R10", "mINP"]
    assert row["mAP"] == 0.625
    assert row["R1"] == 0.5
    short = Report(0.5, 0.5, np.array([1.0, 1.0]), np.array([0.5]), 1)
    assert list(report_row(short)) == ["mAP", "R1", "mINP"]


def test_the_page_fetches_nothing(tmp_path, ranked):
    page = write(tmp_path, ranked)
    urls = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href")
    ]
    assert len(urls) == 4  # three pictures and the curve
    assert all(url.startswith("data:image/") for url in urls)
    assert not re.search(r"url\(|@import", (tmp_path / "r.html").read_text())


def test_names_and_titles_are_escaped(tmp_path, ranked):
    page = write(tmp_path, ranked)
    tags = {tag for tag, _ in page.tags}
    assert "script" not in tags
    assert "b" not in tags
    assert "query <script>alert(1)</script>" in page.texts
    assert any(attributes.get("title") == "<b>q.jpg" for _, attributes in page.tags)


def test_pictures_are_framed_by_what_they_are(tmp_path, ranked):
    page = write(tmp_path, ranked)
    classes = [attributes["class"] for tag, attributes in page.tags if tag == "figure"]
    assert classes == ["query", "match", "junk"]


def test_the_table_shows_every_report(tmp_path, ranked):
    page = write(tmp_path, ranked, reports={"plain": REPORT, "chance": REPORT})
    assert page.texts.count("0.6250") == 2
    assert {"plain", "chance", "first", "second", "A & B"} <= set(page.texts)


def test_the_same_run_gives_the_same_page_but_for_ids(tmp_path, ranked):
    write(tmp_path, ranked)
    first = (tmp_path / "r.html").read_text()
    write(tmp_path, ranked)
    second = (tmp_path / "r.html").read_text()
    assert len(first) == len(second)


def test_a_picture_that_is_gone_is_named_and_no_page_is_left(tmp_path, ranked):
    (tmp_path / "m.jpg").unlink()
    with pytest.raises(DecodeError, match=r"m\.jpg"):
        write(tmp_path, ranked)
    assert not (tmp_path / "r.html").exists()


def test_without_the_extra_the_line_that_installs_it_is_said(tmp_path, ranked, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[report\]'"):
        write(tmp_path, ranked)
