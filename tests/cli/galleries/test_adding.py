# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import Embedder, Gallery
from mgn_fast.cli import main
from support import galleries
from support.tiny_model import FOREIGN, write_tiny_model

pytestmark = pytest.mark.usefixtures("whole_command")


@pytest.fixture
def folder(tmp_path):
    return galleries.write_pictures(tmp_path / "pictures", 6)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.gallery"


def run(model, path, *words):
    return main(["embed", "--model", str(model), "-o", str(path), *map(str, words)])


def test_a_directory_becomes_a_gallery_and_grows(tiny_model, folder, path, capsys):
    assert run(tiny_model, path, folder) == 0
    assert "a.gallery: 6 pictures; 6 added, 0 known, 0 skipped, " in capsys.readouterr().out
    with Embedder(tiny_model) as embedder:
        np.testing.assert_array_equal(np.concatenate(Gallery.load(path).segments), embedder(folder))
    galleries.write_pictures(folder, 2, seed=1, first=50)
    assert run(tiny_model, path, folder, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["num_pictures"], summary["num_added"], summary["num_known"]) == (8, 2, 6)


def test_second_names_and_files_that_moved_are_told(tiny_model, folder, path, capsys):
    run(tiny_model, path, folder)
    (folder / "000.jpg").rename(folder / "moved.jpg")
    (folder / "second.jpg").write_bytes((folder / "001.jpg").read_bytes())
    capsys.readouterr()
    assert run(tiny_model, path, folder) == 0
    told = capsys.readouterr().out
    assert told.endswith(
        "7 pictures; 1 added (1 with the bytes of others), 5 known, 1 moved, 0 skipped\n"
    )
    assert run(tiny_model, path, folder, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["num_known"], summary["num_copied"], summary["num_moved"]) == (7, 0, 0)


def test_nothing_new_is_no_error(tiny_model, folder, path, capsys):
    run(tiny_model, path, folder)
    before = path.read_bytes()
    assert run(tiny_model, path, folder) == 0
    assert capsys.readouterr().out.endswith("0 added, 6 known, 0 skipped\n")
    assert path.read_bytes() == before


def test_float16_halves_the_rows(tiny_model, folder, path):
    assert run(tiny_model, path, folder, "--dtype", "float16") == 0
    assert Gallery.load(path).dtype == np.float16


def test_files_and_directories_may_be_mixed(tiny_model, folder, path):
    assert run(tiny_model, path, folder / "003.jpg", folder) == 0
    gallery = Gallery.load(path)
    assert len(gallery) == 6
    assert gallery.name(0) == str(folder / "003.jpg")
    assert gallery.picture_path(0).samefile(folder / "003.jpg")


def test_what_was_embedded_before_a_bad_picture_is_kept(tiny_model, folder, path, capsys):
    (folder / "zzz.jpg").write_bytes((folder / "000.jpg").read_bytes()[:300])
    assert run(tiny_model, path, folder, "--batch-size", 1, "--lanes", 1) == 3
    assert "zzz.jpg is a damaged JPEG" in capsys.readouterr().err
    assert 0 < len(Gallery.load(path)) <= 6
    assert run(tiny_model, path, folder, "--on-error", "skip") == 0
    captured = capsys.readouterr()
    assert "1 skipped" in captured.out
    assert "skipped: " in captured.err
    assert len(Gallery.load(path)) == 6


