# SPDX-License-Identifier: Apache-2.0
import argparse
import sys

import pytest

from mgn_fast import InvalidInputError, RuntimeUnavailableError
from mgn_fast.cli.page_files import add_page_files, csv_output, open_page, open_page_files


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_page_files(parser, page="a page", sheet="a sheet")
    return parser.parse_args(list(words))


def test_files_get_their_names_when_all_went_well(tmp_path):
    words = ["--html", str(tmp_path / "a.html"), "--png", str(tmp_path / "b.png")]
    with open_page_files(parsed(*words)) as (html, png):
        html.write_text("page")
        png.write_bytes(b"sheet")
        assert not (tmp_path / "a.html").exists()
    assert (tmp_path / "a.html").read_text() == "page"
    assert (tmp_path / "b.png").read_bytes() == b"sheet"


def test_nothing_is_left_of_a_failure(tmp_path):
    def fails():
        with open_page_files(parsed("--html", str(tmp_path / "a.html"))) as (html, _):
            html.write_text("half")
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        fails()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_asked_for_is_none():
    with open_page_files(parsed()) as files:
        assert files == (None, None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--html", "a.txt"], r"ends in '\.txt', expected '\.html'"),
        (["--png", "a.html"], r"ends in '\.html', expected '\.png'"),
        (["--html", "missing/a.html"], "cannot be written"),
    ],
)
def test_other_names_are_refused_before_any_work(words, message):
    with pytest.raises(InvalidInputError, match=message), open_page_files(parsed(*words)):
        pytest.fail("the work began")


def test_without_the_extra_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with (
        pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[report\]'"),
        open_page_files(parsed("--html", str(tmp_path / "a.html"))),
    ):
        pytest.fail("the work began")


def test_a_page_and_a_table_alone_are_there_whole_or_not_at_all(tmp_path):
    for opened, name in ((open_page, "a.html"), (csv_output, "a.csv")):
        with opened(tmp_path / name) as file:
            file.write_text("all of it")
            assert not (tmp_path / name).exists()
        assert (tmp_path / name).read_text() == "all of it"
        with opened(None) as file:
            assert file is None
        with pytest.raises(InvalidInputError, match=r"ends in '\.txt'"), opened(tmp_path / "b.txt"):
            pass
        with (
            pytest.raises(InvalidInputError, match="cannot be written"),
            opened(tmp_path / "no" / name),
        ):
            pass
