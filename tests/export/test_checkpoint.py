# SPDX-License-Identifier: Apache-2.0
"""Checkpoints are read from tensors alone, and what is wrong with one is said in a few words."""

import hashlib
import os
import struct

import numpy as np
import pytest

from mgn_fast.errors import ExportError
from mgn_fast.export.families import LEVYFAN, MGN_PYTORCH, REID_MGN
from oracles import other_networks, recipe_network
from support.late import late

safetensors_torch = late("safetensors.torch")
torch = late("torch")
weights_sha256 = late("mgn_fast.export.checkpoint.weights_sha256")
read_checkpoint = late("mgn_fast.export.checkpoint.read_checkpoint")


def small(shapes, dtype="float32"):
    """Every parameter full-sized, but stored as one number that is repeated: small files."""
    return {
        name: torch.tensor(0)
        if name.endswith("num_batches_tracked")
        else torch.tensor(0.5 + index / 2048, dtype=getattr(torch, dtype)).expand(shape)
        for index, (name, shape) in enumerate(shapes.items())
    }


def state(num_identities=3, dtype="float32"):
    return small(recipe_network.shapes(num_identities), dtype)


def other_state(family):
    return small(other_networks.shapes(family, 3))


def without_heads(content):
    return {name: tensor for name, tensor in content.items() if not name.startswith("fc_id_")}


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


def test_a_bare_state_dict_comes_back_with_its_identities(save):
    got = read_checkpoint(save(state(11)))
    assert (got.design.title, got.design.num_identities) == (REID_MGN.title, 11)
    assert {name: x.shape for name, x in got.parameters.items()} == recipe_network.shapes(11)
    for name, tensor in state(11).items():
        expected_dtype = np.int64 if name.endswith("num_batches_tracked") else np.float32
        assert got.parameters[name].dtype == expected_dtype
        assert (got.parameters[name] == tensor.reshape(-1)[0].item()).all()


def test_the_hash_is_of_the_weights_and_not_of_the_file(save):
    plain = read_checkpoint(save(state())).sha256
    other_file = {"net": {f"module.{name}": x.double() for name, x in state().items()}}
    assert read_checkpoint(save(other_file)).sha256 == plain


def test_the_hash_is_of_what_an_embedding_uses():
    arrays = {
        "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b.bias": np.zeros(2, np.float32),
    }
    # As the docstring says, of this machine's order of bytes or another's.
    text = b"a.weight [2, 3]\n" + struct.pack("<6f", *range(6)) + b"b.bias [2]\n" + bytes(8)
    plain = weights_sha256(arrays)
    assert plain == hashlib.sha256(text).hexdigest()
    unused = {
        "fc_id_2048_0.weight": np.ones(2, np.float32),
        "c.num_batches_tracked": np.ones((), np.int64),
    }
    assert weights_sha256(dict(reversed((unused | arrays).items()))) == plain
    others = [
        arrays | {"b.bias": np.full(2, 2.0**-30, np.float32)},
        arrays | {"a.weight": arrays["a.weight"].reshape(3, 2)},
        {"a.weight": arrays["a.weight"], "c.bias": arrays["b.bias"]},
    ]
    assert len({plain, *map(weights_sha256, others)}) == 4


def test_counters_that_are_missing_are_zero(save):
    bare = {name: x for name, x in state().items() if "num_batches" not in name}
    got = read_checkpoint(save(bare))
    assert got.parameters.keys() == state().keys()
    assert got.parameters["reduction.1.num_batches_tracked"] == 0


def test_classifiers_are_there_all_or_not_at_all(save):
    plain = read_checkpoint(save(state()))
    for content in (without_heads(state()), dict(list(state().items())[:-1])):
        got = read_checkpoint(save(content))
        assert got.design.num_identities is None
        assert got.parameters.keys() == without_heads(state()).keys()
        assert got.sha256 == plain.sha256


@pytest.mark.parametrize(
    ("family", "design"), [("seathiefwang", MGN_PYTORCH), ("levyfan", LEVYFAN)]
)
def test_other_families_are_told_and_their_trunk_gets_its_name(save, family, design):
    got = read_checkpoint(save(other_state(family)))
    assert (got.design.title, got.design.pool) == (design.title, design.pool)
    assert len(got.parameters) == 682
    assert got.parameters["backbone.0.weight"].shape == (64, 3, 7, 7)
    assert got.parameters["reduction_7.0.weight"].shape == (256, 2048, 1, 1)


def test_messages_name_parameters_as_the_file_does(save):
    content = other_state("seathiefwang")
    del content["backone.1.bias"]
    text = message(save({f"module.{name}": x for name, x in content.items()}))
    assert "not of the network of seathiefwang's MGN-pytorch with 3 identities: " in text
    assert "1 of 682 missing, backone.1.bias" in text


