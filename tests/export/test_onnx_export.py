# SPDX-License-Identifier: Apache-2.0
"""Exported files give what the recipe's network gives, and a file that does not is never left."""

import argparse
import hashlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.errors import ExportError, InvalidInputError
from mgn_fast.export import onnx_export
from mgn_fast.export.onnx_export import export_onnx
from mgn_fast.models.contract import METADATA_KEY, Contract
from mgn_fast.models.onnx_file import read_onnx
from mgn_fast.pictures.pixels import pack, resize_pack
from oracles import other_networks, recipe_network
from support.late import late

graph = late("mgn_fast.export.graph")
onnx = late("onnx")
onnxruntime = late("onnxruntime")
safetensors_torch = late("safetensors.torch")
torch = late("torch")
weights_sha256 = late("mgn_fast.export.checkpoint.weights_sha256")

NUM_IDENTITIES = 13
FORMS = {
    "default": {},
    "all, opset 11": {"outputs": "all", "opset": 11},
    "all, opset 17": {"outputs": "all", "opset": 17},
    "uint8, newest opset": {"input": "uint8", "opset": "newest"},
    "fused, opset 11": {"fuse_mirror": True, "opset": 11},
    "fused uint8, opset 17": {"fuse_mirror": True, "input": "uint8", "opset": 17},
}


@pytest.fixture(scope="module")
def state(full_size_network):
    return recipe_network.random_state(3, NUM_IDENTITIES, thin=1)


@pytest.fixture(scope="module")
def checkpoint(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "model.pt"
    torch.save({name: torch.from_numpy(array) for name, array in state.items()}, path)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def pixels():
    pixels = np.empty((7, 384, 128, 3), np.uint8)
    for picture, drawing in zip(pixels, draw_pictures(7, 123), strict=True):
        resize_pack(drawing, picture)
    return pixels


@pytest.fixture(scope="module")
def planes(pixels):
    planes = np.empty((7, 3, 384, 128), np.float32)
    for plane, picture in zip(planes, pixels, strict=True):
        pack(picture, plane)
    return planes


@pytest.fixture(scope="module")
def expected(state, planes):
    return recipe_network.forward(state, planes)


@pytest.fixture(scope="module")
def expected_fused(state, planes):
    return recipe_network.fused(state, planes)


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "model.onnx"
    yield path
    path.unlink(missing_ok=True)


def outputs_of(path, images, sizes):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for size in sizes:
        yield size, dict(zip(names, session.run(names, {"image": images[:size]}), strict=True))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_checkpoint_of_others_gives_the_recipes_outputs(
    form, checkpoint, target, pixels, planes, expected, expected_fused
):
    if form.get("opset") == "newest":
        form = form | {"opset": graph.newest_opset()}
    assert export_onnx(checkpoint, target, verify=False, **form) == target
    wanted = dict(expected)
    if form.get("fuse_mirror"):
        wanted = {"features": expected_fused}
    elif form.get("outputs") != "all":
        wanted = {"features": expected["features"]}
    images = pixels if form.get("input") == "uint8" else planes
    for size, got in outputs_of(target, images, (1, 7) if form else range(1, 8)):
        assert list(got) == list(wanted)
        for name, values in wanted.items():
            assert got[name].shape == (size, values.shape[1])
            assert recipe_network.relative_error(got[name], values[:size]) < 1e-4, name


def test_the_file_is_valid_and_carries_its_contract(state, checkpoint, target):
    export_onnx(checkpoint, target, input="uint8", fuse_mirror=True, verify=False)
    onnx.checker.check_model(str(target), full_check=True)
    model = onnx.load(target)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [
        ("", onnx_export.DEFAULT_OPSET)
    ]
    assert model.producer_name == "mgn_fast"
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    contract = Contract.from_json(metadata[METADATA_KEY], source="the file")
    origin = f"weights:{weights_sha256(state)}"
    assert contract == Contract(
        input="uint8", output="features", mirror="inside", checkpoint_sha256=origin, seed=None
    )


def under(prefix, weights):
    return {prefix + name: tensor for name, tensor in weights.items()}


EXTRAS = {"best": np.float64(0.9), "args": argparse.Namespace(lr=1e-3)}
WRAPPINGS = {
    "model.pth.tar": lambda weights: {"net": weights, "epoch": 3} | EXTRAS,
    "last.ckpt": lambda weights: {"state_dict": under("model._orig_mod.", weights)} | EXTRAS,
    "MODEL.PTH": lambda weights: {"model_state_dict": under("module.", weights)},
    "averaged": lambda weights: {"n_averaged": torch.tensor(3)} | under("module.", weights),
    "wrapped.pt": lambda weights: {"state_dict": under("net.module.backbone.", weights)},
    "headless.bin": lambda weights: {n: x for n, x in weights.items() if not n.startswith("fc_")},
}


def test_all_wrappings_of_the_same_weights_give_the_same_bytes(state, checkpoint, tmp_path, target):
    weights = {name: torch.from_numpy(array) for name, array in state.items()}
    written = []
    for path in (checkpoint, *(tmp_path / name for name in (*WRAPPINGS, "old.pt", "weights"))):
        if path.name in WRAPPINGS:
            torch.save(WRAPPINGS[path.name](weights), path)
        elif path.name == "old.pt":
            torch.save(weights, path, _use_new_zipfile_serialization=False)
        elif path.name == "weights":
            safetensors_torch.save_file(weights, path)
        export_onnx(path, target, verify=False)
        written.append(hashlib.sha256(target.read_bytes()).hexdigest())
        if path != checkpoint:
            path.unlink()
    assert len(written) == 9
    assert set(written) == {written[0]}


@pytest.fixture(scope="module")
def other_checkpoint(tmp_path_factory, full_size_network):
    """A checkpoint of another family, written when it is first asked for."""
    folder, kept = tmp_path_factory.mktemp("others"), {}

    def path_of(family):
        if family not in kept:
            state = other_networks.random_state(family, 4, NUM_IDENTITIES, thin=1)
            weights = {name: torch.from_numpy(array) for name, array in state.items()}
            torch.save(weights, folder / f"{family}.pt")
            kept[family] = state
        return folder / f"{family}.pt", kept[family]

    yield path_of
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("family", "pool"),
    [("seathiefwang", "avg"), ("seathiefwang", "max"), ("levyfan", None), ("levyfan", "avg")],
)
def test_other_families_are_exported_verified_and_equal(
    family, pool, other_checkpoint, target, planes
):
    path, weights = other_checkpoint(family)
    export_onnx(path, target, pool=pool, outputs="all")
    contract = read_onnx(target).contract
    assert contract.interpolation == "pillow-bilinear"
    assert contract.embedding_width == 2048
    wholes = [name for name, _ in contract.parts if name.startswith("fg_")]
    order = [0, 1, 2] if family == "seathiefwang" else [0, 1, 4]
    assert [contract.parts.index((name, 256)) for name in wholes] == order
    wanted = other_networks.forward(family, weights, planes[:2], pool or "max")
    [(_, got)] = outputs_of(target, planes, [2])
    assert list(got) == list(wanted)
    for name, values in wanted.items():
        # Roundings of float32 through fifty layers, of which batch norms are folded into one.
        assert recipe_network.relative_error(got[name], values) < 1e-5, name


