# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from mgn_fast import (
    DecodeError,
    Embedder,
    ExportError,
    InvalidInputError,
    ModelError,
    evaluate,
    export_onnx,
    open_session,
)
from mgn_fast.datasets.dataset import load_dataset
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.models.contract import METADATA_KEY, Contract
from mgn_fast.models.onnx_file import read_onnx
from mgn_fast.models.precision import quantises
from mgn_fast.models.presets import PRESETS
from mgn_fast.quantize import run as quantize
from mgn_fast.quantize.run import QUANTIZED_KEY, quantize_onnx
from support.depthwise_network import MOBILE, MOBILE_BLOCKS, write_mobile_network
from support.late import late
from support.shared_data import shared_data
from support.small_network import BLOCKS, write_small_network
from support.tiny_model import write_tiny_model

pytestmark = pytest.mark.usefixtures("whole_command")

onnx = late("onnx")

DRAWINGS = draw_pictures(14, seed=0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for index, pixels in enumerate(DRAWINGS):
        (folder / f"{index:02}.jpg").write_bytes(simplejpeg.encode_jpeg(pixels, quality=90))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_small_network(tmp_path_factory.mktemp("model") / "float.onnx")


def metadata(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def kept_in_float32(path):
    """Names of the convolutions that take the float32 weights."""
    model = onnx.load(path)
    weights = {entry.name for entry in model.graph.initializer}
    return [n.name for n in model.graph.node if n.op_type == "Conv" and n.input[1] in weights]


def test_a_model_becomes_int8_and_says_what_it_lost(model, pictures, tmp_path):
    found = quantize_onnx(model, pictures, tmp_path / "int8.onnx", keep_float32="none")
    assert found.path == tmp_path / "int8.onnx"
    assert (found.calibrated_on, found.checked_on, found.num_blocks) == (10, 4, 3)
    assert (found.kept, found.kept_work, found.min_cosine) == ((), 0, None)
    assert found.accuracy == found.without_kept
    assert 0.98 < found.accuracy.agreement.cosine_min < 1
    assert kept_in_float32(found.path) == ["last"]
    with Embedder(model) as exact, Embedder(found.path, precision="int8") as near:
        assert near.session.contract == Contract()
        assert (exact(DRAWINGS) * near(DRAWINGS)).sum(1).min() > 0.98
    written = metadata(found.path)
    assert written[METADATA_KEY] == Contract().to_json()
    told = json.loads(written[QUANTIZED_KEY])
    assert told["accuracy"]["agreement"]["cosine_min"] == found.accuracy.agreement.cosine_min
    assert "path" not in told


def test_blocks_are_kept_until_the_worst_picture_is_near_enough(model, pictures, tmp_path):
    none = quantize_onnx(model, pictures, tmp_path / "none.onnx", keep_float32="none")
    lowest = none.accuracy.agreement.cosine_min
    easy = quantize_onnx(model, pictures, tmp_path / "easy.onnx", min_cosine=lowest - 1e-6)
    assert easy.kept == ()
    goal = (lowest + 1) / 2
    found = quantize_onnx(model, pictures, tmp_path / "auto.onnx", min_cosine=goal)
    assert 0 < len(found.kept) < 3
    assert found.accuracy.agreement.cosine_min >= goal > lowest
    assert found.without_kept.agreement.cosine_min == lowest
    assert 0 < found.kept_work < 1
    assert len(kept_in_float32(found.path)) > 1
    # One fewer would not do: the cheapest number that does is written.
    fewer = quantize_onnx(
        model, pictures, tmp_path / "fewer.onnx", keep_float32=len(found.kept) - 1
    )
    assert fewer.kept == found.kept[:-1]
    assert fewer.accuracy.agreement.cosine_min < goal


def test_a_number_of_blocks_is_kept_by_what_they_regain_for_their_cost(
    model, pictures, tmp_path, monkeypatch
):
    losses = {(): 0.5, ("first",): 0.2, ("plain_add",): 0.25, ("projected_add",): 0.4}
    monkeypatch.setattr(
        quantize.QuantizeTrial,
        "loss",
        lambda self, kept: losses[tuple(block.name for block in kept)],
    )
    found = quantize_onnx(model, pictures, tmp_path / "two.onnx", keep_float32=2)
    # Regained per work: 0.3 / 17.1e6, 0.25 / 11.7e6 and 0.1 / 8.2e6.
    assert found.kept == ("plain_add", "first")
    assert found.min_cosine is None
    assert kept_in_float32(found.path) == ["first", "plain_1", "plain_2", "plain_3", "last"]


@pytest.mark.parametrize("most", [0, 1, 2, 3, 5, 8, 32])
def test_the_fewest_that_reach_are_found_in_few_tries(most):
    for needed in range(1, most + 3):
        tried = []

        def reaches(count, needed=needed, tried=tried):
            tried.append(count)
            return count >= needed

        assert quantize._fewest(most, reaches) == (needed if needed <= most else None)
        assert len(tried) <= 2 * most.bit_length() + 1
        assert len(set(tried)) == len(tried)
        assert all(1 <= count <= most for count in tried)


def test_a_cosine_that_only_float32_reaches_is_refused(model, pictures, tmp_path):
    with pytest.raises(
        ModelError, match=r"with 2 of 3 blocks in float32 the worst picture has 0\.9"
    ):
        quantize_onnx(model, pictures, tmp_path / "int8.onnx", min_cosine=0.9999999)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fuse_mirror", [False, True])
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_every_form_of_model_can_be_quantised(pictures, tmp_path, kind, fuse_mirror):
    contract = Contract(input=kind, mirror="inside" if fuse_mirror else "add")
    path = write_small_network(tmp_path / "float.onnx", contract=contract)
    found = quantize_onnx(path, pictures, tmp_path / "int8.onnx", keep_float32="none")
    with Embedder(path) as exact, Embedder(found.path) as near:
        assert near.session.contract == contract
        cosines = (exact(DRAWINGS) * near(DRAWINGS)).sum(1)
    assert 0.98 < cosines.min() < 0.99999


def test_a_fixed_batch_stays_fixed(pictures, tmp_path):
    path = write_small_network(tmp_path / "float.onnx", batch_size=3)
    found = quantize_onnx(path, pictures, tmp_path / "int8.onnx", keep_float32="none")
    with open_session(found.path) as session:
        assert session.batch_sizes == (3,)
    assert found.accuracy.agreement.cosine_min > 0.98


def test_mgn_itself_is_quantised(mgn_model, tmp_path, monkeypatch):
    monkeypatch.setattr(quantize, "MIN_PICTURES", 6)
    found = quantize_onnx(mgn_model, DRAWINGS[:6], tmp_path / "int8.onnx", keep_float32="none")
    assert found.num_blocks == 33
    assert found.accuracy.agreement.cosine_min > 0.95
    assert found.path.stat().st_size < mgn_model.stat().st_size / 3.5


@pytest.mark.usefixtures("full_size_network")
def test_mgns_graph_with_everything_inside_is_understood(tmp_path, monkeypatch):
    """uint8 input and fused mirror put operators before and behind the network."""
    monkeypatch.setattr(quantize, "MIN_PICTURES", 6)
    path = tmp_path / "mgn.onnx"
    export_onnx(None, path, input="uint8", fuse_mirror=True, batch_size=1, verify=False)
    found = quantize_onnx(path, DRAWINGS[:6], tmp_path / "int8.onnx", keep_float32="none")
    assert found.num_blocks == 33
    assert found.accuracy.agreement.cosine_min > 0.95


@pytest.mark.usefixtures("own_process")
def test_the_same_pictures_give_the_same_file(model, pictures, tmp_path):
    code = (
        "import sys; from mgn_fast.quantize.run import quantize_onnx; "
        "quantize_onnx(*sys.argv[1:4], keep_float32=1, threads=1)"
    )
    contents = []
    for seed in ("0", "1"):  # of Python's sets
        path = tmp_path / f"{seed}.onnx"
        words = [sys.executable, "-c", code, str(model), str(pictures), str(path)]
        subprocess.run(words, env=os.environ | {"PYTHONHASHSEED": seed}, check=True)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


def test_many_pictures_are_thinned_out_evenly(model, tmp_path, monkeypatch):
    monkeypatch.setattr(quantize, "MAX_PICTURES", 12)
    seen = []
    monkeypatch.setattr(
        quantize.pixels, "decode", lambda source, **_: seen.append(source) or DRAWINGS[0]
    )
    drawings = [np.full((128, 64, 3), shade, np.uint8) for shade in range(34)]
    quantize_onnx(model, drawings, tmp_path / "int8.onnx", keep_float32="none")
    assert [int(picture[0, 0, 0]) for picture in seen] == list(range(0, 34, 3))


@pytest.mark.parametrize("stage", ["pictures", "ranges", "int8, 0 blocks in float32"])
def test_an_interrupt_leaves_nothing(model, pictures, tmp_path, monkeypatch, stage):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def interrupt(at, done, total):
        if at == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantize_onnx(model, pictures, tmp_path / "int8.onnx", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_cannot_be_decoded_are_named_or_skipped(model, tmp_path):
    broken = [*DRAWINGS[:12], tmp_path / "broken.jpg"]
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(DecodeError, match=r"broken\.jpg"):
        quantize_onnx(model, broken, tmp_path / "int8.onnx")
    assert not (tmp_path / "int8.onnx").exists()
    found = quantize_onnx(model, broken, tmp_path / "int8.onnx", on_error="skip", min_cosine=0.5)
    assert found.calibrated_on + found.checked_on == 12
    assert "broken.jpg" in found.skipped[0]
    with pytest.raises(InvalidInputError, match="pictures has 11 entries, expected at least 12"):
        quantize_onnx(model, broken[1:], tmp_path / "int8.onnx", on_error="skip")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_cosine": 1.0}, "min_cosine is 1.0, expected a number above 0 and below 1"),
        ({"min_cosine": float("nan")}, "min_cosine is nan"),
        ({"min_cosine": "high"}, "min_cosine is 'high'"),
        ({"keep_float32": "some"}, "keep_float32 is 'some', expected 'auto', 'none' or"),
        ({"keep_float32": True}, "keep_float32 is True"),
        ({"keep_float32": -1}, "keep_float32 is -1, expected 0 to 2"),
        ({"keep_float32": 3}, "keep_float32 is 3, expected 0 to 2: the model has 3 blocks"),
        ({"keep_float32": "none", "min_cosine": 0.9}, "it decides only with 'auto'"),
        ({"on_error": "ignore"}, "on_error is 'ignore'"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_options_out_of_range_are_refused(model, tmp_path, options, message):
    with pytest.raises(InvalidInputError, match=message):
        quantize_onnx(model, DRAWINGS, tmp_path / "int8.onnx", **options)
    assert list(tmp_path.iterdir()) == []


def test_too_few_pictures_are_refused(model, tmp_path):
    with pytest.raises(InvalidInputError, match="pictures has 11 entries, expected at least 12"):
        quantize_onnx(model, DRAWINGS[:11], tmp_path / "int8.onnx")


@pytest.mark.parametrize("path", ["int8.bin", None, 3])
def test_outputs_that_are_no_onnx_files_are_refused(model, path):
    with pytest.raises(InvalidInputError, match=r"expected '\.onnx'|expected a path"):
        quantize_onnx(model, DRAWINGS, path)


FORMS = {
    "floats": (MOBILE, {}),
    "halves": (replace(MOBILE, input="float16"), {}),
    "bytes": (replace(MOBILE, input="uint8", layout="NHWC"), {}),
    "channels last": (replace(MOBILE, layout="NHWC"), {}),
    "mirrored": (replace(MOBILE, mirror="add", normalise=False), {}),
    "one by one": (MOBILE, {"batch_size": 1}),
    "four by four": (replace(MOBILE, mirror="add"), {"batch_size": 4}),
    "any size": (replace(MOBILE, height=96), {"free": True}),
}


@pytest.mark.parametrize("form", FORMS)
def test_other_peoples_models_become_int8_and_say_their_contract(tmp_path, form):
    contract, options = FORMS[form]
    theirs = write_mobile_network(tmp_path / "theirs.onnx", contract, **options)
    found = quantize_onnx(
        theirs, DRAWINGS, tmp_path / "int8.onnx", contract=contract, keep_float32="none"
    )
    assert found.num_blocks == len(MOBILE_BLOCKS)
    assert kept_in_float32(found.path) == ["deep", "gate_in", "gate_out", "last"]
    outputs = [entry.name for entry in read_onnx(found.path).outputs]
    assert outputs == ["logits", "embedding"]
    assert read_onnx(found.path).inputs == read_onnx(theirs).inputs
    held_out = [DRAWINGS[place] for place in (2, 5, 8, 11)]
    with Embedder(theirs, contract=contract) as exact, Embedder(found.path) as near:
        assert near.contract == contract
        assert near.contract.origin == f"the metadata of {str(found.path)!r}"
        assert near.rows_per_picture == (2 if contract.mirror == "add" else 1)
        rows = exact(held_out), near(held_out)
    lengths = np.linalg.norm(rows[0], axis=1) * np.linalg.norm(rows[1], axis=1)
    cosines = (rows[0] * rows[1]).sum(1) / lengths
    assert 0.98 < cosines.min() < 1
    # Sums of 48 float32 products, in another order.
    assert found.accuracy.agreement.cosine_min == pytest.approx(cosines.min(), abs=1e-5)


def test_a_trained_network_of_other_people_stays_near(tmp_path):
    """OSNet over real pictures: depthwise convolutions, gates, and no MGN in it."""
    theirs = shared_data("models", "osnet_x0_25_msmt17.onnx")
    dataset = load_dataset(shared_data("pictures", "street"))
    osnet = replace(PRESETS["torchreid"], interpolation="opencv-bilinear", embedding_width=512)
    path = tmp_path / "int8.onnx"
    found = quantize_onnx(
        theirs, dataset.gallery.paths[::4], path, contract=osnet, keep_float32="none"
    )
    assert found.accuracy.agreement.cosine_mean > 0.985
    with Embedder(path) as embedder:
        query, gallery = embedder(dataset.query.paths), embedder(dataset.gallery.paths)
    report = evaluate(query, gallery, dataset.query.identities, dataset.gallery.identities)
    assert report.mean_average_precision > 0.995


def test_the_output_that_is_named_is_judged_and_kept_as_the_embeddings(tmp_path):
    theirs = write_mobile_network(tmp_path / "theirs.onnx")
    unsaid = replace(MOBILE, output=None, embedding_width=None)
    judged = {}
    for output in ("embedding", "logits"):
        path = tmp_path / f"{output}.onnx"
        found = quantize_onnx(
            theirs, DRAWINGS, path, contract=unsaid, output=output, keep_float32="none"
        )
        judged[output] = found.accuracy.agreement.cosine_min
        contract = read_onnx(path).contract
        assert (contract.output, contract.embedding_width) == (
            output,
            {"embedding": 48, "logits": 7}[output],
        )
    assert judged["embedding"] != judged["logits"]


def test_a_files_own_contract_stays_as_it_is(model, pictures, tmp_path):
    """As an earlier version wrote it."""
    own = Contract().to_dict()
    old = {k: own[k] for k in ("input", "height", "width", "checkpoint_sha256")}
    text = json.dumps(old | {"fuse_mirror": False})
    stored = onnx.load(model)
    onnx.helper.set_model_props(stored, {METADATA_KEY: text, "mine": "kept"})
    onnx.save(stored, tmp_path / "old.onnx")
    found = quantize_onnx(
        tmp_path / "old.onnx", pictures, tmp_path / "int8.onnx", keep_float32="none"
    )
    assert metadata(found.path)[METADATA_KEY] == text
    assert metadata(found.path)["mine"] == "kept"


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({}, r"has 2 outputs: logits .*; expected the name .* --output-name"),
        ({"output": "embedding"}, r"no metadata mgn_fast\.contract, .* --contract"),
        ({"contract": MOBILE, "output": "rows"}, "has no output 'rows', expected one of: logits"),
        ({"contract": replace(MOBILE, height=96)}, "height 64 and width 32"),
        ({"contract": replace(MOBILE, embedding_width=5)}, "gives embeddings 48 wide"),
        ({"contract": replace(MOBILE, input="uint8")}, "expected input 'float32'"),
    ],
)
def test_what_does_not_fit_the_model_is_refused_before_pictures_are_read(tmp_path, stated, message):
    theirs = write_mobile_network(tmp_path / "theirs.onnx")
    missing = [tmp_path / "missing.jpg"] * 12
    with pytest.raises(ModelError, match=message):
        quantize_onnx(theirs, missing, tmp_path / "int8.onnx", **stated)
    assert not (tmp_path / "int8.onnx").exists()


@pytest.mark.parametrize("suffix", [".xml", ".om"])
def test_of_other_kinds_of_files_the_onnx_is_asked_for(tmp_path, suffix):
    (tmp_path / f"theirs{suffix}").write_bytes(b"anything")
    with pytest.raises(ModelError, match=f"ends in '{suffix}', expected the .onnx it was made"):
        quantize_onnx(tmp_path / f"theirs{suffix}", DRAWINGS, tmp_path / "int8.onnx")


def test_models_that_cannot_be_quantised_are_refused(model, pictures, tmp_path):
    target = tmp_path / "out.onnx"
    plain = write_small_network(tmp_path / "plain.onnx", contract=None)
    with pytest.raises(ModelError, match=r"has no metadata mgn_fast\.contract, so how.*--contract"):
        quantize_onnx(plain, pictures, target)
    done = quantize_onnx(model, pictures, tmp_path / "int8.onnx", keep_float32="none").path
    assert quantises(node.kind for node in read_onnx(done).nodes)
    with pytest.raises(ModelError, match="is quantised already; expected the float32 model"):
        quantize_onnx(done, pictures, target)
    tiny = write_tiny_model(tmp_path / "tiny.onnx")
    with pytest.raises(ModelError, match="no convolution of float32 that feeds another"):
        quantize_onnx(tiny, pictures, target)
    with pytest.raises(ModelError, match="cannot be read"):
        quantize_onnx(tmp_path / "nowhere.onnx", pictures, target)
    assert not target.exists()


def test_without_onnx_the_extra_is_named(model, pictures, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match=r"onnx cannot be imported .*mgn-fast\[export\]"):
        quantize_onnx(model, pictures, tmp_path / "int8.onnx")


def test_blocks_are_named_as_in_the_graph(model, pictures, tmp_path):
    found = quantize_onnx(model, pictures, tmp_path / "two.onnx", keep_float32=2)
    assert set(found.kept) < set(BLOCKS)
