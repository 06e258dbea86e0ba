# SPDX-License-Identifier: Apache-2.0
"""The command from its words to its files, on a simulated NPU and short."""

import csv
import importlib
import io
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mgn_fast import DeviceError, adopt, simulator
from mgn_fast.cli import main
from mgn_fast.cli.program import build_parser
from mgn_fast.datasets.drawn_set import drawn_jpegs
from mgn_fast.simulator import write_om
from support.foreign_model import FOREIGN, write_foreign_model
from support.late import late
from support.tiny_model import write_tiny_model

jsonschema = late("jsonschema")

# The package's name for it is the function.
BENCHMARK = importlib.import_module("mgn_fast.bench.run")
SCHEMA = json.loads((Path(BENCHMARK.__file__).parent / "schema.json").read_text())
QUICK = ("--warmup", "0", "--duration", "0.02", "--repeat", "3")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """A cache that is nobody's, and no simulator left on."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    simulator.disable()


@pytest.fixture(scope="module")
def model(tiny_model, tmp_path_factory, simulated_time):
    """MGN's shape with three gears."""
    return write_om(
        tmp_path_factory.mktemp("om") / "tiny.om", onnx=tiny_model, batch_sizes=(1, 4, 8)
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number, jpeg in enumerate(drawn_jpegs(6, seed=0)):
        (folder / f"{number}.jpg").write_bytes(jpeg)
    return folder


def bench(*words):
    return main(["bench", *map(str, words)])


def on_npu(model, *words):
    """Prepared images at batch 8, where nothing else is said."""
    words = list(map(str, words))
    for name, value in (("--scope", "device"), ("--batch", "8")):
        words += [] if name in words else [name, value]
    return bench(model, "--simulate", *QUICK, *words)


def read(path):
    record = json.loads(path.read_text())
    jsonschema.validate(record, SCHEMA, format_checker=jsonschema.FormatChecker())
    return record


def test_every_file_is_written_and_can_be_read(model, directory, tmp_path, capsys):
    out = {name: tmp_path / f"b.{name}" for name in ("json", "csv", "markdown", "html", "trace")}
    words = [word for name, path in out.items() for word in (f"--{name}", path)]
    assert on_npu(model, "--scope", "e2e", "--images", directory, "--lanes", "1,2", *words) == 0

    record = read(out["json"])
    assert [(run["batch_size"], run["lanes"]) for run in record["runs"]] == [(8, 1), (8, 2)]
    assert record["interrupted"] is False
    assert record["options"]["images"] == str(directory)
    assert record["options"]["duration"] == 0.02
    assert record["options"]["strict"] is False

    rows = list(csv.DictReader(io.StringIO(out["csv"].read_text())))
    assert [float(row["images_per_s"]) for row in rows] == [
        run["images_per_s"] for run in record["runs"]
    ]
    text = out["markdown"].read_text()
    assert sum(line.startswith("|") for line in text.splitlines()) == 4
    assert "SIMULATED" in text
    events = json.loads(out["trace"].read_text())["traceEvents"]
    assert {"decode", "h2d", "compute", "fuse"} <= {event["name"] for event in events}
    page = out["html"].read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "tiny.om" in page

    shown = capsys.readouterr()
    head, first, verdict, *_ = shown.out.splitlines()
    assert head.split()[:3] == ["scope", "batch", "lanes"]
    assert first.split()[:4] == ["e2e", "SIMULATED", "8", "1"]
    assert verdict.strip() == record["runs"][0]["bottleneck"]
    assert "Ascend310P3 is simulated" in shown.err
    assert list(tmp_path.glob(".mgn-fast-*")) == []


def test_the_recorded_command_repeats_the_run(model, tmp_path):
    path = tmp_path / "b.json"
    assert on_npu(model, "--json", path, "--lanes", "1,2") == 0
    first = read(path)
    assert first["command"][:2] == ["mgn-fast", "bench"]
    path.unlink()
    simulator.disable()
    assert main(first["command"][1:]) == 0
    again = read(path)
    for name in ("command", "options", "models"):
        assert again[name] == first[name]
    assert [(run["batch_size"], run["lanes"]) for run in again["runs"]] == [(8, 1), (8, 2)]


def test_without_batch_sizes_those_of_the_model_are_run(model, tmp_path):
    assert bench(model, "--simulate", "--scope", "device", *QUICK, "--json", tmp_path / "b") == 0
    assert [run["batch_size"] for run in read(tmp_path / "b")["runs"]] == [1, 4, 8]


def test_an_onnx_runs_on_this_cpu(tiny_model, directory, tmp_path):
    path = tmp_path / "b.json"
    words = ["--images", directory, "--batch", "4", "--lanes", "1", "--threads", "1", "--workers"]
    assert bench(tiny_model, *QUICK, *words, "1", "--no-mirror", "--json", path) == 0
    (run,) = read(path)["runs"]
    assert (run["device"], run["simulated"], run["scope"]) == ("cpu", False, "e2e")
    assert (run["threads"], run["workers"], run["mirror"]) == (1, 1, False)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A model of other people's, and its contract in a file."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "theirs.json").write_text(replace(FOREIGN, embedding_width=None).to_json())
    return write_foreign_model(folder / "theirs.onnx", logits=True), folder / "theirs.json"


def test_other_peoples_models_are_measured_by_the_contract_that_is_stated(
    theirs, directory, tmp_path
):
    model, contract = theirs
    path = tmp_path / "b.json"
    words = ["--images", directory, "--batch", "1", "--lanes", "1", *QUICK, "--json", path]
    words += ["--contract", contract, "--output-name", "logits", "--mean", "1,2,3"]
    assert bench(model, *words) == 0
    record = read(path)
    expected = replace(FOREIGN, output="logits", embedding_width=7, mean=(1, 2, 3))
    assert record["model"]["contract"] == expected.to_dict()
    assert record["model"]["contract_origin"] == f"{contract} with mean given with output given"
    assert record["runs"][0]["mirror"] is False
    assert record["options"]["contract"] == str(contract)


def test_fields_that_are_changed_are_those_of_each_models_own_contract(
    theirs, directory, tiny_model, tmp_path
):
    adopted = adopt(theirs[0], tmp_path / "own.onnx", contract=FOREIGN, output="features")
    path = tmp_path / "b.json"
    words = ["--images", directory, "--batch", "1", "--lanes", "1", *QUICK, "--json", path]
    assert bench(adopted, tiny_model, *words, "--scale", "2") == 0
    contracts = [model["contract"] for model in read(path)["models"]]
    assert [(c["height"], c["scale"]) for c in contracts] == [(64, 2.0), (384, 2.0)]


def test_without_a_contract_only_prepared_images_run(theirs, directory, tmp_path, capsys):
    model, _ = theirs
    words = ["--batch", "1", "--lanes", "1", *QUICK, "--output-name"]
    assert bench(model, *words, "logits", "--scope", "device") == 0
    assert bench(model, *words, "logits", "--images", directory) == 3
    assert "--contract" in capsys.readouterr().err
    assert bench(model, *words, "rows", "--scope", "device") == 3
    assert "no output 'rows', expected one of: features" in capsys.readouterr().err


@pytest.mark.usefixtures("own_process")
def test_other_peoples_models_run_on_the_simulated_npu(theirs, tmp_path, capsys):
    path = tmp_path / "b.json"
    free = write_foreign_model(tmp_path / "free.onnx", free=True)
    assert on_npu(free, "--contract", theirs[1], "--batch", "4", "--json", path) == 0
    record = read(path)
    assert record["model"]["contract"] == FOREIGN.to_dict()
    assert "NOT VALID: the simulated chip takes the times published for MGN" in (
        capsys.readouterr().out
    )


@pytest.mark.usefixtures("own_process")
def test_an_onnx_is_compiled_for_the_simulated_npu(tiny_model, tmp_path):
    path = tmp_path / "b.json"
    assert on_npu(tiny_model, "--json", path, "--batch", "4,8") == 0
    record = read(path)
    assert [run["batch_size"] for run in record["runs"]] == [4, 8]
    assert record["model"]["path"].endswith(".om")
    assert str(tmp_path / "cache") in record["model"]["path"]


def test_pictures_are_drawn_where_none_are_given(model, tmp_path, monkeypatch):
    monkeypatch.setattr("mgn_fast.cli.commands.bench._NUM_DRAWN", 4)
    path = tmp_path / "b.json"
    assert on_npu(model, "--scope", "e2e", "--json", path) == 0
    assert read(path)["runs"][0]["stages_ms"]["decode"] > 0


def test_accuracy_stands_beside_speed(model, tiny_model, directory, tmp_path):
    path = tmp_path / "b.json"
    assert on_npu(model, "--reference", tiny_model, "--images", directory, "--json", path) == 0
    (run,) = read(path)["runs"]
    assert run["accuracy"]["num_pictures"] == 6
    assert run["accuracy"]["cosine_min"] == pytest.approx(1, abs=1e-5)


def test_an_invalid_run_fails_only_if_that_is_asked_for(model, tmp_path, capsys):
    path = tmp_path / "b.json"
    assert on_npu(model, "--repeat", "1", "--json", path) == 0
    assert "NOT VALID: 1 repeats, expected 3 or more" in capsys.readouterr().out
    path.unlink()
    assert on_npu(model, "--repeat", "1", "--json", path, "--strict") == 5
    assert read(path)["runs"][0]["valid"] is False


@pytest.mark.parametrize(
    ("slo", "code"), [("mean:10s", 0), ("mean:1us", 7), ("p50:10s", 0), ("p50:0.001ms", 7)]
)
def test_a_bound_that_every_run_misses_fails(model, tmp_path, capsys, slo, code):
    # Fifty results at 5.3 ms: enough for the median.
    path = tmp_path / "b.json"
    assert on_npu(model, "--duration", "0.1", "--slo", slo, "--json", path) == code
    assert read(path)["runs"][0]["slo"]["met"] is (code == 0)
    assert ("misses" in capsys.readouterr().out) is (code == 7)


@pytest.mark.usefixtures("own_process")
def test_one_run_within_the_bound_is_enough(model, tmp_path):
    # A batch takes 5.9 ms alone, and 42 where eight wait for each other.
    path = tmp_path / "b.json"
    assert on_npu(model, "--lanes", "1,8", "--slo", "mean:20ms", "--json", path) == 0
    assert [run["slo"]["met"] for run in read(path)["runs"]] == [True, False]


@pytest.fixture
def baseline(model, tmp_path):
    """A record of this machine, and how to change it."""
    path = tmp_path / "old.json"
    assert on_npu(model, "--json", path) == 0
    simulator.disable()

    def rewritten(factor):
        record = json.loads(path.read_text())
        for run in record["runs"]:
            run["images_per_s"] *= factor
            run["images_per_s_repeats"] = [factor * rate for rate in run["images_per_s_repeats"]]
        path.write_text(json.dumps(record))
        return path

    return rewritten


@pytest.mark.parametrize(
    ("factor", "words", "code"),
    [
        (1.0, ["--max-regress", "50%"], 0),
        (4.0, [], 7),
        (4.0, ["--max-regress", "5%"], 7),
        (4.0, ["--max-regress", "0.9"], 0),
    ],
)
def test_a_run_slower_than_the_baseline_fails(
    model, baseline, tmp_path, capsys, factor, words, code
):
    new = tmp_path / "new.json"
    assert on_npu(model, "--json", new, "--baseline", baseline(factor), *words) == code
    record = read(new)
    assert record["baseline"]["path"] == str(tmp_path / "old.json")
    assert record["runs"][0]["baseline"]["regressed"] is (code == 7)
    assert ("SLOWER than the baseline's" in capsys.readouterr().out) is (code == 7)


def test_what_changed_since_the_baseline_is_said(model, baseline, capsys):
    path = baseline(1.0)
    record = json.loads(path.read_text())
    record["environment"]["cpu"] = "Abacus\x1b[31m 2000"
    path.write_text(json.dumps(record))
    on_npu(model, "--baseline", path, "--max-regress", "90%")
    error = capsys.readouterr().err
    assert "note: cpu was 'Abacus" in error
    assert "\x1b" not in error


def test_a_damaged_baseline_is_refused_before_anything_is_measured(
    model, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(BENCHMARK, "measure", None)
    (tmp_path / "old.json").write_text('{"schema": 1}')
    assert on_npu(model, "--baseline", tmp_path / "old.json") == 2
    assert "is no record of `mgn-fast bench --json`" in capsys.readouterr().err


def test_an_open_load_has_its_rate(model, tmp_path):
    path = tmp_path / "b.json"
    words = ["--load", "open", "--rate", "400", "--arrival", "constant", "--duration", "0.1"]
    assert on_npu(model, *words, "--json", path) == 0
    assert read(path)["runs"][0]["load"] == {"kind": "open", "rate": 400.0}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--load", "open"], 2, "load is 'open' and rate is None; expected --load open together"),
        (["--rate", "100"], 2, "load is 'closed' and rate is 100.0"),
        (["--load", "open", "--rate", "0"], 2, "rate is 0.0"),
        (["--batch", "3"], 2, "batch size 3 is asked for; "),
        (["--slo", "fast"], 2, "slo is 'fast'"),
        (["--repeat", "0"], 2, "repeat is 0"),
        (["--duration", "nan"], 2, "duration is nan"),
        (["--percentiles", "50,100"], 2, "percentiles is [50.0, 100.0]"),
        (["--baseline", "missing.json"], 2, "'missing.json' is no record"),
        (["--json", "missing/b.json"], 2, "'missing/b.json' cannot be written"),
        (["--csv", "."], 2, "'.' is a directory"),
        (["--scope", "e2e", "--images", "missing"], 2, "'missing' is no directory"),
        (["--device", "99"], 4, "99"),
    ],
)
def test_what_cannot_be_measured_ends_with_its_code(
    model, capsys, monkeypatch, words, code, message
):
    monkeypatch.setattr(BENCHMARK, "row_of", None)
    assert on_npu(model, *words) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "words",
    [
        ["--batch", "0"],
        ["--batch", "1,,2"],
        ["--batch", "x"],
        ["--lanes", ""],
        ["--max-regress", "much"],
        ["--max-regress", "%"],
        ["--percentiles", "50,x"],
        ["--scope", "all"],
        ["--load", "burst"],
        ["--json", ""],
    ],
    ids=" ".join,
)
def test_words_without_sense_are_usage_errors(model, words):
    with pytest.raises(SystemExit) as end:
        bench(model, *words)
    assert end.value.code == 2


