# SPDX-License-Identifier: Apache-2.0
import importlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mgn_fast import DeviceError, InvalidInputError, ModelError
from mgn_fast.bench import Case, MeasureSettings, Pace, Plan, Slo, benchmark
from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.record.published_rates import SOURCE
from mgn_fast.simulator import write_om
from support.bench_fakes import a_record, a_run
from support.foreign_model import FOREIGN, write_foreign_model
from support.late import late
from support.shared_data import shared_data
from support.simulated import TINY
from support.xml_model import write_xml

jsonschema = late("jsonschema")

# The package's name for it is the function.
module = importlib.import_module("mgn_fast.bench.run")
SCHEMA = json.loads((Path(module.__file__).parent / "schema.json").read_text())
QUICK = Pace(0.0, 0.01, 3)
FORMS = {
    "floats": FOREIGN,
    "halves": replace(FOREIGN, input="float16"),
    "bytes": replace(FOREIGN, input="uint8", layout="NHWC"),
    "channels last": replace(FOREIGN, layout="NHWC"),
    "mirrored": replace(FOREIGN, mirror="add", normalise=False),
}
LOADS = {
    "compute": {"scope": "compute"},
    "device": {"scope": "device"},
    "device, open": {"scope": "device", "case": {"arrivals": Arrivals(500.0)}},
    "e2e": {"scope": "e2e"},
    "e2e, open": {"scope": "e2e", "case": {"arrivals": Arrivals(200.0)}},
}


def validate(record):
    """Against the schema, as a reader of the file sees it."""
    read = json.loads(json.dumps(record, allow_nan=False))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(read, SCHEMA, format_checker=jsonschema.FormatChecker())
    return read


def plan(*models, pictures=(), scope="device", pace=QUICK, **options):
    case = Case(models[0], 1, 1, scope=scope, **options.pop("case", {}))
    settings = MeasureSettings(pictures, pace=pace, **options.pop("settings", {}))
    return Plan(list(models), settings, case, **options)


@pytest.fixture
def tiny_om(tmp_path):
    return write_om(tmp_path / "tiny.om", batch_sizes=(1, 4, 8), **TINY)


@pytest.mark.parametrize(
    "options",
    [
        {"scope": "compute"},
        {"scope": "device", "settings": {"slo": Slo.parse("p99.9:20ms"), "percentiles": [99.99]}},
        {"scope": "e2e", "lanes": [1, 2]},
        {"scope": "device", "case": {"arrivals": Arrivals(500.0)}},
        {"scope": "e2e", "case": {"arrivals": Arrivals(100.0)}, "batch_sizes": [4]},
        {"scope": "device", "case": {"device": (0, 1)}, "lanes": [2]},
    ],
    ids=str,
)
def test_a_record_of_a_simulated_npu_is_as_the_schema_says(npu, mgn_om, jpegs, options):
    npu(device_count=2)
    options = {"batch_sizes": [1, 8]} | options
    record = validate(benchmark(plan(mgn_om, pictures=jpegs, **options)).record)
    assert [run["batch_size"] for run in record["runs"]] == sorted(
        options["batch_sizes"] * len(options.get("lanes", [2]))
    )
    assert all(run["simulated"] for run in record["runs"])
    assert record["environment"]["ascend"]["simulated"] is True
    assert record["interrupted"] is False
    assert record["seconds"] > 0
    assert record["model"] == record["models"][0]


def test_a_record_of_the_cpu_is_as_the_schema_says(tiny_model, jpegs):
    outcome = benchmark(
        plan(tiny_model, pictures=jpegs, scope="e2e", batch_sizes=[4], lanes=[1, 2])
    )
    record = validate(outcome.record)
    assert [run["lanes"] for run in record["runs"]] == [1, 2]
    assert record["environment"]["ascend"] is None
    assert not any(run["simulated"] or run["published"] for run in record["runs"])
    assert outcome.trace == []