def test_fast_reids_network_is_refused_with_its_own_way(save):
    names = ("backbone.0.weight", "b1.0.0.conv1.weight", "b1_head.bottleneck.0.weight")
    text = message(save({"model": dict.fromkeys(names, torch.zeros(1)), "optimizer": {}}))
    assert "tools/deploy/onnx_export.py" in text
    assert text.endswith("mgn-fast adopt MODEL.onnx -o OUT.onnx --contract fast-reid-mgn")


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ("p1.0.21.conv1.weight", "By its names it has 22 blocks where ResNet-50 has 5: export"),
        ("backbone.4.0.bn1.IN.weight", "By its names its norms are IBN's: export"),
    ],
)
def test_forks_are_refused_with_what_is_other_in_them(save, added, reason):
    text = message(save(state() | {added: torch.zeros(1)}))
    assert f"1 unexpected, {added}. {reason}" in text


def test_a_head_too_many_is_refused(save):
    text = message(save(state() | {"fc_id_256_3_0.weight": torch.zeros(3, 256)}))
    assert text.endswith("with 3 identities: 1 unexpected, fc_id_256_3_0.weight")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats_become_float32(save, dtype):
    got = read_checkpoint(save(state(dtype=dtype)))
    name = "p2.1.0.conv2.weight"
    assert got.parameters[name].dtype == np.float32
    assert got.parameters[name].max() == np.float32(state(dtype=dtype)[name].reshape(-1)[0].item())


@pytest.mark.usefixtures("full_size_network")
def test_safetensors_are_read_bfloat16_included(tmp_path):
    path = tmp_path / "model.bin"
    tensors = {name: x.contiguous() for name, x in state(dtype="bfloat16").items()}
    safetensors_torch.save_file(tensors, path)
    got = read_checkpoint(path)
    path.unlink()
    assert got.design.num_identities == 3
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
        "2 of 640 missing, p1.0.0.conv1.weight, reduction.1.bias;",
        "1 unexpected, classifier.weight;",
        "7 unusable, first backbone.0.weight is torch.strided torch.int32, expected dense, one of",
        "backbone.1.bias has 2 of 64 values not finite",
        "backbone.4.0.bn1.weight has 64 of 64 values not finite in float32",
        "p2.1.0.downsample.0.weight has shape [2048, 1024, 1], expected [2048, 1024, 1, 1]",
        "p3.0.1.bn2.running_var has the negative variance -0.5",
    ):
        assert part in text
    assert "fc_id" not in text
    content = state() | {"fc_id_256_1_0.bias": "words"}
    content["fc_id_256_2_0.weight"] = torch.zeros(9, 256)
    text = message(save(content))
    assert "2 unusable, fc_id_256_1_0.bias is a str, expected a tensor" in text
    assert "fc_id_256_2_0.weight has shape [9, 256], expected [3, 256]" in text


def test_a_prefix_on_some_names_alone_is_not_taken_off(save):
    content = state()
    content["module.reduction.1.bias"] = content.pop("reduction.1.bias")
    text = message(save(content))
    assert "1 of 640 missing, reduction.1.bias; 1 unexpected, module.reduction.1.bias" in text


def test_sparse_parameters_are_refused(save):
    text = message(save(state() | {"backbone.1.bias": torch.zeros(64).to_sparse()}))
    assert "backbone.1.bias is torch.sparse_coo torch.float32, expected dense" in text


def test_parameters_without_values_are_refused(save):
    text = message(save(state() | {"backbone.1.bias": torch.zeros(64, device="meta")}))
    assert "backbone.1.bias is on device meta, expected stored values" in text


def test_a_message_is_short_whatever_the_names_are(save):
    tensors = {f"layer{index}": torch.zeros(1) for index in range(3000)}
    tensors |= {"\x1b[2J" + "x" * 5000: torch.zeros(1)}
    text = message(save(tensors))
    # 624 without classifiers, without the 104 counters, which may be missing.
    missing, unexpected = text.split("520 of 624 missing, first ")[1].split("; ")
    assert missing.count(", ") == 4
    assert unexpected.startswith(
        "3001 unexpected, first layer0, layer1, layer2, layer3, layer4. By"
    )
    assert "By its names it is no MGN: export it to ONNX with its own code" in text
    assert len(text) < 600
    text = message(save({"\x1b[2J" + "x" * 5000: torch.zeros(1)}))
    assert text.isprintable()
    assert "x" * 200 not in text


def test_counters_may_be_floats_as_in_a_halved_network(save):
    halved = {name: tensor.half() for name, tensor in state().items()}
    parameters = read_checkpoint(save(halved)).parameters
    counters = [name for name in parameters if name.endswith(".num_batches_tracked")]
    assert len(counters) == 104
    assert all(parameters[name].dtype == np.int64 for name in counters)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.pt")
    assert "cannot be read: no regular file" in message(tmp_path / "model.pt")


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    assert "cannot be read: No such file" in message(tmp_path / "none.pt")
    (tmp_path / "folder.pt").mkdir()
    assert "cannot be read: no regular file" in message(tmp_path / "folder.pt")


def test_a_file_of_absurd_size_is_refused_unread(tmp_path):
    path = tmp_path / "huge.pt"
    with path.open("wb") as file:
        file.truncate((4 << 30) + 1)
    assert "has 4294967297 bytes, expected at most 4294967296" in message(path)
