# SPDX-License-Identifier: Apache-2.0
"""The scripts in bench/: listed, run, and saying themselves which of their figures count."""

import json
import re

import pytest

from support.bench_scripts import BENCH, SCRIPTS, load


@pytest.fixture
def record(monkeypatch, tmp_path):
    """Records go to tmp_path."""
    module = load("record")
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path))
    return module


def test_every_script_has_one_line_in_the_benchmarks_readme():
    rows = [row for row in (BENCH / "README.md").read_text().splitlines() if row.startswith("| ")]
    assert sorted(re.findall(r"`((?:bench|check)_\w+\.py)`", "\n".join(rows))) == SCRIPTS


def test_run_all_runs_every_script():
    run_all = load("run_all")
    assert sorted({run.script for run in run_all.RUNS}) == SCRIPTS
    assert len({run.name for run in run_all.RUNS}) == len(run_all.RUNS)


# A record


def test_a_record_holds_its_name_its_figures_and_its_headlines(record, tmp_path):
    path = record.write("speed", {"ratio": 9.5}, [record.headline("a against b", "9.5 times")])
    assert list(tmp_path.iterdir()) == [path]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-speed\.json", path.name)
    assert json.loads(path.read_text()) == {
        "name": "speed",
        "ratio": 9.5,
        "headlines": [{"what": "a against b", "figure": "9.5 times"}],
    }


@pytest.mark.parametrize(
    ("figures", "headline", "message"),
    [
        ({}, {"what": "a", "figure": ""}, "needs a text"),
        ({}, {"what": "a"}, "needs a text"),
        ({}, {"what": "a | b", "figure": "1"}, "break a table"),
        ({}, {"what": "a", "figure": "1\n2"}, "break a table"),
        ({"simulated": "310P"}, {"what": "a", "figure": "1"}, "does not say 'simulated'"),
        ({"ratio": float("nan")}, {"what": "a", "figure": "1"}, "JSON compliant"),
    ],
)
def test_a_record_that_the_readme_cannot_quote_is_refused(
    record, tmp_path, figures, headline, message
):
    with pytest.raises(ValueError, match=message):
        record.write("speed", figures, [headline])
    assert list(tmp_path.iterdir()) == []


def test_figures_have_two_digits_that_count(record):
    assert [record.times(x) for x in (472.49, 17.354, 9.96, 9.504, 0.9951, 0.3)] == [
        "472 times", "17 times", "10 times", "9.5 times", "1.0 times", "0.30 times",
    ]  # fmt: skip
    assert [record.duration(x) for x in (56.7, 2.3503, 0.9951, 0.016990, 9.264e-6)] == [
        "57 s", "2.4 s", "1.0 s", "17 ms", "9.3 us",
    ]  # fmt: skip
    assert [record.memory(x) for x in (304.6, 6055.5)] == ["305 MB", "5.9 GB"]


# What the scripts say of themselves


def ways(**seconds):
    return {name.replace("_", " "): {"wall": {"median_s": s}} for name, s in seconds.items()}


def rows(*shares):
    return [
        {"batch_size": size, "lanes": lanes, "share_of_table": share}
        for size, lanes, share in shares
    ]


ONE_CORE = {
    "recipe, float32 both": [80.0, 95.0, 100.0],
    "ours, float32 both": [10.0, 10.0, 10.0],
    "limit, float32 both": [5.0, 8.0, 8.0],
    "recipe, 256x128 bicubic, from pixels": [80.0],
    "ours, 256x128 bicubic, from pixels": [5.0],
    "recipe, 256x128 bilinear, from pixels": [60.0],
    "ours, 256x128 bilinear, from pixels": [5.0],
}
FAULTS = {
    "machine": "310P",
    "run_mode": "host",
    "every": 5,
    "wrong": [{}],
    "outcomes": {"error": 3000, "no loss": 900},
}


