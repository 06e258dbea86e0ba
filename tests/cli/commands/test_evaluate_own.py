# SPDX-License-Identifier: Apache-2.0
"""Sets of one's own: the same pictures and labels in every form give the same figures."""

import csv
import json

import numpy as np
import pytest
import simplejpeg

from mgn_fast import Gallery, datasets
from mgn_fast.cli import main
from support.own_sets import FORMS, as_boxes, rows_of, write_table
from support.shared_data import shared_data


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, whole_command):
    """A drawn set without junk: the forms below have no word for a camera's junk."""
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=5)


def evaluated(capsys, *words):
    assert main(["evaluate", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def as_gallery(dataset, root, model):
    rows = {
        name: [
            {"path": str(path), "person": f"p{person}", "camera": f"c{camera}"}
            for split, path, person, camera in rows_of(dataset)
            if split == name
        ]
        for name in ("query", "gallery")
    }
    words = []
    for name, entries in rows.items():
        out = root / f"{name}.gallery"
        labels = write_table(root / f"{name}.csv", entries)
        # A set that is not split is embedded whole: labels that nobody asks for do no harm.
        extra = ["--same-picture", "keep", "--same-camera", "keep", "--json"]
        assert main(["evaluate", "--labels", str(labels), "--model", str(model), "--keep", str(out),
                     *extra]) == 0  # fmt: skip
        words += [f"--{name}", out]
    return words


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_set_gives_the_same_figures(drawn, tiny_model, tmp_path, capsys, form):
    expected = evaluated(capsys, drawn.root, "--kind", "synthetic", "--model", tiny_model)
    got = evaluated(capsys, *FORMS[form](drawn, tmp_path), "--model", tiny_model)
    assert (got["num_queries"], got["num_gallery"]) == (len(drawn.query), len(drawn.gallery))
    ours, theirs = (each["reports"]["plain"] for each in (got, expected))
    assert ours["mean_average_precision"] == theirs["mean_average_precision"]
    assert ours["cmc"] == theirs["cmc"]
    assert sorted(map(str, ours["average_precision"])) == sorted(
        map(str, theirs["average_precision"])
    )


def test_labelled_galleries_need_no_table(drawn, tiny_model, tmp_path, capsys):
    expected = evaluated(capsys, drawn.root, "--kind", "synthetic", "--model", tiny_model)
    words = as_gallery(drawn, tmp_path, tiny_model)
    capsys.readouterr()
    got = evaluated(capsys, *words)
    assert got["dataset"]["kind"] == "gallery"
    ours, theirs = (each["reports"]["plain"] for each in (got, expected))
    assert ours["mean_average_precision"] == theirs["mean_average_precision"]


@pytest.mark.parametrize("form", FORMS)
def test_real_pictures_in_every_form(tmp_path, capsys, form, full_size_network):
    street = shared_data("pictures", "street")
    osnet = shared_data("models", "osnet_x0_25_msmt17.onnx")
    options = ("--model", osnet, "--contract", "torchreid", "--interpolation", "opencv-bilinear")
    dataset = datasets.load_dataset(street)
    expected = evaluated(capsys, street, *options)
    assert expected["reports"]["plain"]["mean_average_precision"] > 0.99
    got = evaluated(capsys, *FORMS[form](dataset, tmp_path), *options)
    ours, theirs = (each["reports"]["plain"] for each in (got, expected))
    assert ours["mean_average_precision"] == theirs["mean_average_precision"]
    assert ours["cmc"] == theirs["cmc"]


@pytest.fixture
def random_set(tmp_path):
    """100 persons of two pictures each, random rows, in every form that the command takes."""
    rows = np.random.default_rng(0).standard_normal((200, 32)).astype(np.float32)
    names = [f"{place}.jpg" for place in range(200)]
    labels = [{"path": name, "person": f"p{place // 2}"} for place, name in enumerate(names)]
    write_table(tmp_path / "labels.csv", labels)
    np.save(tmp_path / "rows.npy", rows)
    (tmp_path / "rows.txt").write_text("\n".join(names))
    by_name = {name: {"person": f"p{place // 2}"} for place, name in enumerate(names)}
    Gallery.of(rows, names, labels=by_name).save(tmp_path / "rows.gallery")
    return tmp_path


@pytest.mark.parametrize("suffix", [".npy", ".gallery"])
@pytest.mark.parametrize("labels", [True, False])
def test_random_rows_score_as_chance_does(random_set, capsys, suffix, labels):
    if suffix == ".npy" and not labels:
        pytest.skip("rows without a table and without labels of their own: nobody is on them")
    file = random_set / f"rows{suffix}"
    words = ["--query", file, "--gallery", file]
    words += ["--labels", random_set / "labels.csv"] if labels else []
    got = evaluated(capsys, *words)["reports"]["plain"]
    # Of 199 others one is a match: the mean precision of a random ranking is H(199) / 199 = 0.030.
    assert got["mean_average_precision"] < 0.06
    assert got["cmc"][0] < 0.05
    assert any("200 of 200 queries are pictures of the gallery too" in n for n in got["notes"])
    assert main(["evaluate", *map(str, words)]) == 0
    assert "note: 200 of 200 queries are pictures of the gallery too" in capsys.readouterr().out


def test_random_pictures_score_as_chance_does(tmp_path, tiny_model, capsys):
    random = np.random.default_rng(3)
    for place in range(60):
        folder = tmp_path / "set" / f"p{place // 2}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (32, 16, 3), dtype=np.uint8)
        (folder / f"{place}.jpg").write_bytes(simplejpeg.encode_jpeg(pixels))
    got = evaluated(capsys, tmp_path / "set", "--kind", "folders", "--model", tiny_model)
    report = got["reports"]["plain"]
    assert report["mean_average_precision"] < 0.25
    assert any("60 of 60 queries" in note for note in report["notes"])
    words = ("--kind", "folders", "--model", tiny_model, "--same-picture", "keep")
    kept = evaluated(capsys, tmp_path / "set", *words)["reports"]["plain"]
    assert kept["cmc"][0] == 1
    assert any("60 of 60 queries have a gallery picture at distance 0" in n for n in kept["notes"])


def test_rows_in_another_order_are_found_by_their_names(random_set, capsys):
    expected = evaluated(
        capsys, "--labels", random_set / "labels.csv", "--query", random_set / "rows.npy",
        "--gallery", random_set / "rows.npy",
    )  # fmt: skip
    rows, names = np.load(random_set / "rows.npy"), (random_set / "rows.txt").read_text().split()
    order = np.random.default_rng(5).permutation(200)
    np.save(random_set / "other.npy", rows[order])
    (random_set / "other.csv").write_text("\n".join(["name", *(names[n] for n in order)]))
    got = evaluated(
        capsys, "--labels", random_set / "labels.csv", "--query", random_set / "other.npy",
        "--gallery", random_set / "rows.npy",
    )  # fmt: skip
    assert got["reports"] == expected["reports"]


def test_the_table_is_written_as_csv(random_set, capsys):
    file, out = random_set / "rows.gallery", random_set / "figures.csv"
    evaluated(capsys, "--query", file, "--gallery", file, "--csv", out, "--rerank")
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["report"] for row in rows] == ["plain", "re-ranked"]
    assert float(rows[0]["mAP"]) < 0.06
    assert rows[0]["num_queries"] == "200"


def test_who_is_on_the_pictures_has_to_be_told(random_set, capsys):
    file = str(random_set / "rows.npy")
    assert main(["evaluate", "--query", file, "--gallery", file]) == 2
    assert "neither DATASET nor --labels is given" in capsys.readouterr().err


def test_files_that_are_missing_are_told_before_a_model_is_opened(tmp_path, capsys):
    table = write_table(
        tmp_path / "t.csv", [{"path": "a.jpg", "person": 1}, {"path": "b.jpg", "person": 1}]
    )
    assert main(["evaluate", "--labels", str(table), "--model", "none.onnx"]) == 3
    assert "2 of 2 files of" in capsys.readouterr().err


def test_pages_show_words_and_crops(drawn, tiny_model, tmp_path, capsys, plots):
    words = as_boxes(drawn, tmp_path)
    table = tmp_path / "boxes.csv"
    table.write_text(table.read_text().replace(",1,", ",Ann & Bo,"))
    page = tmp_path / "page.html"
    evaluated(capsys, *words, "--model", tiny_model, "--html", page, "--png", tmp_path / "s.png")
    html = page.read_text()
    assert "boxes.csv (csv)" in html
    assert "frame00000.png#7,11," in html
    assert "cannot be read" not in html