def measured_as(path, load, contract, pictures, **case):
    """The only run of a model whose contract is stated, and the model as it is described."""
    options = LOADS[load] | {"case": LOADS[load].get("case", {}) | {"contract": contract} | case}
    record = validate(benchmark(plan(path, pictures=pictures, **options)).record)
    (run,) = record["runs"]
    assert record["model"]["contract"] == contract.to_dict()
    assert record["model"]["contract_origin"] == "the test"
    return run


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("form", FORMS)
def test_every_load_runs_on_other_peoples_models(tmp_path, jpegs, form, load):
    contract = FORMS[form]
    path = write_foreign_model(tmp_path / "theirs.onnx", contract, batch_size=1)
    run = measured_as(path, load, contract, jpegs)
    assert run["batch_size"] == 1
    assert run["mirror"] is (form == "mirrored" and load.startswith("e2e"))
    assert run["published"] is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("load", ["compute", "e2e", "e2e, open"])
def test_every_load_runs_on_them_on_a_simulated_npu(npu, tmp_path, jpegs, form, load):
    npu(timing=False)
    contract = FORMS[form]
    onnx = write_foreign_model(tmp_path / "theirs.onnx", contract)
    path = write_om(tmp_path / "theirs.om", onnx=onnx, batch_sizes=(4,))
    run = measured_as(path, load, contract, jpegs)
    assert (run["simulated"], run["published"]) == (True, None)


@pytest.mark.usefixtures("second_runtime")
@pytest.mark.parametrize("load", LOADS)
def test_every_load_runs_on_openvinos_own_files(tmp_path, jpegs, load):
    onnx = write_foreign_model(tmp_path / "theirs.onnx", batch_size=4)
    path = write_xml(tmp_path / "theirs.xml", onnx)
    run = measured_as(path, load, replace(FOREIGN, output="features"), jpegs)
    assert (run["backend"], run["precision"]) == ("openvino", "float32")


@pytest.mark.usefixtures("whole_command")
@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("osnet_x0_25_msmt17.onnx", "torchreid"),
        ("person-reidentification-retail-0288.xml", "openvino-retail"),
    ],
)
def test_trained_networks_of_other_people_are_measured_end_to_end(name, preset):
    model = shared_data("models", name)
    pictures = sorted(shared_data("pictures", "street", "query").iterdir())[:8]
    options = {"case": {"contract": preset}, "batch_sizes": None, "lanes": [1]}
    if preset == "torchreid":
        options["batch_sizes"] = [4]
    record = validate(benchmark(plan(model, pictures=pictures, scope="e2e", **options)).record)
    assert record["model"]["contract_origin"] == f"preset {preset!r}"
    assert [run["mirror"] for run in record["runs"]] == [False]


def test_a_model_with_several_outputs_is_measured_by_the_one_that_is_named(tmp_path, jpegs):
    path = write_foreign_model(tmp_path / "theirs.onnx", logits=True)
    wanted = replace(FOREIGN, output="logits", embedding_width=7)
    unsaid = replace(wanted, output=None)
    options = {"scope": "e2e", "batch_sizes": [1], "case": {"contract": unsaid, "output": "logits"}}
    record = benchmark(plan(path, pictures=jpegs, **options)).record
    assert record["model"]["contract"] == wanted.to_dict()
    assert record["model"]["contract_origin"] == "the test with output given"


def test_a_contract_for_one_model_is_not_the_others(tmp_path, tiny_model, jpegs):
    path = write_foreign_model(tmp_path / "theirs.onnx")
    options = {"scope": "e2e", "batch_sizes": [4], "contracts": {path: FOREIGN}}
    record = benchmark(plan(path, tiny_model, pictures=jpegs, **options)).record
    assert [model["contract"]["height"] for model in record["models"]] == [64, 384]
    assert [run["mirror"] for run in record["runs"]] == [False, True]


@pytest.mark.parametrize("scope", ["compute", "device"])
def test_prepared_images_need_no_contract(tmp_path, scope):
    path = write_foreign_model(tmp_path / "theirs.onnx")
    record = validate(benchmark(plan(path, scope=scope, batch_sizes=[4])).record)
    assert record["model"]["contract"] is record["model"]["contract_origin"] is None
    assert len(record["runs"]) == 1


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({}, r"no metadata mgn_fast\.contract, .*; state its contract .* --contract"),
        ({"contract": replace(FOREIGN, height=96)}, "expected .* height 64 and width 32"),
        ({"contract": FOREIGN, "output": "rows"}, "has no output 'rows', expected one of: feat"),
        ({"contract": replace(FOREIGN, embedding_width=6)}, "gives embeddings 5 wide, and"),
    ],
)
def test_pictures_of_a_model_that_is_not_as_said_are_refused_before_anything_is_measured(
    tmp_path, jpegs, monkeypatch, case, message
):
    path = write_foreign_model(tmp_path / "theirs.onnx")
    monkeypatch.setattr(module, "measure", None)
    with pytest.raises(ModelError, match=message):
        benchmark(plan(path, pictures=jpegs, scope="e2e", case=case))


