# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.bench import Case, MeasureSettings, Slo
from mgn_fast.bench.case import percentile_name
from mgn_fast.models.presets import PRESETS
from support.foreign_model import FOREIGN

OM, ONNX = Path("/models/mgn.om"), Path("/models/mgn.onnx")


@pytest.mark.parametrize(
    ("text", "percent", "limit_ms", "again"),
    [
        ("p99:20ms", 99.0, 20.0, "p99:20ms"),
        ("p99.9:0.5s", 99.9, 500.0, "p99.9:500ms"),
        ("p50:250us", 50.0, 0.25, "p50:0.25ms"),
        ("p95:7", 95.0, 7.0, "p95:7ms"),
        ("mean:5ms", None, 5.0, "mean:5ms"),
    ],
)
def test_a_bound_is_read(text, percent, limit_ms, again):
    slo = Slo.parse(text)
    assert slo.percent == percent
    assert slo.limit_ms == pytest.approx(limit_ms)
    assert str(slo) == again
    assert Slo.parse(str(slo)) == slo


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "p99",
        "p99:",
        "p99:ms",
        "p99:fast",
        "p99:20min",
        "p99:20m",
        "99:20ms",
        "q99:20ms",
        "p0:20ms",
        "p100:20ms",
        "p-5:20ms",
        "pnan:20ms",
        "p99:0ms",
        "p99:-1ms",
        "p99:nanms",
        "p99:infs",
        "max:20ms",
        "mean:20ms:5",
    ],
)
def test_what_is_no_bound_is_refused(text):
    with pytest.raises(InvalidInputError, match=r"slo is .*, expected such as p99:20ms or mean"):
        Slo.parse(text)


@pytest.mark.parametrize(
    ("percent", "name"),
    [(50.0, "p50"), (99.9, "p99.9"), (99.99999, "p99.99999"), (0.00001, "p0.00001"), (5, "p5")],
)
def test_a_percentile_has_its_own_name(percent, name):
    assert percentile_name(percent) == name


def test_the_bounds_percentile_is_told_too():
    assert MeasureSettings(
        [], percentiles=[50.0, 90.0], slo=Slo.parse("p99.9:5")
    ).told_percentiles == [
        50.0,
        90.0,
        99.9,
    ]
    assert MeasureSettings(
        [], percentiles=[99.0, 50.0], slo=Slo.parse("mean:5")
    ).told_percentiles == [
        50.0,
        99.0,
    ]
    assert MeasureSettings([], percentiles=[99.0], slo=Slo.parse("p99:5")).told_percentiles == [
        99.0
    ]


@pytest.mark.parametrize("percentiles", [[], [0.0], [100.0], [50.0, -1.0], [float("nan")]])
def test_percentiles_lie_between_0_and_100(percentiles):
    with pytest.raises(InvalidInputError, match=r"percentiles is \[.*\], expected numbers between"):
        MeasureSettings([], percentiles=percentiles)


@pytest.mark.parametrize(
    ("model", "backend", "on_npu"),
    [
        (OM, None, True),
        (OM, "ascend", True),
        (ONNX, None, False),
        (ONNX, "openvino", False),
        (Path("model"), "ascend", True),
    ],
)
def test_where_a_case_runs_is_told_by_backend_or_file(model, backend, on_npu):
    case = Case(model, 8, 2, backend=backend)
    assert case.on_npu is on_npu
    # The CPU knows no devices, an NPU no threads.
    assert ("device" in case.session_options()) is on_npu
    assert ("threads" in case.session_options()) is not on_npu


def test_options_reach_the_session():
    case = Case(OM, 8, 3, device=(0, 1))
    assert case.session_options() == {
        "backend": None,
        "precision": None,
        "contract": None,
        "output": None,
        "lanes": 3,
        "batch_size": 8,
        "device": [0, 1],
    }
    case = Case(
        ONNX, 4, 1, backend="openvino", precision="bf16", threads=2, contract=FOREIGN, output="e"
    )
    assert case.session_options() == {
        "backend": "openvino",
        "precision": "bf16",
        "contract": FOREIGN,
        "output": "e",
        "lanes": 1,
        "batch_size": 4,
        "threads": 2,
    }


def test_a_contract_may_be_stated_in_any_form():
    assert Case(ONNX, 8, 1, contract="torchreid").contract == PRESETS["torchreid"]
    given = Case(ONNX, 8, 1, contract={"height": 64, "embedding_width": 5}).contract
    assert (given.height, given.embedding_width) == (64, 5)
    assert len({Case(ONNX, 8, 1, contract=given), Case(ONNX, 8, 1, contract=given)}) == 1
    with pytest.raises(InvalidInputError, match="contract is 'nobody', expected one of 'recipe'"):
        Case(ONNX, 8, 1, contract="nobody")


def test_a_case_says_what_it_is():
    assert str(Case(OM, 8, 1)) == "mgn.om, e2e, batch 8, 1 lane"
    assert str(Case(OM, 16, 3, scope="device")) == "mgn.om, device, batch 16, 3 lanes"