def test_a_missing_model_is_exit_code_3(tmp_path, capsys):
    path = tmp_path / "b.json"
    assert on_npu(tmp_path / "missing.om", "--json", path) == 3
    assert "missing.om" in capsys.readouterr().err
    assert bench(tmp_path / "missing.onnx", *QUICK, "--scope", "device", "--json", path) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_fixed_batch_has_no_other(tmp_path, capsys):
    path = write_tiny_model(tmp_path / "fixed.onnx", batch_size=4)
    model = write_om(tmp_path / "fixed.om", onnx=path, batch_sizes=(4,))
    assert on_npu(model, "--batch", "8") == 2
    assert "batch size 8 is asked for; " in capsys.readouterr().err
    assert bench(path, *QUICK, "--scope", "device", "--batch", "8") == 2
    assert bench(path, *QUICK, "--scope", "device", "--json", tmp_path / "b.json") == 0
    assert [run["batch_size"] for run in read(tmp_path / "b.json")["runs"]] == [4]


def test_an_om_without_an_npu_is_exit_code_4(model, monkeypatch, capsys):
    monkeypatch.setenv("MGN_FAST_ASCENDCL", "/nowhere.so")
    assert bench(model, *QUICK, "--scope", "device") == 4
    assert "/nowhere.so" in capsys.readouterr().err


