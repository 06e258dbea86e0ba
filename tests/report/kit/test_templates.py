# SPDX-License-Identifier: Apache-2.0
import re
import sys
from types import ModuleType

import jinja2
import pytest

from mgn_fast import RuntimeUnavailableError
from mgn_fast.report.kit.templates import render
from support.page_parser import Page
from support.repository import PACKAGE

TEMPLATE = """\
{% extends "document.html.jinja" %}
{% from "pieces.html.jinja" import heads, pairs %}
{% block title %}{{ title | printable }}{% endblock %}
{% block main %}<table><tr>{{ heads(["a", title], "text") }}</tr></table>
{{ pairs([("rows", count(2, "row")), ("twice", number | twice)]) }}{{ made | markup }}{% endblock %}
"""


def twice(number):
    return 2 * number


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a page of its own, and its words."""
    folder = tmp_path / "some_pages"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "page.html.jinja").write_text(TEMPLATE)
    (folder / "page.css.jinja").write_text("h1 { color: {{ colour }}; }")
    monkeypatch.syspath_prepend(tmp_path)
    words = ModuleType("words")
    words.twice = twice
    return "some_pages", words


def values(**changes):
    usual = {"title": "<b>&\udcff", "number": 21, "made": "<i>made</i>", "colour": "red"}
    return usual | changes


def test_a_page_fills_the_document_with_its_words_and_the_kits(package):
    text = render(*package, values())
    page = Page(text)
    assert text.encode()
    assert page.of("title") == ["<b>&\\udcff"]
    assert page.of("th") == ["a", "<b>&\\udcff"]
    assert page.of("dl", kind="pairs")[0].split() == ["rows", "2", "rows", "twice", "42"]
    assert page.of("i") == ["made"]
    assert "b" not in {tag for tag, _ in page.tags}
    assert "h1 { color: red; }" in text


def test_a_page_asks_nothing_of_the_network(package):
    text = render(*package, values())
    policy = next(has["content"] for tag, has in Page(text).tags if "http-equiv" in has)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert not re.search(r"url\(|@import|@font-face|https?:", text)


def test_a_name_that_is_not_given_is_an_error(package):
    given = values()
    del given["title"]
    with pytest.raises(jinja2.UndefinedError, match="title"):
        render(*package, given)


def test_without_jinja_the_line_that_installs_it_is_said(package, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[report\]'"):
        render(*package, values())


def test_templates_and_scripts_are_small_and_say_their_licence():
    for path in [*PACKAGE.rglob("*.js"), *PACKAGE.rglob("*.jinja")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 350
        assert "SPDX-License-Identifier" in lines[0]
