# SPDX-License-Identifier: Apache-2.0
"""A file is known by its first bytes, and nothing in it is imported, called or run."""

import argparse
import collections
import datetime
import pathlib
import pickle
import struct
import sys
import types
import zipfile

import numpy as np
import pytest

from mgn_fast.errors import ExportError
from support.late import late

safetensors_torch = late("safetensors.torch")
torch = late("torch")
stored = late("mgn_fast.export.stored")

pytestmark = pytest.mark.usefixtures("full_size_network")


def load(path):
    return stored.load_stored("model", path.read_bytes())


def message(content):
    with pytest.raises(ExportError) as caught:
        stored.load_stored("model", content)
    text = str(caught.value)
    assert text.startswith("checkpoint 'model' ")
    # One line without torch's advice.
    assert text.isprintable()
    assert len(text) < 400
    assert "weights_only" not in text
    return text


@pytest.fixture
def save(tmp_path):
    def saved(content, **options):
        torch.save(content, tmp_path / "file", **options)
        return tmp_path / "file"

    return saved


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_tensors_come_back_from_both_forms_of_torch(save, legacy):
    path = save({"a": torch.arange(3.0)}, _use_new_zipfile_serialization=not legacy)
    assert zipfile.is_zipfile(path) != legacy
    assert load(path)["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("padding", range(0, 200, 64))
def test_safetensors_are_known_by_their_bytes(tmp_path, padding):
    # Lengths of the header that end in 0x80 too, which begins a pickle.
    path = tmp_path / "file.pt"
    safetensors_torch.save_file({"a" * (1 + padding): torch.ones(2)}, path)
    assert load(path)["a" * (1 + padding)].tolist() == [1, 1]


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_pickle_that_would_run_code_is_refused_by_name_and_does_not_run(save, tmp_path, legacy):
    content = {"a": torch.zeros(1), "x": Malicious(str(tmp_path / "ran"))}
    text = message(save(content, _use_new_zipfile_serialization=not legacy).read_bytes())
    assert "holds io.open, which loading could run as code: refused; save the network's" in text
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_what_scripts_put_beside_their_weights_is_no_obstacle(save, legacy):
    content = {
        "net": {"a": torch.ones(2)},
        "best": np.float64(0.9),
        "rank": np.int64(3),
        "curve": np.arange(4.0),
        "kind": np.dtype("f4"),
        "args": argparse.Namespace(lr=1e-3, where=pathlib.Path("runs"), more=[np.float32(1)]),
        "more": types.SimpleNamespace(a=1),
        "when": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc).replace(tzinfo=None),
        "took": datetime.timedelta(seconds=3),
        "meters": collections.defaultdict(list, a=[1.0]),
        "version": torch.__version__,
    }
    got = load(save(content, _use_new_zipfile_serialization=not legacy))
    assert got["net"]["a"].tolist() == [1, 1]
    assert got["meters"] == {"a": [1.0]}


def test_a_dictionary_with_attributes_keeps_its_items(save, monkeypatch):
    module = types.ModuleType("easydict")
    module.EasyDict = type("EasyDict", (dict,), {"__module__": "easydict"})
    monkeypatch.setitem(sys.modules, "easydict", module)
    path = save(module.EasyDict(net={"a": torch.ones(1)}, lr=0.1))
    monkeypatch.delitem(sys.modules, "easydict")
    got = load(path)
    assert (type(got), got["lr"]) == (collections.OrderedDict, 0.1)


def test_no_numpy_is_made_from_a_file(save):
    # A crafted dtype says that its bytes are no addresses of objects, and then they are followed.
    got = load(save({"a": np.dtype("O"), "b": np.array([None, "x"], object), "c": np.float64(1)}))
    assert not any(isinstance(value, (np.dtype, np.ndarray, np.generic)) for value in got.values())


def test_what_is_allowed_is_allowed_for_this_file_alone(save):
    before = torch.serialization.get_safe_globals()
    load(save({"a": np.float64(1)}))
    assert torch.serialization.get_safe_globals() == before


def test_a_whole_module_is_refused_by_its_class(save):
    text = message(save(torch.nn.Linear(2, 2)).read_bytes())
    assert "holds torch.nn.modules.linear.Linear, which loading could run" in text


def test_a_program_of_torchscript_is_called_that(tmp_path):
    with zipfile.ZipFile(tmp_path / "file", "w") as archive:
        for name in ("net/data.pkl", "net/code/__torch__.py", "net/constants.pkl"):
            archive.writestr(name, b"")
    text = message((tmp_path / "file").read_bytes())
    assert "is a TorchScript program" in text
    assert text.endswith("torch.save(torch.jit.load('model').state_dict(), 'weights.pt')")


def test_another_zip_archive_is_refused_with_what_is_in_it(tmp_path):
    np.savez(tmp_path / "file.npz", a=np.zeros(1))
    text = message((tmp_path / "file.npz").read_bytes())
    assert "is a zip archive of a.npy and others without data.pkl" in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\x00" * 100, "begins with b'\\x00"),
        (b"version https://git-lfs.github.com/spec/v1", "begins with b'version https://git-lfs"),
        (b"\x1b[2J", "begins with b'\\x1b[2J'"),
        (pickle.dumps({"a": 1}), "is refused by torch's loader of tensors alone (Unsupported oper"),
        (pickle.dumps({"a": 1}, protocol=2), "is damaged, or not of torch.save"),
        (b"PK\x03\x04" + b"\x00" * 50, "is damaged (54 bytes)"),
        (struct.pack("<Q", 1000) + b"{", "is damaged: its safetensors header does not fit it"),
        (struct.pack("<Q", 2) + b"{}trailing", "is damaged: its safetensors header does not"),
    ],
)
def test_files_of_other_kinds_are_refused_with_how_they_begin(content, reason):
    assert reason in message(content)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_file_cut_short_is_damaged(save, legacy):
    path = save({"a": torch.zeros(4000)}, _use_new_zipfile_serialization=not legacy)
    content = path.read_bytes()
    assert "is damaged" in message(content[: len(content) // 2])


def test_a_torch_that_crafted_files_can_attack_is_refused_but_not_for_safetensors(
    save, tmp_path, monkeypatch
):
    content = save({"a": torch.zeros(1)}).read_bytes()
    monkeypatch.setattr("torch.__version__", "2.9.1+cpu")
    with pytest.raises(ExportError, match=r"torch is 2\.9\.1\+cpu, which a crafted checkpoint can"):
        stored.load_stored("model", content)
    safetensors_torch.save_file({"x": torch.zeros(1)}, tmp_path / "safe")
    assert load(tmp_path / "safe").keys() == {"x"}
