# SPDX-License-Identifier: Apache-2.0
import csv
import io
import re
import shlex

import pytest

from mgn_fast.bench.record.tables import (
    csv_text,
    markdown,
    remarks,
    table_head,
    table_row,
    terminal_lines,
)
from support.bench_fakes import a_record, a_run

HOSTILE = "/models/a|b`\n\r\x1b[31m\u2028c.om"


def cells(run, runs=None):
    runs = [run] if runs is None else runs
    return dict(zip(table_head(runs), table_row(run, runs), strict=True))


def test_the_cells_of_a_run():
    assert cells(a_run()) == {
        "scope": "device SIMULATED",
        "batch": "8",
        "lanes": "2",
        "images/s": "100.0",
        "95 %": "99.00 to 101.0",
        "mean ms": "10.5",
        "p50": "10.25",
        "p99": "too few",
        "device idle": "1%",
        "memory MB": "612",
    }


def test_a_measurement_of_a_chip_is_not_called_simulated():
    assert cells(a_run(simulated=False))["scope"] == "device"


@pytest.mark.parametrize(
    ("resident", "device", "text"),
    [
        (612_000_000, None, "612"),
        (612_000_000, 300_000_000, "612 + 300"),
        (None, None, "?"),
        (None, 300_000_000, "? + 300"),
    ],
)
def test_memory_is_the_processs_and_the_devices(resident, device, text):
    memory = {"peak_resident_bytes": resident, "peak_device_bytes": device}
    assert cells(a_run(memory=memory))["memory MB"] == text


def test_what_was_published_stands_beside_what_was_found():
    # The network's rate is compared: a picture and its mirror are two.
    published = {"images_per_s": 1519.17, "source": "a table"}
    run = a_run(published=published, network_images_per_s=1519.17 / 2)
    assert cells(run)["published"] == "1519.2 (x0.500)"
    other = a_run(batch_size=2)
    assert cells(other, [run, other])["published"] == "-"


def test_accuracy_and_baseline_have_columns_where_a_run_has_them():
    accuracy = {"cosine_min": 0.998765, "top1_agreement": None, "map_drop": 0.00125}
    baseline = {"images_per_s": 100.0, "ratio": 0.9512, "p_value": 0.2, "regressed": False}
    run, other = a_run(accuracy=accuracy, baseline=baseline), a_run()
    filled = cells(run, [run, other])
    assert filled["cosine min"] == "0.99877"
    assert filled["same nearest"] == "-"
    assert filled["mAP drop"] == "+0.0013"
    assert filled["to baseline"] == "0.951"
    assert cells(other, [run, other])["to baseline"] == "-"
    assert "to baseline" not in table_head([other])


def test_models_are_named_where_there_are_several():
    run, other = a_run(model="/a/one.om"), a_run(model="/b/two.om")
    assert cells(run, [run, other])["model"] == "one.om"
    assert "model" not in table_head([run])


def test_percentiles_are_in_their_order_and_gaps_are_too_few():
    names = {"p99.9": 20.0, "p5": 9.0, "p10": 9.5}
    run = a_run(latency_ms={"mean": 1.0, "max": 2.0, "samples": 3} | names)
    other = a_run(latency_ms={"mean": 1.0, "max": 2.0, "samples": 3, "p75": 1.5})
    head = table_head([run, other])
    assert [name for name in head if re.match(r"p\d", name)] == ["p5", "p10", "p75", "p99.9"]
    assert cells(other, [run, other])["p99.9"] == "too few"


def test_columns_of_the_terminal_end_in_line():
    lines = terminal_lines([a_run(), a_run(batch_size=16, images_per_s=1234.5)])
    head, first, second = lines[0], lines[1], lines[3]
    end = head.index("images/s") + len("images/s")
    assert first[:end].endswith(" 100.0")
    assert second[:end].endswith(" 1234.5")
    assert lines[2] == "    compute-bound: the device is busy 99% of the time"
    assert len(lines) == 5


def test_no_runs_have_no_lines():
    assert terminal_lines([]) == []


def test_remarks_are_the_verdict_then_what_is_wrong():
    run = a_run(
        reasons=["stall: 300 ms", "2 repeats"],
        slo={"limit": "p99:20ms", "met": False},
        baseline={"images_per_s": 1519.17, "ratio": 0.9, "p_value": 0.00397, "regressed": True},
    )
    assert remarks(run)[1:] == [
        "NOT VALID: stall: 300 ms",
        "NOT VALID: 2 repeats",
        "misses p99:20ms",
        "SLOWER than the baseline's 1519.2 images/s (p = 0.00397)",
    ]


def test_what_is_kept_is_no_remark():
    run = a_run(
        slo={"limit": "p99:20ms", "met": True},
        baseline={"images_per_s": 100.0, "ratio": 0.9, "p_value": 0.5, "regressed": False},
    )
    assert remarks(run) == [run["bottleneck"]]


def test_markdown_has_one_table():
    text = markdown(a_record([a_run(), a_run(batch_size=16)]))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert len({row.count("|") for row in rows}) == 1
    assert "Abacus 2000, 2 cores" in text
    assert "**SIMULATED**" in text
    assert "Interrupted" not in text


def test_markdown_of_a_chip_does_not_say_simulated():
    assert "SIMULATED" not in markdown(a_record([a_run(simulated=False)]))


def test_markdown_of_an_interrupted_benchmark_says_so():
    text = markdown(a_record([], interrupted=True))
    assert "Interrupted: not all runs are here." in text
    assert "|" not in text


def test_names_cannot_break_the_table():
    runs = [a_run(model=HOSTILE), a_run(bottleneck="a|b\nc")]
    rows = [line for line in markdown(a_record(runs)).splitlines() if line.startswith("|")]
    assert len(rows) == 4
    # What is left of escaped pipes separates cells.
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert all(row.isprintable() for row in rows)


def test_the_command_repeats_the_run():
    words = ["mgn-fast", "bench", "my models/a`b.om", "--html", "it's.html"]
    text = markdown(a_record([a_run()], command=words))
    (line,) = [line for line in text.splitlines() if line.startswith("    ")]
    assert shlex.split(line) == words


def test_a_command_with_line_breaks_stays_one_line():
    text = markdown(a_record([a_run()], command=["mgn-fast", "bench", "a\n# b\x1b.om"]))
    assert text.splitlines()[-1] == "    mgn-fast bench 'a # b .om'"


def test_csv_has_every_figure_of_every_run():
    runs = [a_run(), a_run(batch_size=16, slo={"limit": "p99:20ms", "met": True})]
    rows = list(csv.DictReader(io.StringIO(csv_text(a_record(runs)))))
    assert [row["batch_size"] for row in rows] == ["8", "16"]
    first, second = rows
    assert float(first["images_per_s"]) == runs[0]["images_per_s"]
    assert first["latency_ms.p50"] == "10.25"
    assert first["latency_ms.p99"] == ""
    assert first["occupancy.compute"] == "0.99"
    assert first["images_per_s_repeats"] == "100.0;101.0;99.0;100.5;99.5"
    assert (first["slo.met"], second["slo.met"]) == ("", "True")
    assert first["precision"] == first["reasons"] == ""


def test_csv_gives_hostile_names_back():
    (row,) = csv.DictReader(
        io.StringIO(csv_text(a_record([a_run(model=HOSTILE + ',"')])), newline="")
    )
    assert row["model"] == HOSTILE + ',"'


def test_csv_of_no_runs_has_no_rows():
    assert list(csv.DictReader(io.StringIO(csv_text(a_record([]))))) == []
