# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from mgn_fast import ModelError
from mgn_fast.models.contract import Contract
from mgn_fast.models.model_file import contract_in
from support.tiny_model import write_tiny_model

SAID = Contract(height=64, width=32, colour="BGR", embedding_width=5)


def test_an_onnx_says_it_in_its_metadata(tmp_path):
    said = contract_in(write_tiny_model(tmp_path / "m.onnx", contract=SAID))
    assert (said, said.origin) == (SAID, f"the metadata of '{tmp_path}/m.onnx'")
    assert contract_in(write_tiny_model(tmp_path / "n.onnx", contract=SAID, stored=False)) is None


@pytest.mark.parametrize("name", ["m.om", "m.xml"])
def test_others_say_it_in_a_sidecar(tmp_path, name):
    assert contract_in(tmp_path / name) is None
    (tmp_path / f"{name}.json").write_text('{"contract": ' + SAID.to_json() + "}")
    said = contract_in(tmp_path / name)
    assert (said, said.origin) == (SAID, f"{tmp_path}/{name}.json")


def test_another_kind_of_file_is_refused():
    with pytest.raises(ModelError, match=r"ends in '\.pt', expected '\.onnx', '\.om' or '\.xml'"):
        contract_in(Path("m.pt"))
