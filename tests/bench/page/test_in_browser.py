# SPDX-License-Identifier: Apache-2.0
"""The page of a record in a browser: on a phone and a wide screen, light and dark."""

import functools

import pytest

from mgn_fast.bench.page.render import render_page
from support import bench_records

RECORDS = {
    "simulated": bench_records.simulated,
    "pictures": bench_records.pictures,
    "cpu": bench_records.cpu,
    "interrupted": bench_records.interrupted,
    "hostile": bench_records.hostile,
}
ROWS = {"simulated": 18, "pictures": 16, "cpu": 1, "interrupted": 0, "hostile": 18}
GROUPS = {"simulated": 1, "pictures": 2, "cpu": 1, "interrupted": 0, "hostile": 2}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where a record's page lies."""
    directory = tmp_path_factory.mktemp("pages")

    @functools.cache
    def written(name):
        path = directory / f"{name}.html"
        path.write_text(render_page(RECORDS[name]()), encoding="utf-8")
        return path.as_uri()

    return written


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)], ids=["400", "1600"])
@pytest.mark.parametrize("name", RECORDS)
def test_in_a_browser_nothing_is_wrong_and_all_is_there(chromium, address, name, width, dark):
    page = chromium.open(address(name), width=width, dark=dark)
    assert page.problems == []
    assert page.overflow <= 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    count = "document.querySelectorAll({}).length".format
    assert page.evaluate(count("'table.rows tbody tr'")) == ROWS[name]
    assert page.evaluate(count("'table.stages tbody tr'")) == ROWS[name]
    assert page.evaluate(count("'figure.plot svg'")) == 2 * GROUPS[name]
    assert page.evaluate(count("'script'")) == 0


def test_plots_fill_their_cards_and_their_text_is_legible_on_a_phone(chromium, address):
    page = chromium.open(address("simulated"), width=400)
    sizes = page.evaluate(
        "[...document.querySelectorAll('figure.plot svg')].map(svg => "
        "[svg.getBoundingClientRect().width, svg.getBoundingClientRect().height])"
    )
    assert all(width > 320 and height > 180 for width, height in sizes)
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('figure.plot text')].map(text => "
        "parseFloat(getComputedStyle(text).fontSize)"
        " * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b)))"
    )
    assert smallest > 9


INK = {
    "h1": ("color", ".card"),
    ".kicker": ("color", ".card"),
    ".badge": ("color", ".badge"),
    ".simulated": ("color", ".simulated"),
    ".bad": ("color", ".bad"),
    ".no": ("color", ".card"),
    "figure svg g[id*=tick] text": ("fill", ".card"),
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(chromium, address, dark):
    page = chromium.open(address("hostile"), dark=dark)

    assert (page.luminance(".card", "backgroundColor") < 0.1) == dark
    for selector, (colour, behind) in INK.items():
        # WCAG 2's ratio for text of any size.
        assert page.contrast(selector, colour, behind) >= 4.5, selector


def test_the_wide_table_is_scrolled_by_keys_inside_its_own_container(chromium, address):
    page = chromium.open(address("pictures"), width=400)
    page.evaluate("(box = document.querySelector('[aria-label=\"All rows\"]')).focus()")
    page.press("ArrowRight", 39)
    page.until("box.scrollLeft > 0")
    assert page.evaluate("scrollX") == 0
