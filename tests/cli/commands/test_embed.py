# SPDX-License-Identifier: Apache-2.0
import json
import time

import numpy as np
import pytest
import simplejpeg

from mgn_fast import Embedder, Gallery, simulator
from mgn_fast.cli import main
from mgn_fast.embedding.embeddings_file import read_embeddings
from mgn_fast.pictures import pixels
from mgn_fast.simulator import write_om
from support.late import late

Image = late("PIL.Image")
parquet = late("pyarrow.parquet")

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
    error = capsys.readouterr().err
    assert "notes.txt is no readable picture" in error
    assert "leave them out with --on-error skip" in error
    assert not (tmp_path / "e.npy").exists()
    assert run(tiny_model, tmp_path, directory, "--on-error", "skip", "--json") == 0
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert summary["count"] == 5
    assert [entry["name"] for entry in summary["skipped"]] == ["notes.txt"]
    assert f"skipped: {directory}/notes.txt is no readable picture" in captured.err
    description = json.loads((tmp_path / "e.json").read_text())
    assert [entry["name"] for entry in description["skipped"]] == ["notes.txt"]


def test_strangers_are_told_before_a_model_is_opened(directory, tmp_path, capsys):
    (directory / "a.txt").write_text("hello")
    (directory / "b.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    assert run(tmp_path / "none.onnx", tmp_path, directory) == 3
    error = capsys.readouterr().err
    assert "2 of 7 files are no readable pictures: 'a.txt', 'b.mp4'; the first: " in error
    assert "none.onnx" not in error


def test_a_list_a_pattern_and_a_table(tiny_model, directory, tmp_path, monkeypatch, capsys):
    (directory / "list").write_text("1.jpg\n0.jpg\n")
    assert run(tiny_model, tmp_path, "--list", directory / "list") == 0
    assert read_embeddings(tmp_path / "e.npy").names == ("1.jpg", "0.jpg")
    monkeypatch.chdir(directory)
    assert run(tiny_model, tmp_path, "[0-2].jpg", "-o", tmp_path / "e.parquet") == 0
    assert parquet.read_table(tmp_path / "e.parquet")["name"].to_pylist() == [
        "0.jpg", "1.jpg", "2.jpg",
    ]  # fmt: skip
    capsys.readouterr()
    assert run(tiny_model, tmp_path, "3.jpg", "-o", tmp_path / "e.csv", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["count"], summary["description"]) == (1, None)
    header, line = (tmp_path / "e.csv").read_text().splitlines()
    assert (header[:8], line.split(",")[0]) == ("name,0,1", "3.jpg")
    with Embedder(tiny_model) as embedder:
        expected = embedder("3.jpg")[0]
    np.testing.assert_array_equal(np.array(line.split(",")[1:], np.float32), expected)


@pytest.fixture
def frames(tmp_path, directory):
    """Two frames that hold the five pictures, MOTChallenge's rows of them, and who is on which."""
    (tmp_path / "frames").mkdir()
    lines = []
    for number, parts in ((1, "012"), (2, "34")):
        frame = np.full((100, 200, 3), 90, np.uint8)
        for place, name in enumerate(parts):
            frame[20:84, 50 * place : 50 * place + 32] = pixels.decode(directory / f"{name}.jpg")
            lines.append(f"{number},{name},{50 * place},20,32,64,1,1,1")
        Image.fromarray(frame).save(tmp_path / "frames" / f"{number:06}.png")
    (tmp_path / "gt.txt").write_text("\n".join(reversed(lines)))
    return tmp_path / "frames"


def test_boxes_in_frames_give_what_their_crops_give(
    tiny_model, directory, frames, tmp_path, capsys
):
    order = [2, 1, 0, 4, 3]
    with Embedder(tiny_model) as embedder:
        expected = embedder(directory)[order]
    words = [frames, "--boxes", tmp_path / "gt.txt"]
    assert run(tiny_model, tmp_path, *words, "--json") == 0
    got = read_embeddings(tmp_path / "e.npy")
    np.testing.assert_array_equal(got.rows, expected)
    assert got.names[0] == "000001.png#100,20,32,64"
    assert json.loads((tmp_path / "e.json").read_text())["persons"] == [str(p) for p in order]
    summary = json.loads(capsys.readouterr().out)
    assert [summary[name] for name in ("num_turned", "num_wide", "num_clipped")] == [0, 0, 0]
    assert run(tiny_model, tmp_path, *words, "-o", tmp_path / "e.gallery") == 0
    gallery = Gallery.load(tmp_path / "e.gallery")
    assert [gallery.name(place) for place in range(5)] == list(got.names)
    assert [gallery.label(place) for place in range(5)] == [{"person": str(p)} for p in order]
    np.testing.assert_array_equal(np.concatenate(gallery.segments), expected)
    capsys.readouterr()
    assert run(tiny_model, tmp_path, *words, "-o", tmp_path / "e.gallery") == 0
    assert "0 added, 5 known" in capsys.readouterr().out


def test_boxes_without_pixels_are_named(tiny_model, frames, tmp_path, capsys):
    (tmp_path / "b.csv").write_text(
        "frame,x,y,w,h\n000001.png,-5,20,32,64\n000001.png,300,20,32,64\n000002.png,1,1,0,5\n"
    )
    words = [frames, "--boxes", tmp_path / "b.csv"]
    assert run(tiny_model, tmp_path, *words) == 3
    assert "000001.png: box 300,20,32,64 lies outside the frame of 200 x" in capsys.readouterr().err
    assert run(tiny_model, tmp_path, *words, "--on-error", "skip") == 0
    captured = capsys.readouterr()
    assert "1 embeddings, 2 skipped" in captured.out
    assert "note: 1 box cut off at the edge of the frame" in captured.err
    assert "000002.png: box 1,1,0,5 is 0 x 5 pixels" in captured.err


def test_what_is_odd_of_pictures_is_said_once_and_exif_is_kept(
    tiny_model, tmp_path, picture, capsys
):
    folder = tmp_path / "pictures"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    for level, name in enumerate("ab"):
        Image.fromarray(np.rot90(picture)).save(
            folder / f"{name}.png", exif=exif, compress_level=level
        )
    Image.fromarray(picture).save(folder / "c.png")
    assert run(tiny_model, tmp_path, folder) == 0
    assert capsys.readouterr().err.splitlines() == [
        "note: 2 pictures turned by EXIF, taken as stored, as the recipe does (--exif apply turns "
        "them)",
        "note: 2 pictures wider than high, as crops of persons seldom are (--boxes cuts crops out "
        "of frames)",
    ]
    out = tmp_path / "e.gallery"
    assert run(tiny_model, tmp_path, folder, "--exif", "apply", "-o", out) == 0
    assert "note: 2 pictures turned upright, as EXIF says\n" in capsys.readouterr().err
    assert Gallery.load(out).contract.exif == "apply"
    # The gallery's own model goes on as the gallery says; another copy of it has to be told.
    rows = np.concatenate(Gallery.load(out).segments)
    np.testing.assert_allclose(rows, rows[[2, 2, 2]], atol=1e-6)
    assert main(["search", str(out), str(folder / "a.png"), "--json"]) == 0
    nearest = json.loads(capsys.readouterr().out)["queries"][0]["found"][0]
    assert nearest["distance"] == pytest.approx(0, abs=1e-3)
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(tiny_model.read_bytes())
    assert run(copy, tmp_path, folder, "-o", out) == 2
    assert "was embedded with exif 'apply'" in capsys.readouterr().err
    assert run(copy, tmp_path, folder, "-o", out, "--exif", "apply") == 0


def test_a_broken_picture_leaves_what_was_embedded_and_says_so(
    tiny_model, directory, tmp_path, capsys
):
    whole = (directory / "4.jpg").read_bytes()
    (directory / "4.jpg").write_bytes(whole[: len(whole) // 2])
    words = ["--batch-size", 1, "--lanes", 1, "--workers", 1]
    assert run(tiny_model, tmp_path, directory, *words) == 3
    note, error = capsys.readouterr().err.splitlines()
    assert note.startswith(f"note: {tmp_path / 'e.partial.npy'} keeps the ")
    assert note.endswith("an output that ends in .gallery goes on where it ended")
    assert "4.jpg is a damaged JPEG" in error
    got = read_embeddings(tmp_path / "e.partial.npy")
    with Embedder(tiny_model) as embedder:
        files = [directory / name for name in got.names]
        np.testing.assert_allclose(got.rows, embedder(files), atol=1e-6)
    assert not (tmp_path / "e.npy").exists()
    (directory / "4.jpg").write_bytes(whole)
    assert run(tiny_model, tmp_path, directory) == 0
    assert sorted(path.name for path in tmp_path.glob("e*")) == ["e.json", "e.npy"]


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
        (["-o", "e.txt"], 2, "expected '.npy' or '.parquet' or '.csv' or '.gallery'"),
        (["--boxes", "none.csv"], 3, "boxes 'none.csv' cannot be read"),
        (["--list", "none"], 3, "list 'none' cannot be read"),
        (["dog*"], 2, "nothing matches it as a pattern"),
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
