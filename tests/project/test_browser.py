# SPDX-License-Identifier: Apache-2.0
"""The helper that judges pages must see what is wrong with one."""

import contextlib
import tempfile
import time
from pathlib import Path

import pytest

from support import browser
from support.browser import Browser, find_chromium

GOOD = "<!doctype html><meta charset=utf-8><title>good</title><p>fine"
BAD = (
    "<!doctype html><meta charset=utf-8><script>console.error('broken', 7)</script>"
    "<img src='http://elsewhere.invalid/x.png'><div style='width: 700px'>wide</div>"
)


@pytest.fixture
def chromium():
    path = find_chromium()
    if path is None:
        pytest.skip(f"no Chromium is installed (looked for {', '.join(browser.NAMES)})")
    with Browser(path) as opened:
        yield opened


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "page.html"
        path.write_text(text)
        return path.as_uri()

    return written


def test_a_good_page_has_no_problems_at_its_true_width(chromium, write):
    page = chromium.open(write(GOOD), width=400)
    assert page.problems == []
    assert page.overflow == 0
    assert page.evaluate("innerWidth") == 400
    assert page.evaluate("document.title") == "good"


def test_console_errors_requests_and_overflow_are_seen(chromium, write):
    page = chromium.open(write(BAD), width=400)
    assert "error: broken 7" in page.problems
    assert "request: http://elsewhere.invalid/x.png" in page.problems
    assert page.overflow >= 300


def test_warnings_and_uncaught_exceptions_are_problems(chromium, write):
    page = chromium.open(write("<script>console.warn('hm'); console.log('x'); absent()</script>"))
    assert [problem.split(":")[0] for problem in page.problems] == ["warning", "error"]


def test_the_colour_scheme_is_the_one_asked_for(chromium, write):
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    assert chromium.open(write(GOOD), dark=True).evaluate(dark) is True
    assert chromium.open(write(GOOD)).evaluate(dark) is False


def test_keys_reach_the_page(chromium, write):
    page = chromium.open(write("<!doctype html><meta charset=utf-8><button id=b>b</button>"))
    page.press("Tab", 9)
    assert page.evaluate("document.activeElement.id") == "b"


def test_an_expression_that_throws_is_an_error_here(chromium, write):
    with pytest.raises(RuntimeError, match="absent"):
        chromium.open(write(GOOD)).evaluate("absent()")


def test_a_page_that_never_answers_is_given_up(chromium, write, monkeypatch):
    page = chromium.open(write(GOOD))
    monkeypatch.setattr(browser, "WAIT_S", 0.3)
    with pytest.raises(TimeoutError, match=r"no answer to Runtime\.evaluate within 0\.3 s"):
        page.evaluate("new Promise(() => {})")


def processes_that_name(text):
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # ended meanwhile
            if text.encode() in entry.read_bytes():
                found.append(entry)
    return found


def test_processes_and_profile_are_gone_after_a_block_that_failed(tmp_path, monkeypatch):
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium is installed")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with contextlib.suppress(ZeroDivisionError), Browser(path):
        assert processes_that_name(str(tmp_path))
        raise ZeroDivisionError
    deadline = time.monotonic() + browser.WAIT_S
    while processes_that_name(str(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []


def test_a_stub_that_only_says_how_to_install_is_no_chromium(tmp_path, monkeypatch):
    stub = tmp_path / "chromium-browser"
    stub.write_text("#!/bin/sh\necho requires the chromium snap >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_chromium() is None


def test_a_pages_scripts_can_be_off(chromium, write):
    text = "<!doctype html><title>off</title><script>document.title = 'on'</script>"
    assert chromium.open(write(text), scripts=False).evaluate("document.title") == "off"
    assert chromium.open(write(text)).evaluate("document.title") == "on"