@pytest.mark.parametrize(
    ("script", "function", "arguments", "expected"),
    [
        ("bench_session", "headlines", [{"session": 1.0358, "embedder": 0.954}],
         ["1.04 of its rate", "0.95 of its rate"]),
        ("bench_two_sessions", "headlines", [{"ours": 1.0747, "bare": 0.6635}],
         ["1.07 of its rate (bare ONNX Runtime: 0.66)"]),
        ("bench_preprocess", "headlines", [ONE_CORE],
         ["9.5 times", "1.25 of its time", "16 times, 12 times"]),
        ("bench_eval", "headlines",
         ["market1501",
          ways(recipe=8.0, distances=0.017, evaluate=0.7, product=1.0, ten_draws=0.03)],
         ["471 times, 17 ms", "0.70 of its time", "30 ms"]),
        ("bench_eval", "headlines", ["msmt17", ways(evaluate=30.7, product=40.6)],
         ["0.76 of its time"]),
        ("bench_verification", "headlines",
         [{"good": {"ways": ways(curve=2.4, evaluate=2.0)}}], ["1.20 of its time, 2.4 s"]),
        ("bench_rerank", "headlines",
         ["market1501", ways(recipe=40.8, evaluate=2.35), {"evaluate": 304.6, "recipe": 6055.5}],
         ["17 times, 2.4 s, 305 MB instead of 5.9 GB"]),
        ("bench_rerank", "headlines", ["msmt17", ways(evaluate=56.7), {"evaluate": 441.9}],
         ["57 s, 442 MB"]),
        ("bench_search", "headlines",
         [1_000_000, ways(search=0.39, scan=0.38, product=0.75, scan_of_8=0.5, scan_of_64=1.6)],
         ["0.52 of its time, 390 ms", "2.6, 16, 40 queries/s"]),
        ("bench_group", "headlines",
         [{"pictures": 531, "persons": 50, "settings": [
             {"k1": 20, "k2": 6, "adjusted_rand_index": 0.204},
             {"k1": 6, "k2": 3, "adjusted_rand_index": 0.4051}]},
          19_281, ways(group=6.04, product=4.0), {"group": 304.6}],
         ["0.20, 0.41 with k1 6 and k2 3", "1.5 of its time, 6.0 s, 305 MB"]),
        ("bench_cpu_engines", "headlines",
         [{"openvino bf16": 1.904}, {"openvino bf16": {"cosine_mean": 0.9995, "cosine_min": 0.99}}],
         ["1.90 times; cosine 0.9995, at worst 0.9900"]),
        ("bench_npu", "rate_headlines",
         [{"rate": rows((1, 2, 0.9976), (64, 2, 0.9953), (64, 3, 0.2)),
           "embedder": rows((1, 2, 0.9989), (64, 2, 0.9807))}],
         ["0.995 to 0.998 of it", "0.981 to 0.999 of it"]),
        ("check_faults", "headlines", [FAULTS], ["3,899 of 3,900"]),
        ("check_cycles", "headlines", [10_000, {"handles": 0, "threads": 2}, 675_840],
         ["0, 2; memory grew by 0.6 MB"]),
        ("check_kills", "headlines", [[{"killed": True}, {"killed": False}], ["gone"]],
         ["0 of 1"]),
        ("check_gallery_edits", "headlines",
         [[{"killed": True}] * 3 + [{"killed": False}], ["gone"]], ["2 of 3"]),
        ("check_evaluation", "headlines", [70, ["scalar", "avx2"], {"avx2": ["ranks"]}], ["1"]),
        ("check_levels", "headlines", [20_000, 1000, {"avx2": 2, "avx512": 0}], ["2 of 2,000"]),
        ("check_resize", "headlines", [20_000, 1000, {"scalar": 1, "avx2": 0}], ["1 of 2,000"]),
    ],
)  # fmt: skip
def test_a_scripts_headlines_are_its_figures(script, function, arguments, expected):
    lines = getattr(load(script), function)(*arguments)
    assert [line["figure"] for line in lines] == expected
    assert all(line["what"] for line in lines)
