# SPDX-License-Identifier: Apache-2.0
"""Checkpoints are read from tensors alone, and everything wrong with one is said at once."""

import hashlib
import os
import pickle
import zipfile

import numpy as np
import pytest

from mgn_fast.errors import ExportError
from oracles import recipe_network
from support.late import late

safetensors_torch = late("safetensors.torch")
torch = late("torch")
checkpoint = late("mgn_fast.export.checkpoint")
read_checkpoint = late("mgn_fast.export.checkpoint.read_checkpoint")


def state(num_identities=3, dtype="float32"):
    """Every parameter full-sized, but stored as one number that is repeated: small files."""
    return {
        name: torch.tensor(0)
        if name.endswith("num_batches_tracked")
        else torch.tensor(0.5 + index / 2048, dtype=getattr(torch, dtype)).expand(shape)
        for index, (name, shape) in enumerate(recipe_network.shapes(num_identities).items())
    }


@pytest.fixture
def save(tmp_path, full_size_network):
    def saved(content, name="model.pt", **options):
        path = tmp_path / name
        torch.save(content, path, **options)
        return path

    return saved


def message(path):
    with pytest.raises(ExportError) as caught:
        read_checkpoint(path)
    return str(caught.value)


def test_a_bare_state_dict_comes_back_with_its_hash_and_identities(save):
    path = save(state(11))
    got = read_checkpoint(path)
    assert got.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert got.num_identities == 11
    assert {name: x.shape for name, x in got.parameters.items()} == recipe_network.shapes(11)
    for name, tensor in state(11).items():
        expected_dtype = np.int64 if name.endswith("num_batches_tracked") else np.float32
        assert got.parameters[name].dtype == expected_dtype
        assert (got.parameters[name] == tensor.reshape(-1)[0].item()).all()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda content: {"state_dict": content, "epoch": 400},
        lambda content: {"model": content, "optimizer": {"step": torch.tensor(3)}},
        lambda content: {f"module.{name}": tensor for name, tensor in content.items()},
        lambda content: {"model": {f"module.{name}": x for name, x in content.items()}},
        lambda content: {name: x for name, x in content.items() if "num_batches" not in name},
    ],
    ids=["state_dict", "model", "DataParallel", "DataParallel in model", "without counters"],
)
def test_known_wrappings_are_taken_off(save, wrap):
    got = read_checkpoint(save(wrap(state())))
    assert {name: x.shape for name, x in got.parameters.items()} == recipe_network.shapes(3)
    assert got.parameters["reduction.1.num_batches_tracked"] == 0


def test_a_file_of_pytorch_before_1_6_is_read(save):
    path = save(state(), "model.pth", _use_new_zipfile_serialization=False)
    assert not zipfile.is_zipfile(path)
    assert read_checkpoint(path).num_identities == 3


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats_become_float32(save, dtype):
    got = read_checkpoint(save(state(dtype=dtype)))
    name = "p2.1.0.conv2.weight"
    assert got.parameters[name].dtype == np.float32
    assert got.parameters[name].max() == np.float32(state(dtype=dtype)[name].reshape(-1)[0].item())


@pytest.mark.usefixtures("full_size_network")
def test_safetensors_are_read_bfloat16_included(tmp_path):
    path = tmp_path / "model.safetensors"
    tensors = {name: x.contiguous() for name, x in state(dtype="bfloat16").items()}
    safetensors_torch.save_file(tensors, path)
    got = read_checkpoint(path)
    path.unlink()
    assert got.num_identities == 3
    assert got.parameters["backbone.0.weight"].shape == (64, 3, 7, 7)
    assert got.parameters["backbone.0.weight"].dtype == np.float32


def test_everything_wrong_is_listed_in_one_error(save):
    content = state()
    del content["p1.0.0.conv1.weight"], content["reduction.1.bias"]
    content["classifier.weight"] = torch.zeros(2)
    content["p2.1.0.downsample.0.weight"] = torch.zeros(2048, 1024, 3, 3)[:, :, :1, :1].squeeze(3)
    content["backbone.0.weight"] = torch.zeros(64, 3, 7, 7, dtype=torch.int32)
    content["backbone.1.bias"] = torch.tensor([np.nan, np.inf] + [0.0] * 62)
    content["p3.0.1.bn2.running_var"] = torch.full((256,), -0.5)
    content["p3.0.2.bn2.num_batches_tracked"] = torch.tensor(2.5)
    content["fc_id_256_1_0.bias"] = "words"
    content["fc_id_256_2_0.weight"] = torch.zeros(9, 256)
    content["backbone.4.0.bn1.weight"] = torch.full((64,), 1e300, dtype=torch.float64)
    text = message(save(content))
    for part in (
        "2 missing: p1.0.0.conv1.weight, reduction.1.bias;",
        "1 unexpected: classifier.weight;",
        "7 unusable: ",
        "p2.1.0.downsample.0.weight has shape [2048, 1024, 1], expected [2048, 1024, 1, 1]",
        "backbone.0.weight is torch.strided torch.int32, expected dense, one of float32",
        "backbone.1.bias has 2 of 64 values not finite",
        "p3.0.1.bn2.running_var has the negative variance -0.5",
        "fc_id_256_1_0.bias is a str, expected a tensor",
        "fc_id_256_2_0.weight has shape [9, 256], expected [3, 256]",
        "backbone.4.0.bn1.weight has 64 of 64 values not finite in float32",
    ):
        assert part in text