def test_a_pooling_that_the_file_does_not_say_is_asked_for(other_checkpoint, target):
    path, _ = other_checkpoint("seathiefwang")
    expected = (
        r"is of seathiefwang's MGN-pytorch, and does not say .* give pool='avg' \(the default"
    )
    with pytest.raises(ExportError, match=expected):
        export_onnx(path, target)
    assert not target.exists()


def test_recipes_weights_may_be_said_to_pool_by_average(checkpoint, target, planes, expected):
    export_onnx(checkpoint, target, pool="avg")
    [(_, got)] = outputs_of(target, planes, [2])
    # Verified against the network that pools so; and it is another than by maximum.
    assert recipe_network.relative_error(got["features"], expected["features"][:2]) > 0.01


def test_logits_need_classifiers(state, tmp_path, target):
    bare = {n: torch.from_numpy(x) for n, x in state.items() if not n.startswith("fc_id_")}
    torch.save(bare, tmp_path / "bare.pt")
    with pytest.raises(
        ExportError, match=r"has no classifiers \(fc_id_\*\), .*outputs='embedding'"
    ):
        export_onnx(tmp_path / "bare.pt", target, outputs="all")
    (tmp_path / "bare.pt").unlink()


def test_the_same_seed_gives_the_same_bytes_verified_or_not(target, mgn_model):
    export_onnx(None, target, verify=True)
    assert target.read_bytes() == mgn_model.read_bytes()
    metadata = {entry.key: entry.value for entry in onnx.load(target).metadata_props}
    contract = Contract.from_json(metadata[METADATA_KEY], source="the file")
    assert contract == Contract(output="features", seed=0)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize(
    "form",
    [
        {"outputs": "all", "batch_size": 2},
        {"fuse_mirror": True, "input": "uint8", "batch_size": 1},
    ],
    ids=["all, two", "fused uint8, one"],
)
def test_right_files_pass_verification(form, checkpoint, target):
    export_onnx(checkpoint, target, **form)
    assert target.exists()


