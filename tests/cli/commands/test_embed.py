# SPDX-License-Identifier: Apache-2.0
import json
import time

import numpy as np
import pytest
import simplejpeg

from mgn_fast import Embedder, simulator
from mgn_fast.cli import main
from mgn_fast.embedding.embeddings_file import read_embeddings
from mgn_fast.pictures import pixels
from mgn_fast.simulator import write_om

pytestmark = pytest.mark.usefixtures("whole_command")


@pytest.fixture
def directory(tmp_path, random):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(5):
        pixels = random.integers(0, 256, (64, 32, 3), dtype=np.uint8)
        (folder / f"{index}.jpg").write_bytes(simplejpeg.encode_jpeg(pixels))
    return folder


def run(tiny_model, tmp_path, *words):
    return main(
        ["embed", "--model", str(tiny_model), "-o", str(tmp_path / "e.npy"), *map(str, words)]
    )


def test_a_directory_becomes_rows_with_names(tiny_model, directory, tmp_path, capsys):
    assert run(tiny_model, tmp_path, directory) == 0
    assert "5 embeddings, 0 skipped" in capsys.readouterr().out
    got = read_embeddings(tmp_path / "e.npy")
    assert got.names == tuple(f"{index}.jpg" for index in range(5))
    with Embedder(tiny_model) as embedder:
        np.testing.assert_array_equal(got.rows, embedder(directory))


def test_the_last_line_says_what_bounded_the_rate(
    tiny_model, directory, tmp_path, monkeypatch, capsys
):
    decoded = pixels.decoded

    def slowly(source, **options):
        time.sleep(0.1)
        return decoded(source, **options)

    monkeypatch.setattr("mgn_fast.embedding.reading.decoded", slowly)
    assert run(tiny_model, tmp_path, directory, "--workers", 1) == 0
    assert capsys.readouterr().out.endswith(" pictures/s, bound by decoding\n")


def test_files_and_directories_may_be_mixed(tiny_model, directory, tmp_path):
    extra = tmp_path / "extra.jpg"
    extra.write_bytes((directory / "0.jpg").read_bytes())
    assert run(tiny_model, tmp_path, extra, directory) == 0
    names = read_embeddings(tmp_path / "e.npy").names
    assert names == (str(extra), *(str(directory / f"{index}.jpg") for index in range(5)))


def test_the_same_picture_twice_is_a_usage_error(tiny_model, directory, tmp_path, capsys):
    assert run(tiny_model, tmp_path, directory / "0.jpg", directory) == 2
    assert "comes twice" in capsys.readouterr().err
    assert not (tmp_path / "e.npy").exists()


def test_a_text_among_the_pictures_is_named_or_skipped(tiny_model, directory, tmp_path, capsys):
    (directory / "notes.txt").write_text("hello")
    assert run(tiny_model, tmp_path, directory) == 3
    assert "notes.txt is no readable picture" in capsys.readouterr().err
    assert not (tmp_path / "e.npy").exists()
    assert run(tiny_model, tmp_path, directory, "--on-error", "skip", "--json") == 0
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert summary["count"] == 5
    assert [entry["name"] for entry in summary["skipped"]] == ["notes.txt"]
    assert f"skipped: {directory}/notes.txt is no readable picture" in captured.err
    description = json.loads((tmp_path / "e.json").read_text())
    assert [entry["name"] for entry in description["skipped"]] == ["notes.txt"]


def test_options_reach_the_embedder(tiny_model, directory, tmp_path):
    assert (
        run(
            tiny_model,
            tmp_path,
            directory,
            "--no-mirror",
            "--lanes",
            "1",
            "--batch-size",
            "3",
            "--threads",
            "1",
            "--workers",
            "1",
        )
        == 0
    )
    with Embedder(tiny_model, mirror=False) as embedder:
        expected = embedder(directory)
    np.testing.assert_allclose(read_embeddings(tmp_path / "e.npy").rows, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["missing/"], 3, "'missing' cannot be read"),
        (["--lanes", "0"], 2, "lanes is 0"),
        (["--model", "missing.onnx"], 3, "'missing.onnx' cannot be read"),
        (["-o", "missing/e.npy"], 2, "'missing/e.npy' cannot be written"),
        (["-o", "e.txt"], 2, "expected '.npy'"),
    ],
)
def test_bad_arguments_end_with_their_code(
    tiny_model, directory, tmp_path, capsys, words, code, message
):
    pictures = [] if words == ["missing/"] else [str(directory)]
    assert run(tiny_model, tmp_path, *pictures, *words) == code
    assert message in capsys.readouterr().err


def test_an_empty_directory_is_a_usage_error(tiny_model, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(tiny_model, tmp_path, tmp_path / "empty") == 2
    assert "holds no pictures" in capsys.readouterr().err


def test_skipping_every_picture_is_an_error(tiny_model, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    assert run(tiny_model, tmp_path, tmp_path / "in", "--on-error", "skip") == 3
    assert "none of 1 pictures can be decoded" in capsys.readouterr().err
    assert not (tmp_path / "e.npy").exists()


def test_an_output_among_the_pictures_is_refused(tiny_model, directory, tmp_path, capsys):
    assert run(tiny_model, tmp_path, directory, "-o", directory / "e.npy") == 2
    assert "expected a place outside it" in capsys.readouterr().err


def test_an_empty_path_is_not_the_current_directory(tiny_model, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        run(tiny_model, tmp_path, "")
    assert end.value.code == 2
    assert "the path is empty" in capsys.readouterr().err


def test_names_cannot_command_the_terminal(tiny_model, directory, tmp_path, capsys):
    name = "x\x1b[31m\nmgn-fast: all is well.jpg"
    (directory / name).write_bytes(b"")
    assert run(tiny_model, tmp_path, directory) == 3
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert error.count("\n") == 1


def test_an_om_runs_on_a_simulated_npu(tiny_model, directory, tmp_path, capsys):
    assert run(tiny_model, tmp_path, directory) == 0
    wanted = read_embeddings(tmp_path / "e.npy").rows
    model = write_om(tmp_path / "tiny.om", onnx=tiny_model, batch_sizes=(1, 4))
    try:
        assert run(model, tmp_path, directory, "--simulate", "--device", "0", "--lanes", 3) == 0
    finally:
        simulator.disable()
    assert "Ascend310P3 is simulated" in capsys.readouterr().err
    np.testing.assert_allclose(read_embeddings(tmp_path / "e.npy").rows, wanted, atol=1e-6)


def test_an_om_without_an_npu_is_exit_code_4(tmp_path, directory, monkeypatch, capsys):
    monkeypatch.setenv("MGN_FAST_ASCENDCL", "/nowhere.so")
    model = write_om(tmp_path / "mgn.om")
    assert run(model, tmp_path, directory) == 4
    assert "/nowhere.so" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["x", "0,,1", "-"])
def test_a_device_that_is_no_number_is_a_usage_error(tiny_model, directory, tmp_path, device):
    with pytest.raises(SystemExit) as error:
        run(tiny_model, tmp_path, directory, "--device", device)
    assert error.value.code == 2
