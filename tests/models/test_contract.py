# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import asdict

import pytest

from mgn_fast import ModelError
from mgn_fast.models.contract import Contract

CONTRACTS = [
    Contract(),
    Contract(input="uint8", fuse_mirror=True, seed=3),
    Contract(outputs="all", checkpoint_sha256="ab" * 32),
]


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
def test_a_contract_survives_its_file(contract):
    assert Contract.from_json(contract.to_json(), source="a.onnx") == contract


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 256}, r"a\.onnx expects height = 256; this version prepares 384"),
        ({"colour": "BGR"}, "expects colour = 'BGR'; this version prepares 'RGB'"),
        ({"mean": (0.5, 0.5, 0.5)}, r"expects mean = \(0\.5, 0\.5, 0\.5\)"),
        ({"deviation": (1.0, 1.0, 1.0)}, "expects deviation"),
        ({"interpolation": "bilinear"}, "expects interpolation = 'bilinear'"),
        ({"width": 64}, "expects width = 64"),
        ({"input": "float16"}, "has input 'float16'"),
        ({"outputs": "logits"}, "outputs 'logits'"),
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused(change, message):
    text = json.dumps(asdict(Contract()) | change)
    with pytest.raises(ModelError, match=message):
        Contract.from_json(text, source="a.onnx")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        "{",
        "[]",
        "3",
        "{}",
        '{"mean": 3}',
        '{"mean": [], "deviation": [], "more": 1}',
    ],
)
def test_what_is_no_contract_is_refused(text):
    with pytest.raises(
        ModelError, match=r"a\.onnx has metadata mgn_fast\.contract = .* no contract"
    ):
        Contract.from_json(text, source="a.onnx")
