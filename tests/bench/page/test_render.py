# SPDX-License-Identifier: Apache-2.0
"""The page of a record: what it says, read as a parser does."""

import functools
import json
import re
import shlex
import sys
from importlib import resources

import pytest

from mgn_fast import RuntimeUnavailableError
from mgn_fast.bench.page.render import best_run, render_page
from support import bench_records
from support.late import late
from support.page_parser import Page

pytestmark = pytest.mark.usefixtures("plots")

jsonschema = late("jsonschema")

RECORDS = {
    "simulated": bench_records.simulated,
    "pictures": bench_records.pictures,
    "cpu": bench_records.cpu,
    "interrupted": bench_records.interrupted,
    "hostile": bench_records.hostile,
}


RATE_HEAD = "images/s (95 % interval)"


def page_of(record):
    return Page(render_page(record))


@functools.cache
def html_of(name):
    """The page of one of these tests' records as it is."""
    return render_page(RECORDS[name]())


@functools.cache
def page_named(name):
    return Page(html_of(name))


def column(page, name):
    """The cells of a column of the table of all rows."""
    heads, *rows = table_of(page)
    return [row[heads.index(name)] for row in rows]


def table_of(page):
    """Rows of the table of all rows: the cells between its heads and the next table's."""
    rows, cells = [], []
    for tag, _, text in page.texts:
        if tag in ("th", "td"):
            cells.append(text)
        elif tag == "tr":
            rows.append(cells)
            cells = []
    (start,) = (i for i, row in enumerate(rows) if row[:3] == ["batch", "lanes", RATE_HEAD])
    length = next(i for i, row in enumerate(rows[start + 1 :]) if row[0] == "batch")
    return rows[start : start + 1 + length]


@pytest.mark.parametrize("name", RECORDS)
def test_the_records_of_these_tests_follow_the_schema(name):
    schema = json.loads((resources.files("mgn_fast.bench") / "schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(RECORDS[name]())


def test_the_heading_tells_the_best_valid_row():
    record = bench_records.simulated()
    record["runs"] = record["runs"][6:8]
    record["runs"][0] |= {"images_per_s": 9999.0, "valid": False, "reasons": ["a stall"]}
    page = page_of(record)
    assert page.of("h1") == ["1,517 images per second SIMULATED"]
    assert record["runs"][1]["bottleneck"] in page.of("p", kind="said")
    facts = " ".join(page.of("dl", kind="facts"))
    assert "1,513 to 1,520" in facts
    assert "latency, mean 10.5 ms" in facts
    assert "latency, p99 12.2 ms" in facts
    assert "batch size, lanes 8, 2" in facts


def row(**changes):
    return bench_records.cpu()["runs"][0] | {"slo": None} | changes


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (row(images_per_s=2.0), row(images_per_s=1.0)),
        (row(images_per_s=1.0), row(images_per_s=2.0, scope="device")),
        (row(images_per_s=1.0, scope="device"), row(images_per_s=2.0, scope="compute")),
        (row(images_per_s=1.0), row(images_per_s=2.0, simulated=True)),
        (row(images_per_s=1.0), row(images_per_s=2.0, slo={"limit": "p99:1ms", "met": False})),
        (row(images_per_s=1.0), row(images_per_s=2.0, valid=False)),
    ],
    ids=["faster", "end to end", "with copies", "measured", "in time", "valid"],
)
def test_what_makes_a_row_the_best(better, worse):
    assert best_run([worse, better]) is better
    assert best_run([better, worse]) is better


def test_without_a_valid_row_there_is_no_figure_in_the_heading():
    record = bench_records.cpu()
    record["runs"][0] |= {"valid": False, "reasons": ["a stall of 3 s"]}
    page = page_of(record)
    assert page.of("h1") == ["No row is valid"]
    assert any("a stall of 3 s" in cell for cell in page.of("td"))
    assert best_run([]) is None