def altered(monkeypatch, change):
    """Makes the graph's writer use other weights than it was asked for."""
    build_model = graph.build_model

    def build(parameters, form, *rest):
        return build_model(parameters | change, form, *rest)

    monkeypatch.setattr("mgn_fast.export.graph.build_model", build)


def test_a_file_that_differs_is_not_left_and_the_previous_one_stays(
    state, checkpoint, target, monkeypatch
):
    target.write_bytes(b"previous")
    # One of a hundred convolutions, one per cent too strong.
    name = "p2.0.3.conv2.weight"
    altered(monkeypatch, {name: state[name] * np.float32(1.01)})
    with pytest.raises(ExportError, match=r"output 'features' differs .* at batch 1, expected"):
        export_onnx(checkpoint, target)
    assert target.read_bytes() == b"previous"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_disk_that_fills_up_leaves_nothing(checkpoint, target, monkeypatch):
    def full(_model, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("onnx.save_model", full)
    with pytest.raises(ExportError, match="cannot be written: No space left on device"):
        export_onnx(checkpoint, target)
    assert not list(target.parent.iterdir())


def test_a_checkpoint_that_does_not_fit_leaves_nothing(tmp_path, target):
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(ExportError, match="520 of 624 missing, first backbone"):
        export_onnx(tmp_path / "other.pt", target)
    assert [path.name for path in tmp_path.iterdir()] == ["other.pt"]


@pytest.mark.parametrize("opset", [1, 10, "newest + 1", 99])
def test_an_opset_that_is_not_supported_is_refused_with_the_range(target, opset):
    if opset == "newest + 1":
        opset = graph.newest_opset() + 1
    expected = f"opset is {opset}, expected 11 to {graph.newest_opset()}"
    with pytest.raises(InvalidInputError, match=expected):
        export_onnx(None, target, opset=opset)
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0, expected a whole number from 1 to 1024"),
        ({"batch_size": 1025}, "batch_size is 1025"),
        ({"batch_size": 2.0}, "batch_size is 2.0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"opset": "11"}, "opset is '11', expected a whole number"),
        ({"opset": -1}, "opset is -1"),
        ({"seed": -1}, "seed is -1, expected a whole number from 0"),
        ({"seed": None}, "seed is None"),
        ({"outputs": "logits"}, r"outputs is 'logits', expected one of 'embedding', 'all'"),
        ({"input": "float16"}, r"input is 'float16', expected one of 'float32', 'uint8'"),
        ({"fuse_mirror": 1}, "fuse_mirror is 1, expected True or False"),
        ({"pool": "mean"}, "pool is 'mean', expected one of 'max', 'avg'"),
        ({"pool": "avg"}, "pool is 'avg' for random weights, which are ReID-MGN's: expected None"),
        ({"verify": "yes"}, "verify is 'yes', expected True or False"),
        ({"fuse_mirror": True, "outputs": "all"}, "fuse_mirror is True and outputs is 'all'"),
        ({"path": "model.om"}, r"output 'model.om' ends in '.om', expected '.onnx'"),
        ({"path": "/nowhere/at/all/model.onnx"}, "cannot be written: No such file or directory"),
        ({"path": None}, "output is None, expected a path"),
        ({"checkpoint": {"a": 1}}, "checkpoint is {'a': 1}, expected a path"),
    ],
)
def test_arguments_out_of_range_are_refused_with_their_value(target, options, message):
    with pytest.raises(InvalidInputError, match=message):
        export_onnx(**{"checkpoint": None, "path": target, **options})
    assert not target.exists()


@pytest.mark.parametrize("package", ["torch", "onnx", "safetensors"])
def test_without_the_extra_it_says_what_to_install(target, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    expected = rf"{package} cannot be imported \(.*\): pip install 'mgn-fast\[export\]'"
    with pytest.raises(ExportError, match=expected):
        export_onnx(None, target)
    assert not list(target.parent.iterdir())


@pytest.mark.usefixtures("own_process")
def test_importing_it_imports_neither_torch_nor_onnx():
    code = (
        "import sys, mgn_fast.export.onnx_export;"
        "print(sorted({'torch', 'onnx', 'onnxruntime', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