def test_a_gallery_of_nothing_is_an_error(tiny_model, tmp_path, path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    assert run(tiny_model, path, tmp_path / "in", "--on-error", "skip") == 3
    assert "none of 1 pictures can be decoded" in capsys.readouterr().err


def test_another_models_pictures_are_refused(tiny_model, folder, path, tmp_path, capsys):
    run(tiny_model, path, folder)
    before = path.read_bytes()
    galleries.write_pictures(folder, 1, seed=1, first=50)
    assert run(write_tiny_model(tmp_path / "other.onnx", seed=1), path, folder) == 3
    assert "expected at least 0.998" in capsys.readouterr().err
    assert run(tiny_model, path, folder, "--no-mirror") == 2
    assert "was embedded with the mirrored picture" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "e.npy", "--dtype", "float16"], "which is for galleries"),
        (["-o", "missing/a.gallery"], "expected an existing directory"),
        (["-o", "pictures/a.gallery"], "expected a place outside it"),
        (["--dtype", "float16"], "holds float32"),
    ],
)
def test_bad_arguments_are_usage_errors(
    tiny_model, folder, path, capsys, monkeypatch, words, message
):
    monkeypatch.chdir(folder.parent)
    run(tiny_model, path, "pictures")
    assert run(tiny_model, path, "pictures", *words) == 2
    assert message in capsys.readouterr().err


SLOW = """
import sys, time
from mgn_fast.cli import main
from mgn_fast.embedding.reading import Reader
prepared = Reader.prepared
def slow(*arguments):
    time.sleep(0.1)
    print("decoded", flush=True)
    return prepared(*arguments)
Reader.prepared = slow
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.usefixtures("own_process")
def test_ctrl_c_keeps_what_is_embedded_and_the_next_run_goes_on(tiny_model, tmp_path, path):
    folder = galleries.write_pictures(tmp_path / "many", 60)
    words = ["embed", folder, "--model", tiny_model, "-o", path, "--batch-size", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *map(str, words), "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            for _ in range(20):
                assert process.stdout.readline() == "decoded\n"
            os.kill(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in said
    kept = len(Gallery.load(path))
    assert 0 < kept < 60
    assert run(tiny_model, path, folder, "--json") == 0
    assert len(Gallery.load(path)) == 60


def test_a_gallery_remembers_the_contract_that_was_stated(folder, path, tmp_path, capsys):
    model = write_tiny_model(tmp_path / "foreign.onnx", contract=FOREIGN, stored=False)
    (tmp_path / "m.json").write_text(FOREIGN.to_json())
    assert run(model, path, folder) == 3
    assert "state its contract" in capsys.readouterr().err
    assert not path.exists()
    assert run(model, path, folder, "--contract", tmp_path / "m.json") == 0
    galleries.write_pictures(folder, 2, seed=1, first=50)
    capsys.readouterr()
    assert run(model, path, folder) == 0
    captured = capsys.readouterr()
    assert "foreign.onnx is from gallery" in captured.err
    assert "64x32 BGR, pillow-bilinear" in captured.err
    assert "8 pictures; 2 added, 6 known" in captured.out
    with Embedder(model, contract=FOREIGN) as embedder:
        np.testing.assert_array_equal(np.concatenate(Gallery.load(path).segments), embedder(folder))


def test_pictures_prepared_otherwise_are_refused(folder, path, tmp_path, capsys):
    model = write_tiny_model(tmp_path / "foreign.onnx", contract=FOREIGN, stored=False)
    (tmp_path / "m.json").write_text(FOREIGN.to_json())
    words = ["--contract", tmp_path / "m.json"]
    assert run(model, path, folder, *words) == 0
    before = path.read_bytes()
    assert run(model, path, folder, *words, "--colour", "RGB") == 3
    assert "m.json with colour given and has colour RGB instead of BGR" in capsys.readouterr().err
    assert run(model, path, folder, *words, "--interpolation", "pillow-bicubic") == 0
    assert "warning: " in capsys.readouterr().err
    assert path.read_bytes() == before


def test_embeddings_that_are_not_of_length_1_make_no_gallery(folder, path, tmp_path, capsys):
    contract = replace(FOREIGN, normalise=False)
    model = write_tiny_model(tmp_path / "foreign.onnx", contract=contract)
    assert run(model, path, folder) == 2
    assert "has normalise False" in capsys.readouterr().err
    assert not path.exists()