@pytest.mark.usefixtures("whole_command")
def test_names_cannot_command_the_terminal(tiny_model, tmp_path, capsys):
    # Two models, so that they are named in the table.
    names = [tmp_path / f"{name}\x1b[31m\n.om" for name in "ab"]
    for name in names:
        write_om(name, onnx=tiny_model, batch_sizes=(8,))
    paths = [tmp_path / "b.md", tmp_path / "b.json"]
    words = ["--scope", "device", "--markdown", paths[0], "--json", paths[1]]
    assert bench(*names, "--simulate", *QUICK, *words) == 0
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "\x1b" not in paths[0].read_text()
    assert read(paths[1])["models"][0]["path"] == str(names[0])


# Says each run that is finished, so that the signal comes between two.
TELLING = """\
import importlib, sys
from mgn_fast.cli import main
benchmark = importlib.import_module("mgn_fast.bench.run")
row_of = benchmark.row_of
def telling(*arguments):
    row = row_of(*arguments)
    print("a run", flush=True)
    return row
benchmark.row_of = telling
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.usefixtures("own_process")
def test_ctrl_c_leaves_a_whole_record_of_what_was_finished(model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    words = ["bench", str(model), "--simulate", "--scope", "device", "--batch", "8", *QUICK]
    # More runs than could be finished before the signal: minutes of them.
    words += ["--lanes", ",".join(["1"] * 1000)]
    for name in ("json", "csv", "markdown", "html", "trace"):
        words += [f"--{name}", str(out / f"b.{name}")]
    with subprocess.Popen(
        [sys.executable, "-c", TELLING, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert [process.stdout.readline() for _ in range(2)] == ["a run\n"] * 2
        process.send_signal(signal.SIGINT)
        shown, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "interrupted" in error
    assert "Traceback" not in error
    record = read(out / "b.json")
    assert record["interrupted"] is True
    # The second was told of before it was kept.
    assert 1 <= len(record["runs"]) < 1000
    assert sum("SIMULATED" in line for line in shown.splitlines()) == len(record["runs"])
    rows = list(csv.DictReader(io.StringIO((out / "b.csv").read_text())))
    assert len(rows) == len(record["runs"])
    assert "Interrupted" in (out / "b.markdown").read_text()
    assert json.loads((out / "b.trace").read_text())["traceEvents"]
    assert sorted(path.name for path in out.iterdir()) == [
        "b.csv",
        "b.html",
        "b.json",
        "b.markdown",
        "b.trace",
    ]


@pytest.mark.usefixtures("own_process")
def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "mgn_fast.bench", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "usage: mgn-fast bench" in done.stdout
    assert done.stderr == ""


def test_examples_of_the_help_parse(capsys):
    with pytest.raises(SystemExit):
        bench("--help")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    examples = [words for words in lines if words[:2] == ["mgn-fast", "bench"]]
    assert len(examples) >= 4
    for words in examples:
        build_parser().parse_args(words[1:])


def test_a_share_may_be_a_percentage():
    parse = build_parser().parse_args
    assert parse(["bench", "--max-regress", "5%"]).max_regress == pytest.approx(0.05)
    assert parse(["bench", "--max-regress", "0.05"]).max_regress == pytest.approx(0.05)
    assert parse(["bench"]).max_regress == pytest.approx(0.05)
    assert parse(["bench", "--batch", "1,4"]).batch == [1, 4]
    assert parse(["bench", "--percentiles", "50,99.9"]).percentiles == [50.0, 99.9]


def test_a_run_that_fails_leaves_those_before_it(model, tmp_path, capsys, monkeypatch):
    measure = BENCHMARK.measure

    def lost(case, settings):
        if case.batch_size == 8:
            raise DeviceError("the device is lost", call="aclmdlExecuteAsync", code=507899)
        return measure(case, settings)

    monkeypatch.setattr(BENCHMARK, "measure", lost)
    path = tmp_path / "b.json"
    assert on_npu(model, "--batch", "1,4,8", "--json", path) == 4
    assert [run["batch_size"] for run in read(path)["runs"]] == [1, 4]
    assert read(path)["interrupted"] is True
    shown = capsys.readouterr()
    assert "the device is lost" in shown.err
    assert shown.out.count("SIMULATED") == 2


def test_a_first_run_that_fails_leaves_nothing(model, tmp_path, monkeypatch):
    def lost(case, settings):
        raise DeviceError("the device is lost")

    monkeypatch.setattr(BENCHMARK, "measure", lost)
    assert on_npu(model, "--json", tmp_path / "b.json") == 4
    assert list(tmp_path.iterdir()) == []


def test_a_reference_that_is_missing_costs_no_measurement(model, tmp_path):
    path = tmp_path / "b.json"
    words = ["--reference", tmp_path / "missing.onnx", "--json", path]
    assert on_npu(model, *words) == 3
    assert not path.exists()


def test_a_baseline_of_something_else_keeps_what_was_measured(model, baseline, tmp_path, capsys):
    path = tmp_path / "new.json"
    words = ["--baseline", baseline(1.0), "--lanes", "1", "--json", path]
    assert on_npu(model, *words) == 2
    assert "has no run with" in capsys.readouterr().err
    assert len(read(path)["runs"]) == 1


@pytest.mark.usefixtures("own_process")
def test_files_are_written_though_nobody_reads_what_is_printed(model, tmp_path):
    path = tmp_path / "b.json"
    words = ["bench", model, "--simulate", "--scope", "device", "--batch", "8", *QUICK]
    command = [sys.executable, "-m", "mgn_fast", *map(str, words), "--json", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        process.stderr.read()
    assert process.returncode == 0
    assert len(read(path)["runs"]) == 1


@pytest.mark.parametrize("share", ["150%", "100%", "1", "-1%", "nan", "nan%"])
def test_an_allowance_that_is_no_share_is_a_usage_error(model, share):
    with pytest.raises(SystemExit) as end:
        bench(model, f"--max-regress={share}")
    assert end.value.code == 2