def test_a_prefix_on_some_names_alone_is_not_taken_off(save):
    content = state()
    content["module.reduction.1.bias"] = content.pop("reduction.1.bias")
    text = message(save(content))
    assert "1 missing: reduction.1.bias; 1 unexpected: module.reduction.1.bias" in text


def test_sparse_parameters_are_refused(save):
    text = message(save(state() | {"backbone.1.bias": torch.zeros(64).to_sparse()}))
    assert "backbone.1.bias is torch.sparse_coo torch.float32, expected dense" in text


def test_parameters_without_values_are_refused(save):
    text = message(save(state() | {"backbone.1.bias": torch.zeros(64, device="meta")}))
    assert "backbone.1.bias is on device meta, expected stored values" in text


def test_every_missing_parameter_is_listed(save):
    text = message(save({"layer1.0.conv1.weight": torch.zeros(1), "x" * 5000: torch.zeros(1)}))
    # 640 without the 104 counters, which may be missing.
    listed = text.split("536 missing: ")[1].split("; 2 unexpected: layer1.0.conv1.weight, xxx")[0]
    assert len(listed.split(", ")) == 536
    assert "x" * 200 not in text


def test_more_names_than_the_network_has_are_cut_and_counted(save):
    tensors = {f"layer{index}": torch.zeros(1) for index in range(3000)}
    assert " and 2000 more" in message(save(tensors))


def test_counters_may_be_floats_as_in_a_halved_network(save):
    halved = {name: tensor.half() for name, tensor in state().items()}
    parameters = read_checkpoint(save(halved)).parameters
    counters = [name for name in parameters if name.endswith(".num_batches_tracked")]
    assert len(counters) == 104
    assert all(parameters[name].dtype == np.int64 for name in counters)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.pt")
    assert "cannot be read: no regular file" in message(tmp_path / "model.pt")


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(save, tmp_path, legacy):
    content = state() | {"x": Malicious(str(tmp_path / "ran"))}
    text = message(save(content, _use_new_zipfile_serialization=not legacy))
    assert "is refused" in text
    assert "save the network's state_dict() alone" in text
    assert not (tmp_path / "ran").exists()


def test_a_whole_module_is_refused(save):
    assert "is refused" in message(save(torch.nn.Linear(2, 2)))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.pt", b"", "0 bytes"),
        ("model.pt", b"\x00" * 100, "model.pt"),
        ("model.pth", b"not a checkpoint at all", "model.pth"),
        ("model.pt", pickle.dumps({"a": 1}), "model.pt"),
        ("model.safetensors", b"", "is no safetensors file"),
        ("model.safetensors", b"\xff" * 64, "is no safetensors file"),
        ("model.npz", b"x", r"suffix '.npz', expected one of"),
        ("model", b"x", "suffix ''"),
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    assert reason in message(path)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_file_cut_short_is_refused(save, legacy):
    path = save(state(), _use_new_zipfile_serialization=not legacy)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "model.pt" in message(path)


def test_what_is_no_state_dict_is_refused(save):
    for content in ([torch.zeros(2)], torch.zeros(2), {1: torch.zeros(2)}):
        assert "expected a state dict" in message(save(content)), content


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    assert "cannot be read: No such file" in message(tmp_path / "none.pt")
    (tmp_path / "folder.pt").mkdir()
    assert "cannot be read: no regular file" in message(tmp_path / "folder.pt")


def test_a_file_of_absurd_size_is_refused_unread(tmp_path):
    path = tmp_path / "huge.pt"
    with path.open("wb") as file:
        file.truncate((4 << 30) + 1)
    assert "has 4294967297 bytes, expected at most 4294967296" in message(path)


def test_a_torch_that_crafted_files_can_attack_is_refused_but_not_for_safetensors(
    save, tmp_path, monkeypatch
):
    path = save(state())
    monkeypatch.setattr(checkpoint.torch, "__version__", "2.9.1+cpu")
    assert "torch is 2.9.1+cpu" in message(path)
    safe = tmp_path / "model.safetensors"
    safetensors_torch.save_file({"x": torch.zeros(1)}, safe)
    assert "missing" in message(safe)
