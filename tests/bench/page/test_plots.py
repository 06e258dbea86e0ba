# SPDX-License-Identifier: Apache-2.0
import math
import re
import sys
import xml.etree.ElementTree as ET

import pytest

from mgn_fast.bench.page.plots import NUM_COLOURS, draw
from mgn_fast.bench.page.series import Series
from support.late import late

pytestmark = pytest.mark.usefixtures("plots")

matplotlib = late("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


def line(values=(10.0, 20.0, 15.0), label="1 lane", batch_sizes=(1, 4, 8), valid=None, **changes):
    valid = [True] * len(values) if valid is None else valid
    return Series(label, batch_sizes, values, **({"intervals": [], "valid": valid} | changes))


def plot(*series, published=None, **changes):
    options = {"name": "p", "title": "rates", "unit": "images/s", "simulated": False} | changes
    return draw(series, published, **options)


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


def markers(svg, colour):
    """Where a series' markers stand, by their fill."""
    found = {}
    for use in ET.fromstring(svg).iter(f"{SVG}use"):
        style = use.get("style", "")
        if f"stroke: var({colour})" in style:
            fill = re.search(r"fill: var\((.+?)\)", style)[1]
            found.setdefault(fill, []).append((float(use.get("x")), float(use.get("y"))))
    return found


def test_ticks_are_the_batch_sizes_that_were_measured():
    found = texts(plot(line()))
    assert found[:4] == ["1", "4", "8", "batch size"]


def test_batch_sizes_too_close_for_their_numbers_keep_their_ticks():
    sizes = (1, 8, 60, 62, 64)
    svg = plot(line([1.0] * 5, batch_sizes=sizes))
    assert texts(svg)[:3] == ["1", "8", "60"]
    assert "62" not in texts(svg)
    assert "xtick_5" in svg


def test_markers_stand_at_their_values():
    places = markers(plot(line((10.0, 20.0, 15.0))), "--series-0")["--series-0"][:3]
    (_, y10), (_, y20), (_, y15) = places
    assert y15 == pytest.approx((y10 + y20) / 2, abs=0.01)
    x1, x4, x8 = (x for x, _ in places)
    assert (x8 - x1) / (x4 - x1) == pytest.approx(1.5, abs=0.001)


def test_a_gap_has_no_marker_and_interrupts_the_line():
    svg = plot(line((10.0, math.nan, 15.0)))
    whole = plot(line())
    assert len(markers(svg, "--series-0")["--series-0"]) == 3  # two, and the legend's
    assert len(markers(whole, "--series-0")["--series-0"]) == 4
    assert "0.0" not in texts(svg)


def test_nothing_but_gaps_is_an_empty_plot():
    assert texts(plot(line((math.nan, math.nan, math.nan)), logarithmic=True))[:2] == ["1", "4"]


def test_rows_that_are_not_valid_are_hollow():
    found = markers(plot(line(valid=[True, False, True])), "--series-0")
    assert len(found["--card"]) == 1


def test_intervals_are_bars_from_end_to_end():
    plain, barred = plot(line()), plot(line(intervals=[(8, 12), (18, 22), (14, 16)]))
    assert "LineCollection" not in plain
    bars = re.search(r'id="p-LineCollection_1">(.*?)</g>', barred, re.DOTALL)[1]
    ends = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", bars)]
    lengths = [low - high for low, high in zip(ends[::2], ends[1::2], strict=True)]
    assert lengths == pytest.approx([lengths[0], lengths[0], lengths[0] / 2], rel=1e-3)


def test_published_rates_are_dashed_and_named():
    svg = plot(line(), published=line(label="published"))
    assert texts(svg)[-2:] == ["1 lane", "published"]
    assert "stroke-dasharray" in svg
    assert "stroke-dasharray" not in plot(line())


def test_the_first_twelve_series_differ_in_colour_marker_or_dashes():
    svg = plot(*(line(label=f"{n} lanes") for n in range(1, 2 * NUM_COLOURS + 1)))
    legend = ET.fromstring(svg).find(f".//{SVG}g[@id='p-legend_1']")
    looks = set()
    for group in legend.iter(f"{SVG}g"):
        stroke = group.find(f"{SVG}path[@style]")
        use = group.find(f"{SVG}g/{SVG}use")
        if stroke is not None and use is not None:
            looks.add((stroke.get("style"), use.get(HREF)))
    assert len(looks) == 2 * NUM_COLOURS


def test_simulated_is_written_across_the_plot():
    assert "SIMULATED" in texts(plot(line(), simulated=True))
    assert "SIMULATED" not in texts(plot(line()))


def test_values_far_apart_have_a_logarithmic_axis_that_says_so():
    far, near = (1.0, 20.0, 300.0), (100.0, 200.0, 300.0)
    assert "ms, logarithmic" in texts(plot(line(far), unit="ms", logarithmic=True))
    assert "ms" in texts(plot(line(near), unit="ms", logarithmic=True))


def test_a_linear_axis_starts_at_nothing():
    assert "0" in texts(plot(line((100.0, 105.0, 110.0))))


def test_one_batch_size_and_a_rate_of_zero_can_be_drawn():
    assert "8" in texts(plot(line((0.0,), batch_sizes=(8,), valid=[True])))


def test_colours_are_the_pages_and_nothing_is_fetched():
    svg = plot(line(), published=line(label="published"), simulated=True)
    assert not re.search(r"#[0-9a-f]{6}\b", svg)
    assert set(re.findall(r"https?://[^\"]+", svg)) == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "<style" not in svg


def test_ids_begin_with_the_name_and_references_meet_them():
    svg = plot(line(intervals=[(8, 12), (18, 22), (14, 16)]), name="rate-3")
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    assert ids
    assert used
    assert all(found.startswith("rate-3-") for found in ids)
    assert used <= ids


def test_the_same_data_give_the_same_drawing_whatever_the_users_settings():
    first = plot(line())
    with matplotlib.rc_context({"svg.fonttype": "path", "font.size": 30, "axes.grid": True}):
        assert plot(line()) == first
        assert matplotlib.rcParams["font.size"] == 30


def test_labels_are_text_and_escaped():
    svg = plot(line(label='2 lanes, device $<&"$'), title='"><script>')
    assert '2 lanes, device $<&"$' in texts(svg)
    assert "<script" not in svg


def test_pyplot_has_no_part_in_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    assert plot(line()).startswith("<svg")
