# SPDX-License-Identifier: Apache-2.0
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mgn_fast import Gallery, datasets
from mgn_fast.cli import main


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, whole_command):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=5)


def evaluated(capsys, *words):
    assert main(["evaluate", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def synthetic(drawn):
    return drawn.root, "--kind", "synthetic"


def paths_of(drawn):
    return [*drawn.query.paths, *drawn.gallery.paths]


def keep_words(drawn, model, gallery):
    words = ["evaluate", str(drawn.root), "--kind", "synthetic", "--model", str(model)]
    return [*words, "--keep", str(gallery), "--json", "--batch-size", "1", "--lanes", "1"]


def test_what_is_kept_is_what_the_next_call_reads(drawn, tiny_model, tmp_path, capsys):
    gallery = tmp_path / "k.gallery"
    expected = evaluated(capsys, *synthetic(drawn), "--model", tiny_model)
    words = (drawn.root, "--kind", "synthetic", "--keep", gallery)
    assert evaluated(capsys, *words, "--model", tiny_model)["reports"] == expected["reports"]
    content = gallery.read_bytes()
    assert evaluated(capsys, *words)["reports"] == expected["reports"]
    assert evaluated(capsys, *words, "--model", tiny_model)["reports"] == expected["reports"]
    assert gallery.read_bytes() == content
    kept = Gallery.load(gallery)
    assert len(kept) == len(paths_of(drawn))
    places = {str(kept.picture_path(place).absolute()): place for place in range(len(kept))}
    label = kept.label(places[str(drawn.query.paths[0].absolute())])
    assert label == {"person": str(drawn.query.person[0]), "camera": str(drawn.query.camera[0])}


def test_a_run_that_is_killed_goes_on_where_it_was(
    drawn, tiny_model, tmp_path, capsys, own_process
):
    undisturbed, gallery = tmp_path / "u.gallery", tmp_path / "k.gallery"
    assert main(keep_words(drawn, tiny_model, undisturbed)) == 0
    expected = json.loads(capsys.readouterr().out.splitlines()[-1])
    total = len(Gallery.load(undisturbed))
    program = (
        "import sys; from mgn_fast.gallery import build; build.COMMIT_ROWS = 2\n"
        "from mgn_fast.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, *keep_words(drawn, tiny_model, gallery)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until and running.poll() is None:
        if gallery.exists() and len(Gallery.load(gallery)) >= total // 2:
            running.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    running.wait()
    before = len(Gallery.load(gallery))
    assert before > 0
    assert main(keep_words(drawn, tiny_model, gallery)) == 0
    got = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(Gallery.load(gallery)) == total
    assert got["reports"] == expected["reports"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--keep", "k.npy"), 2, "ends in '.npy', expected '.gallery'"),
        (("--keep", "none.gallery"), 2, "which is not there; give --model"),
        (("--keep", "k.gallery", "--query", "q.npy", "--gallery", "g.npy"), 2, "give --model, or"),
    ],
)
def test_a_gallery_to_keep_has_to_be_one(
    drawn, tmp_path, capsys, monkeypatch, words, code, message
):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", str(drawn.root), "--kind", "synthetic", *words]) == code
    assert message in capsys.readouterr().err


def test_what_a_gallery_lacks_is_named(drawn, tmp_path, capsys):
    Gallery.of(np.eye(2, dtype=np.float32), ["a", "b"]).save(tmp_path / "rows.gallery")
    words = ["evaluate", str(drawn.root), "--kind", "synthetic"]
    assert main([*words, "--keep", str(tmp_path / "rows.gallery")]) == 3
    err = capsys.readouterr().err
    assert f"lacks {len(drawn.query)} of {len(drawn.query)} pictures, the first" in err
    assert "give --model to embed them" in err