def test_simulated_is_said_at_the_top_and_beside_every_figure():
    page = page_named("simulated")
    assert page.of("div", kind="notice")[0].startswith("SIMULATED All 18 rows ran on a simulated")
    captions = page.of("figcaption")
    assert len(captions) == 2
    assert all("SIMULATED" in text for text in captions + page.of("h1"))
    assert sum("SIMULATED" in cell for cell in column(page, RATE_HEAD)) == 18
    assert [text for text in page.of("text") if text == "SIMULATED"] == ["SIMULATED"] * 2
    assert "(simulated)" in page.of("title")[0]


def test_what_was_measured_is_not_called_simulated():
    assert "SIMULATED" not in html_of("pictures")


def test_some_simulated_rows_are_counted():
    record = bench_records.pictures()
    record["runs"][0]["simulated"] = True
    assert "1 of 16 rows ran on" in page_of(record).of("div", kind="simulated")[0]


def test_every_row_has_its_figures():
    record = bench_records.simulated()
    table = table_of(page_of(record))
    assert len(table) == 19
    assert {len(cells) for cells in table} == {len(table[0])}
    first = dict(zip(*table[:2], strict=True))
    assert first[RATE_HEAD].startswith("597.8 597.3 to 598.2")
    assert first["batch"] == "1"
    assert first["published, images/s"] == "640.8"
    assert first["bottleneck"] == record["runs"][0]["bottleneck"]
    assert first["resident memory, peak"] == "612 MB"
    assert first["load, s"] == "0.412"
    assert first["valid"] == "valid"


def test_a_percentile_without_samples_is_said_to_lack_them():
    cells = column(page_named("simulated"), "p99")
    assert cells[15:] == ["n too small"] * 3
    assert "n too small" not in cells[:15]


def test_columns_come_only_with_what_they_tell():
    optional = {"cosine, mean", "mAP lost", "bound on latency", "of the baseline", "p"}
    simulated = set(table_of(page_named("simulated"))[0])
    pictures = set(table_of(page_named("pictures"))[0])
    assert not optional & simulated
    assert optional <= pictures
    assert "published, images/s" in simulated - pictures
    assert {"precision", "threads", "network rows/s"} <= pictures - simulated


def test_accuracy_baseline_and_bound_are_told():
    page = page_named("pictures")
    first = dict(zip(*table_of(page)[:2], strict=True))
    assert first["cosine, mean"] == "0.99991"
    assert first["mAP lost"] == "\u2013"
    assert first["bound on latency"] == "met p99:500ms"
    assert first["of the baseline"] == "0.910 regressed"
    assert first["p"] == "< 0.001"
    assert "4 rows slower than the baseline by more than 5 %" in page.all_text


def test_a_row_that_is_not_valid_says_why():
    page = page_named("pictures")
    assert column(page, "valid")[3].startswith("not valid: 3.1 % of the CPU time was stolen")
    assert "1 of 16 rows is not valid." in page.all_text


def test_stage_bars_are_as_long_as_the_stages_for_one_row_of_the_batch():
    record = bench_records.cpu()
    record["runs"] = [
        record["runs"][0] | {"batch_size": 1, "stages_ms": {"decode": 1.0, "compute": 3.0}},
        record["runs"][0] | {"batch_size": 4, "stages_ms": {"compute": 8.0}},
    ]
    bars = [
        (has["class"], has["x"], has["width"])
        for tag, has in page_of(record).tags
        if tag == "rect" and has["height"] == "10" and float(has["width"]) > 100
    ]
    # Four milliseconds are the longest row; eight for four rows are half of it.
    assert bars == [
        ("decode", "0.00", "250.00"),
        ("compute", "250.00", "750.00"),
        ("compute", "0.00", "500.00"),
    ]


def test_occupancy_is_of_a_hundred_percent_and_the_bottleneck_stands_out():
    record = bench_records.cpu()
    record["runs"][0] |= {
        "occupancy": {"decode": 0.25, "compute": 0.5},
        "bottleneck_stage": "decode",
    }
    page = page_of(record)
    widths = {has.get("class"): has["width"] for tag, has in page.tags if tag == "rect"}
    assert (widths["track"], widths["decode"]) == ("100", "25.00")
    assert page.of("td", kind="limit") == ["25 %"]


