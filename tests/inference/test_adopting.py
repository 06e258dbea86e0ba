# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import Embedder, InvalidInputError, ModelError, adopt, open_session
from mgn_fast.inference import adopting
from mgn_fast.models.contract import METADATA_KEY, Contract
from mgn_fast.models.model_file import contract_in
from support.late import late
from support.tiny_model import write_tiny_model

onnx = late("onnx")

SAID = Contract(height=64, width=32, colour="BGR", scale=1, embedding_width=5, mirror="none")


@pytest.fixture
def bare(tmp_path):
    return write_tiny_model(tmp_path / "bare.onnx", contract=SAID, stored=False)


def test_a_model_says_its_contract_from_then_on(tmp_path, bare, picture):
    path = adopt(bare, tmp_path / "m.onnx", contract=SAID)
    assert path == tmp_path / "m.onnx"
    assert contract_in(path) == SAID
    assert contract_in(bare) is None
    with Embedder(path) as adopted, Embedder(bare, contract=SAID) as stated:
        np.testing.assert_array_equal(adopted([picture]), stated([picture]))
        assert adopted.contract.origin == f"the metadata of '{path}'"


def test_all_but_the_contract_stays_byte_for_byte(tmp_path, bare):
    model = onnx.load(bare)
    onnx.helper.set_model_props(model, {"author": "somebody"})
    onnx.save(model, bare)
    before = bare.read_bytes()
    once = adopt(bare, tmp_path / "m.onnx", contract=SAID).read_bytes()
    assert once.startswith(before)
    written = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(written)
    assert {p.key: p.value for p in written.metadata_props} == {
        "author": "somebody",
        METADATA_KEY: SAID.to_json(),
    }
    assert written.graph == model.graph


def test_a_contract_takes_the_place_of_another(tmp_path, bare):
    adopt(bare, contract=SAID)
    once = bare.read_bytes()
    other = {"height": 64, "width": 32, "embedding_width": 5, "seed": 3}
    assert adopt(bare, contract=other) == bare
    assert contract_in(bare) == Contract(**other)
    adopt(bare, contract=SAID)
    assert bare.read_bytes() == once


def test_the_width_and_the_output_are_written_down(bare):
    said = Contract(height=64, width=32, embedding_width=None, parts=None)
    adopt(bare, contract=said, output="features")
    found = contract_in(bare)
    assert (found.embedding_width, found.output) == (5, "features")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 32}, "expected layout 'NCHW', height 64 and width 32"),
        ({"layout": "NHWC"}, "expected layout 'NCHW'"),
        ({"input": "uint8"}, "expected input 'float32'"),
        ({"embedding_width": 6}, "5 wide"),
        ({"output": "logits"}, "has no output 'logits', expected one of: features"),
        ({"deviation": (1, 0, 1)}, "deviation is .* above 0"),
    ],
)
def test_a_contract_of_another_model_is_refused_and_nothing_written(
    tmp_path, bare, change, message
):
    given = {"height": 64, "width": 32, "embedding_width": 5} | change
    with pytest.raises((ModelError, InvalidInputError), match=message):
        adopt(bare, tmp_path / "m.onnx", contract=given)
    assert [path.name for path in tmp_path.iterdir()] == ["bare.onnx"]


@pytest.mark.parametrize("name", ["m.om", "m.xml"])
def test_others_get_a_sidecar(tmp_path, monkeypatch, name):
    monkeypatch.setattr(adopting, "find_spec", lambda module: None)
    source = tmp_path / name
    source.write_bytes(b"anything")
    assert adopt(source, contract="bot") == source
    assert contract_in(source) == Contract.from_json(
        json.dumps(json.loads(source.with_name(f"{name}.json").read_text())["contract"]), source=""
    )
    other = tmp_path / "other" / name
    other.parent.mkdir()
    adopt(source, other, contract="transreid")
    assert other.read_bytes() == b"anything"
    assert contract_in(other).mean == (0.5, 0.5, 0.5)
    assert contract_in(source).mean == (0.485, 0.456, 0.406)


def test_what_a_sidecar_says_besides_is_kept_and_a_broken_one_replaced(tmp_path):
    om, sidecar = tmp_path / "m.om", tmp_path / "m.om.json"
    om.write_bytes(b"anything")
    sidecar.write_text('{"contract": null, "soc_version": "Ascend310P3"}')
    adopt(om, contract="recipe")
    assert json.loads(sidecar.read_text())["soc_version"] == "Ascend310P3"
    sidecar.write_text("{")
    adopt(om, contract="recipe")
    assert contract_in(om).output == "features"


def test_the_weights_beside_an_xml_come_along(tmp_path, monkeypatch):
    monkeypatch.setattr(adopting, "find_spec", lambda module: None)
    (tmp_path / "m.xml").write_bytes(b"<net/>")
    (tmp_path / "m.bin").write_bytes(b"weights")
    adopt(tmp_path / "m.xml", tmp_path / "n.xml", contract="openvino-retail")
    assert (tmp_path / "n.bin").read_bytes() == b"weights"


def test_an_xml_is_checked_where_openvino_is_installed(tmp_path, bare, second_runtime):
    openvino = pytest.importorskip("openvino")
    openvino.save_model(openvino.convert_model(bare), tmp_path / "m.xml", compress_to_fp16=False)
    with pytest.raises(ModelError, match="expected layout 'NCHW', height 64 and width 32"):
        adopt(tmp_path / "m.xml", contract="bot")
    assert not (tmp_path / "m.xml.json").exists()
    adopt(tmp_path / "m.xml", contract=replace(SAID, embedding_width=None))
    assert contract_in(tmp_path / "m.xml") == SAID


def test_weights_in_other_files_stay_where_they_are_found(tmp_path, bare):
    model = onnx.load(bare)
    for tensor in model.graph.initializer:
        onnx.external_data_helper.set_external_data(tensor, location="w.bin")
    onnx.save(model, tmp_path / "large.onnx")
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InvalidInputError, match="expected a path in the same directory"):
        adopt(tmp_path / "large.onnx", other / "m.onnx", contract=SAID)
    path = adopt(tmp_path / "large.onnx", tmp_path / "m.onnx", contract=SAID)
    with open_session(path) as session:
        assert session.contract == SAID


def test_what_cannot_be_adopted_is_refused(tmp_path, bare):
    with pytest.raises(ModelError, match=r"ends in '\.pt', expected '\.onnx'"):
        adopt(tmp_path / "m.pt", contract=SAID)
    with pytest.raises(ModelError, match="cannot be read"):
        adopt(tmp_path / "none.onnx", contract=SAID)
    with pytest.raises(InvalidInputError, match=r"path .* ends in '\.om', expected '\.onnx'"):
        adopt(bare, tmp_path / "m.om", contract=SAID)
    (tmp_path / "not.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="is no ONNX model"):
        adopt(tmp_path / "not.onnx", contract=SAID)
    with pytest.raises(InvalidInputError, match="contract is 'bott', expected one of"):
        adopt(bare, contract="bott")
