# SPDX-License-Identifier: Apache-2.0
import hashlib
import json

import numpy as np
import pytest

from mgn_fast import open_session
from mgn_fast.cli import main
from oracles import other_networks
from support.late import late

torch = late("torch")
weights_sha256 = late("mgn_fast.export.checkpoint.weights_sha256")


@pytest.fixture
def other_checkpoint(tmp_path, full_size_network):
    """seathiefwang's network without classifiers, every weight one repeated number."""
    weights = {
        name: torch.full((), 0.01 + index / 4096).expand(shape)
        for index, (name, shape) in enumerate(other_networks.shapes("seathiefwang").items())
        if not name.startswith("fc_id_")
    }
    torch.save({"net": weights}, tmp_path / "model.pth.tar")
    return tmp_path / "model.pth.tar", weights


@pytest.mark.usefixtures("full_size_network")
def test_random_weights_are_asked_for_and_said(tmp_path, capsys):
    path = tmp_path / "m.onnx"
    words = ["export", "--random-weights", "--seed", "3", "-o", str(path), "--fuse-mirror"]
    words += ["--input", "uint8", "--batch-size", "2", "--no-verify", "--json"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "random weights of seed 3" in captured.err
    written = json.loads(captured.out)
    assert written == {
        "path": str(path),
        "bytes": path.stat().st_size,
        "verified": False,
        "checkpoint_sha256": None,
        "weights_sha256": None,
    }
    with open_session(path) as session:
        contract = session.contract
        assert (contract.seed, contract.input, contract.fuse_mirror) == (3, "uint8", True)
        assert session.batch_sizes == (2,)
        rows = session.run(np.zeros((2, 384, 128, 3), np.uint8))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)


def test_neither_or_both_sources_of_weights_are_a_usage_error(tmp_path, capsys):
    output = str(tmp_path / "m.onnx")
    assert main(["export", "-o", output]) == 2
    assert main(["export", "model.pt", "--random-weights", "-o", output]) == 2
    assert capsys.readouterr().err.count("give one of the two") == 2


@pytest.mark.usefixtures("full_size_network")
def test_a_checkpoint_that_cannot_be_used_is_exit_code_3(tmp_path, capsys):
    (tmp_path / "model.pt").write_bytes(b"no checkpoint")
    output = tmp_path / "m.onnx"
    assert main(["export", str(tmp_path / "model.pt"), "-o", str(output)]) == 3
    assert "model.pt" in capsys.readouterr().err
    assert not output.exists()
    assert main(["export", str(tmp_path / "missing.pt"), "-o", str(output)]) == 3


def test_what_a_checkpoint_leaves_open_is_asked_for_in_options(other_checkpoint, tmp_path, capsys):
    path, weights = other_checkpoint
    words = ["export", str(path), "-o", str(tmp_path / "m.onnx"), "--no-verify"]
    assert main(words) == 3
    error = capsys.readouterr().err
    assert "give --pool avg (the default of MGN-pytorch) or --pool max" in error
    assert main([*words, "--pool", "avg", "--outputs", "all"]) == 3
    assert "logits --outputs all would give; give --outputs embedding" in capsys.readouterr().err
    assert main([*words, "--pool", "avg"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ours = {name.replace("backone.", "backbone."): x.numpy() for name, x in weights.items()}
    assert lines[1:] == [
        f"checkpoint sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}",
        f"weights sha256 {weights_sha256(ours)}",
    ]
    (tmp_path / "m.onnx").unlink()
