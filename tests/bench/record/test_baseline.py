# SPDX-License-Identifier: Apache-2.0
import copy
import json
import os
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.bench.record.baseline import compare_with_baseline, read_record, regressed
from support.bench_fakes import a_model, a_record, a_run

OLDER = Path("old.json")


def compared(new, old, max_regress=0.05):
    """Both records, the new one with what came out."""
    record = a_record(new)
    compare_with_baseline(record, a_record(old), OLDER, max_regress)
    return record


def repeats(random, rate, spread=0.01):
    return list(rate * random.normal(1, spread, 5))


@pytest.mark.parametrize("seed", range(20), ids="seed{}".format)
def test_a_slowdown_of_eight_per_cent_is_a_regression_and_none_is_not(seed):
    """One per cent of noise, five repeats on either side, five per cent allowed."""
    random = np.random.default_rng(seed)
    old = a_run(repeats(random, 1000.0))
    assert regressed(compared([a_run(repeats(random, 920.0))], [old]))
    assert not regressed(compared([a_run(repeats(random, 1000.0))], [old]))


def test_what_is_written_of_a_regression():
    old, new = a_run([100.0, 102.0, 98.0]), a_run([80.0, 81.0, 79.0])
    record = compared([new], [old])
    # 95, 96.9 and 93.1 are allowed: of the 20 ways to choose three of six no other is as low.
    assert record["runs"][0]["baseline"] == {
        "images_per_s": 100.0,
        "ratio": pytest.approx(0.8),
        "p_value": pytest.approx(0.05),
        "regressed": True,
    }
    assert record["baseline"] == {
        "path": "old.json",
        "max_regress": 0.05,
        "notes": [],
        "missing": [],
    }


@pytest.mark.parametrize(
    ("new", "worse"),
    [
        ([94.0, 94.5, 94.9], True),
        ([95.1, 95.2, 95.3], False),  # slower, but within what is allowed
        ([200.0, 201.0, 202.0], False),
        ([94.0, 94.5, 95.3], False),  # the mean is below, but one repeat is not: 2 ways of 20
        ([10.0, 10.0], False),  # two against three: a tenth, however low
    ],
)
def test_a_regression_is_lower_on_average_and_not_by_chance(new, worse):
    record = compared([a_run(new)], [a_run([100.0, 100.1, 99.9])])
    assert regressed(record) is worse


def test_repeats_that_are_lower_but_for_one_that_is_much_higher_are_no_regression():
    # Ranks 1 to 5 and 12, six old ones sharing 8.5: with the five lowest goes any of the seven
    # others, with 1 to 4 any two of the six, 22 of 924 ways. But on average the run is faster.
    record = compared([a_run([94.0, 94.1, 94.2, 94.3, 94.4, 200.0])], [a_run([100.0] * 6)])
    assert record["runs"][0]["baseline"]["p_value"] == pytest.approx(22 / 924)
    assert not regressed(record)


def test_without_allowance_any_slowdown_counts():
    new, old = [a_run([98.0, 98.1, 98.2])], [a_run([99.0, 99.1, 99.2])]
    assert regressed(compared(new, old, max_regress=0.0))
    assert not regressed(compared(copy.deepcopy(new), old, max_regress=0.02))


def test_runs_that_were_not_repeated_are_named():
    old = [a_run(), a_run(batch_size=16), a_run(scope="e2e", lanes=3)]
    record = compared([a_run()], old)
    assert record["baseline"]["missing"] == ["device batch 16 lanes 2", "e2e batch 8 lanes 3"]