def test_a_free_batch_axis_takes_whatever_is_asked_for(tiny_model):
    record = benchmark(plan(tiny_model, batch_sizes=[3, 16], lanes=[1])).record
    assert [run["batch_size"] for run in record["runs"]] == [3, 16]


def test_every_model_goes_through_every_setting_it_has(npu, tmp_path, tiny_om):
    npu(timing=False)
    other = write_om(tmp_path / "other.om", batch_sizes=(4,), **TINY)
    record = benchmark(plan(tiny_om, other, lanes=[1, 3])).record
    seen = [(Path(run["model"]).name, run["batch_size"], run["lanes"]) for run in record["runs"]]
    assert seen == [
        *(("tiny.om", size, lanes) for size in (1, 4, 8) for lanes in (1, 3)),
        ("other.om", 4, 1),
        ("other.om", 4, 3),
    ]
    assert [Path(model["path"]).name for model in record["models"]] == ["tiny.om", "other.om"]
    validate(record)


def test_what_was_published_for_mgn_stands_beside_its_runs_on_that_chip(npu, tiny_model, tmp_path):
    npu(timing=False)
    path = write_om(tmp_path / "mgn.om", onnx=tiny_model, batch_sizes=(1, 3, 4, 8))
    record = benchmark(plan(path, batch_sizes=[1, 3, 4, 8])).record
    published = {run["batch_size"]: run["published"] for run in record["runs"]}
    assert published == {
        1: {"images_per_s": 640.829, "source": SOURCE},
        4: {"images_per_s": 1453.49, "source": SOURCE},
        8: {"images_per_s": 1519.17, "source": SOURCE},
        3: None,
    }
    assert all(run["simulated"] for run in record["runs"])


def test_of_another_network_nothing_was_published(npu, tiny_om):
    npu(timing=False)
    record = validate(benchmark(plan(tiny_om)).record)
    assert [run["published"] for run in record["runs"]] == [None] * 3
    # Nor does the simulated chip know how long it takes.
    for run in record["runs"]:
        assert run["valid"] is False
        assert any("times published for MGN" in reason for reason in run["reasons"])


def test_of_another_chip_nothing_was_published(npu, tiny_model, tmp_path):
    npu(soc_version="Ascend310B4", timing=False)
    path = write_om(tmp_path / "b.om", soc_version="Ascend310B4", batch_sizes=(8,), onnx=tiny_model)
    (run,) = benchmark(plan(path)).record["runs"]
    assert run["published"] is None
    assert run["simulated"] is True


def test_ctrl_c_keeps_the_runs_that_are_finished(npu, tiny_om, monkeypatch):
    npu(timing=False)
    measure = module.measure

    def interrupted(case, settings):
        if case.batch_size == 8:
            raise KeyboardInterrupt
        return measure(case, settings)

    monkeypatch.setattr(module, "measure", interrupted)
    record = validate(benchmark(plan(tiny_om)).record)
    assert record["interrupted"] is True
    assert [run["batch_size"] for run in record["runs"]] == [1, 4]


def test_ctrl_c_in_the_first_run_leaves_a_record_without_runs(npu, tiny_om, monkeypatch):
    npu(timing=False)

    def interrupted(case, settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "measure", interrupted)
    record = validate(benchmark(plan(tiny_om)).record)
    assert record["interrupted"] is True
    assert record["runs"] == []


def test_runs_are_given_out_as_they_are_finished(npu, tiny_om):
    npu(timing=False)
    given = []
    record = benchmark(plan(tiny_om), on_run=lambda run: given.append(dict(run))).record
    assert given == record["runs"]