def test_each_model_scope_and_precision_has_its_pair_of_plots():
    page = page_named("pictures")
    assert len(page.of("figure")) == 4
    titles = page.of("h3")
    assert "e2e: end to end, from files to embeddings · bf16" in titles
    assert "e2e: end to end, from files to embeddings · float32" in titles


def test_the_plot_says_which_percentile_it_shows_and_how_many_rows_lack_it():
    simulated = page_named("simulated").of("figcaption")
    assert simulated[1].startswith("Latency, p99")
    assert "(3 of 18 rows)" in simulated[1]
    assert page_named("pictures").of("figcaption")[1].startswith("Latency, p95")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"scope": "e2e"}, "picture"),
        ({"scope": "device"}, "batch"),
        ({"scope": "device", "load": {"kind": "open", "rate": 9.0}}, "picture"),
    ],
)
def test_the_plot_says_whose_latency_it_shows(changes, what):
    record = bench_records.cpu()
    record["runs"][0] |= changes
    assert f"Of a {what}." in page_of(record).of("figcaption")[1]


def test_published_rates_beside_pictures_are_said_to_count_something_else():
    record = bench_records.simulated()
    for run in record["runs"]:
        run |= {"scope": "e2e", "mirror": True}
    caption = page_of(record).of("figcaption")[0]
    assert bench_records.PUBLISHED_SOURCE in caption
    assert "a picture here is two rows" in caption


def test_an_interrupted_run_says_so_first_and_needs_no_row():
    page = page_named("interrupted")
    assert "Interrupted after 0.800 s: no row was finished" in page.all_text
    assert page.of("h1") == ["No row was finished SIMULATED"]
    assert page.of("figure") == page.of("table") == []
    assert "AMD EPYC 9R45" in page.all_text


def test_an_interrupted_run_shows_the_rows_it_finished():
    page = page_of(bench_records.cpu(interrupted=True))
    assert "1 row was finished before" in page.all_text
    assert len(table_of(page)) == 2


@pytest.mark.parametrize("repeats", [[16.9], [16.9, 17.0]], ids=["one", "two"])
def test_one_repeat_has_no_interval(repeats):
    record = bench_records.cpu()
    record["runs"][0]["images_per_s_repeats"] = repeats
    assert ("one repeat" in render_page(record)) == (len(repeats) == 1)


def test_the_command_can_be_pasted():
    record = bench_records.hostile()
    command = page_of(record).of("pre")[0]
    assert shlex.split(command) == record["command"]


def test_environment_options_and_models_are_told():
    pairs = page_named("simulated").of("dl", kind="pairs")
    text = " ".join(pairs)
    for part in ("Ascend310P3 SIMULATED", "cores to use 2", "24.30 GB", "avx512", "numpy 2.4.6"):
        assert part in text
    assert "openvino not installed" in text
    assert "batch 1, 4, 8, 16, 32, 64" in text
    assert "float32 [N, 3, 384, 128]" in text


def test_every_text_of_the_record_is_escaped():
    text = html_of("hostile")
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert bench_records.HOSTILE in page.all_text
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "<script" not in text.lower()


def test_a_file_name_that_is_no_utf_8_can_still_be_written():
    record = bench_records.cpu()
    record["model"] = record["models"][0] = bench_records.model("/models/\udcff.onnx")
    assert "\\udcff.onnx" in render_page(record).encode().decode()


@pytest.mark.parametrize("name", RECORDS)
def test_nothing_is_fetched_and_no_id_is_there_twice(name):
    text, page = html_of(name), page_named(name)
    ids = [has["id"] for _, has in page.tags if "id" in has]
    assert len(ids) == len(set(ids))
    links = [
        has[key] for _, has in page.tags for key in ("src", "href", "xlink:href") if key in has
    ]
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"url\((?!#)|@import|@font-face", text)
    policy = next(has["content"] for tag, has in page.tags if tag == "meta" and "http-equiv" in has)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_the_same_record_gives_the_same_page():
    assert render_page(bench_records.pictures()) == html_of("pictures")


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_without_the_extra_the_line_that_installs_it_is_said(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[report\]'"):
        render_page(bench_records.cpu())