def test_a_run_that_is_new_is_compared_with_nothing():
    record = compared([a_run(), a_run(batch_size=16)], [a_run()])
    assert [run["baseline"] is None for run in record["runs"]] == [False, True]
    assert not regressed(record)


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "e2e"},
        {"batch_size": 4},
        {"lanes": 1},
        {"backend": "onnxruntime"},
        {"precision": "bf16"},
        {"simulated": False},
        {"mirror": True},
        {"device": "0,1"},
        {"model": "/models/other.om"},
        {"load": {"kind": "open", "rate": 100.0}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_question_has_no_counterpart(change):
    with pytest.raises(InvalidInputError, match=r"'old\.json' has no run with .*; it has device b"):
        compared([a_run(**change)], [a_run()])


def test_loads_of_another_rate_are_another_question():
    old = a_run(load={"kind": "open", "rate": 100.0})
    with pytest.raises(InvalidInputError, match="has no run"):
        compared([a_run(load={"kind": "open", "rate": 200.0})], [old])


def test_another_number_of_one_device_is_the_same_question():
    assert compared([a_run(device="3")], [a_run()])["runs"][0]["baseline"] is not None


def test_a_baseline_without_runs_says_so():
    with pytest.raises(InvalidInputError, match="it has none"):
        compared([a_run()], [])


def test_the_same_model_may_lie_elsewhere():
    record = compared([a_run(model="/ci/17/mgn.om")], [a_run(model="/ci/16/mgn.om")])
    assert record["runs"][0]["baseline"]["ratio"] == 1.0


def test_models_of_one_name_are_kept_apart():
    slow, fast = [10.0, 10.1, 10.2], [100.0, 100.1, 100.2]
    old = [a_run(slow, model="/a/mgn.om"), a_run(fast, model="/b/mgn.om")]
    record = compared(copy.deepcopy(old), old)
    assert [run["baseline"]["ratio"] for run in record["runs"]] == [1.0, 1.0]
    assert record["baseline"]["missing"] == []
    with pytest.raises(InvalidInputError, match="has no run"):  # which of the two?
        compared([a_run(slow, model="/c/mgn.om")], old)


def with_environment(run, **changes):
    record = a_record([run])
    record["environment"] |= changes
    return record


def test_another_machine_is_noted():
    new = with_environment(a_run(), cpu="Abacus 3000", cores=4)
    compare_with_baseline(new, with_environment(a_run()), OLDER, 0.05)
    assert new["baseline"]["notes"] == [
        "cpu was 'Abacus 2000', is 'Abacus 3000'",
        "cores was 2, is 4",
    ]


def test_another_number_of_threads_is_noted():
    record = compared([a_run(workers=4)], [a_run(workers=2)])
    assert record["baseline"]["notes"] == ["device batch 8 lanes 2: workers was 2, is 4"]


@pytest.mark.parametrize(
    ("now", "then", "enough"), [(1, 5, False), (2, 3, False), (2, 5, True), (3, 3, True)]
)
def test_too_few_repeats_to_find_any_regression_are_noted(now, then, enough):
    # The most that chance could be excluded with is one way of all: of 6, 10, 21 and 20.
    record = compared([a_run([10.0] * now)], [a_run([100.0] * then)])
    assert regressed(record) is enough
    note = f"device batch 8 lanes 2: {now} repeats against {then} cannot tell a regression from"
    assert any(text.startswith(note) for text in record["baseline"]["notes"]) is not enough


@pytest.mark.parametrize("path", ["/models/mgn.om", "/elsewhere/mgn.om"])
def test_a_changed_model_is_noted(path):
    new = a_record([a_run(model=path)], models=[a_model(path, "cd" * 32)])
    compare_with_baseline(new, a_record([a_run()]), OLDER, 0.05)
    assert new["baseline"]["notes"] == [f"{path} has changed"]


@pytest.mark.parametrize("max_regress", [-0.01, 1.0, 5.0, float("nan")])
def test_an_allowance_that_is_no_share_is_refused(max_regress):
    with pytest.raises(InvalidInputError, match=r"max-regress is .*, expected 0 to below 1"):
        compared([a_run()], [a_run()], max_regress)


def test_a_record_is_read_back(tmp_path):
    record = a_record([a_run(), a_run(batch_size=16)])
    path = tmp_path / "r.json"
    path.write_text(json.dumps(record))
    assert read_record(path) == record


def damaged(**changes):
    """A run of a record with something else in it."""
    return a_record([a_run(**changes)])


def without(*names):
    """A record without a field; two names are the run's."""
    record = a_record([a_run()])
    if len(names) == 1:
        del record[names[0]]
    else:
        del record["runs"][0][names[1]]
    return record


HOSTILE = {
    "an empty file": "",
    "no JSON": "images/s\n100\n",
    "half of a record": json.dumps(a_record([a_run()]))[:-40],
    "binary": b"\x00\xff\xfe" * 20,
    "lists without end": "[" * 100_000,
    "a number of 10,000 digits": "1" * 10_000,
    "a list": [],
    "a number": 7,
    "a text": "schema",
    "another schema": a_record([a_run()], schema="mgn_fast.bench/2"),
    "a schema that is no text": a_record([a_run()], schema=[1]),
    "no schema": without("schema"),
    "no runs": without("runs"),
    "no models": without("models"),
    "no environment": without("environment"),
    "runs that are no list": a_record([a_run()], runs={"a": 1}),
    "runs that are numbers": a_record([a_run()], runs=[1]),
    "runs that are null": a_record([a_run()], runs=None),
    "an environment that is a list": a_record([a_run()], environment=[]),
    "an environment of lists": a_record([a_run()], environment={"cpu": [[[]]]}),
    "models that are texts": a_record([a_run()], models=["mgn.om"]),
    "a model without a hash": a_record([a_run()], models=[{"path": "a"}]),
    "a hash that is a number": a_record([a_run()], models=[{"path": "a", "sha256": 1}]),
    "a run without its scope": without("runs", "scope"),
    "a run without repeats": without("runs", "images_per_s_repeats"),
    "a run without its rate": without("runs", "images_per_s"),
    "a run without its load": without("runs", "load"),
    "a run without its device": without("runs", "device"),
    "a run without its workers": without("runs", "workers"),
    "repeats that are none": damaged(images_per_s_repeats=[]),
    "repeats that are a text": damaged(images_per_s_repeats="1234"),
    "repeats that are texts": damaged(images_per_s_repeats=["1", "2"]),
    "repeats that are an object": damaged(images_per_s_repeats={"a": 1}),
    "repeats with null": damaged(images_per_s_repeats=[1.0, None]),
    "repeats with true": damaged(images_per_s_repeats=[1.0, True]),
    "repeats with zero": damaged(images_per_s_repeats=[1.0, 0.0]),
    "repeats with NaN": damaged(images_per_s_repeats=[1.0, float("nan")]),
    "repeats with infinity": damaged(images_per_s_repeats=[1.0, float("inf")]),
    "repeats below zero": damaged(images_per_s_repeats=[-1.0]),
    "a repeat beyond a float": damaged(images_per_s_repeats=[10**400]),
    "a rate of zero": damaged(images_per_s=0),
    "a rate so small that ratios overflow": damaged(images_per_s=5e-324),
    "a rate that is NaN": damaged(images_per_s=float("nan")),
    "a rate that is a text": damaged(images_per_s="fast"),
    "a load that is a list": damaged(load=[]),
    "a load that is null": damaged(load=None),
    "a load that is a text": damaged(load="closed"),
    "a load that is empty": damaged(load={}),
    "a model that is a number": damaged(model=1),
    "a model that is null": damaged(model=None),
    "a device that is a number": damaged(device=0),
    "a scope that is a list": damaged(scope=[]),
    "a batch size that is a text": damaged(batch_size="8"),
    "lanes that are null": damaged(lanes=None),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_record_is_refused(tmp_path, content):
    path = tmp_path / "old.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        # Python's own json writes NaN, which others refuse and it reads.
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InvalidInputError, match=r"old\.json' is no record of `mgn-fast bench") as e:
        read_record(path)
    assert len(str(e.value)) < 700


def test_a_text_in_a_file_that_is_json_is_refused_by_name(tmp_path):
    path = tmp_path / "old.json"
    path.write_text('"schema"')
    with pytest.raises(InvalidInputError, match="is no record"):
        read_record(path)


@pytest.mark.parametrize("name", ["missing.json", "", "\0", "a" * 300])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(InvalidInputError, match="is no record"):
        read_record(tmp_path / name)


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="no regular file"):
        read_record(tmp_path / "pipe")


def test_whatever_lies_in_unused_fields_does_no_harm(tmp_path):
    """What read_record lets through, compare can take."""
    strange = a_run(simulated={"a": []}, mirror=[[]], precision=1e300, valid="?", stages_ms=None)
    strange["load"] = {"kind": ["open"], "rate": float("nan")}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(a_record([strange, a_run()], baseline=7, options=None)))
    record = a_record([a_run()])
    compare_with_baseline(record, read_record(path), path, 0.05)
    assert record["runs"][0]["baseline"]["ratio"] == 1.0
    assert record["baseline"]["missing"] == ["device batch 8 lanes 2"]