def test_progress_counts_cases(npu, tiny_om):
    npu(timing=False)
    told = []
    benchmark(plan(tiny_om), progress=lambda *words: told.append(words))
    assert told == [
        (f"tiny.om, device, batch {size}, 2 lanes", number + step, 3)
        for number, size in enumerate((1, 4, 8))
        for step in (0, 1)
    ]


def test_accuracy_is_told_of_every_run_of_a_model(npu, tiny_model, tmp_path, jpegs):
    npu()
    path = write_om(tmp_path / "m.om", onnx=tiny_model, batch_sizes=(4, 8))
    record = validate(
        benchmark(
            plan(path, pictures=jpegs, reference=tiny_model, reference_pictures=jpegs[:4])
        ).record
    )
    assert len(record["runs"]) == 2
    for run in record["runs"]:
        assert run["accuracy"]["cosine_min"] == pytest.approx(1, abs=1e-5)
        assert run["accuracy"]["reference"] == str(tiny_model)


def test_a_trace_has_a_process_for_each_case(npu, tiny_om):
    npu()
    outcome = benchmark(plan(tiny_om, batch_sizes=[4, 8], traced=True))
    names = [event["args"]["name"] for event in outcome.trace if event["name"] == "process_name"]
    assert names == ["tiny.om, device, batch 4, 2 lanes", "tiny.om, device, batch 8, 2 lanes"]
    stages = {event["name"] for event in outcome.trace if event["ph"] == "X"}
    assert stages == {"lane_wait", "h2d", "compute", "d2h"}
    assert all(event["dur"] >= 0 for event in outcome.trace if event["ph"] == "X")


def test_what_was_asked_for_is_in_the_record(npu, tiny_om):
    npu(timing=False)
    words = ["mgn-fast", "bench", "tiny.om"]
    record = benchmark(plan(tiny_om, command=words, options={"batch": None})).record
    assert record["command"] == words
    assert record["options"] == {"batch": None}


def test_a_batch_size_that_a_model_has_not_is_refused_before_anything_is_measured(
    npu, tiny_om, monkeypatch
):
    npu(timing=False)
    monkeypatch.setattr(module, "measure", None)
    with pytest.raises(InvalidInputError, match=r"batch size 2 is asked for; .* runs 1, 4, 8"):
        benchmark(plan(tiny_om, batch_sizes=[1, 2]))


def test_a_model_that_cannot_be_opened_ends_it_before_anything_is_measured(
    npu, tiny_om, tmp_path, monkeypatch
):
    npu(timing=False)
    monkeypatch.setattr(module, "measure", None)
    with pytest.raises(ModelError, match=r"missing\.om"):
        benchmark(plan(tiny_om, tmp_path / "missing.om"))


def test_a_device_that_fails_is_told(npu, tiny_om, monkeypatch):
    npu(timing=False)

    def lost(case, settings):
        raise DeviceError("the device is lost", call="aclmdlExecuteAsync", code=507899)

    monkeypatch.setattr(module, "measure", lost)
    with pytest.raises(DeviceError, match="lost"):
        benchmark(plan(tiny_om))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": []}, "models is empty"),
        (
            {"settings": MeasureSettings([])},
            "pictures is empty, expected at least one for scope e2e",
        ),
        ({"batch_sizes": []}, r"batch is \[\], expected numbers from 1 up"),
        ({"batch_sizes": [8, 0]}, r"batch is \[8, 0\]"),
        ({"lanes": []}, r"lanes is \[\]"),
        ({"lanes": [0]}, r"lanes is \[0\]"),
    ],
)
def test_a_plan_of_nothing_is_refused(changes, message):
    fields = {
        "models": [Path("m.om")],
        "settings": MeasureSettings([b""]),
        "case": Case(Path("m.om"), 1, 1),
    }
    with pytest.raises(InvalidInputError, match=message):
        Plan(**(fields | changes))


def test_the_tests_own_records_are_as_the_schema_says():
    validate(a_record([a_run()]))


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize(
    "changes",
    [
        {"images_per_s": "fast"},
        {"images_per_s_repeats": []},
        {"scope": "everything"},
        {"occupancy": {"compute": 1.5}},
        {"latency_ms": {"mean": 1.0}},
        {"unknown": 1},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_not_as_it_says(changes):
    with pytest.raises(jsonschema.ValidationError):
        validate(a_record([a_run(**changes)]))
