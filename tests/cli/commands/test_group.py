# SPDX-License-Identifier: Apache-2.0
import csv
import json

import numpy as np
import pytest

from mgn_fast import Gallery, group
from mgn_fast.cli import main

pytestmark = pytest.mark.usefixtures("whole_command")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """`a.gallery`: five persons with twelve pictures each, all but ten of them labelled."""
    place = tmp_path_factory.mktemp("crowd")
    random = np.random.default_rng(0)
    owner = np.arange(60) % 5
    rows = 4 * np.eye(5, 8)[owner] + 0.5 * random.standard_normal((60, 8))
    names = [f"{number:02}.jpg" for number in range(60)]
    labels = {name: {"person": f"p{owner[at]}"} for at, name in enumerate(names[:50])}
    Gallery.of(rows, names, labels).save(place / "a.gallery")
    return place


def run(place, *words):
    return main(["group", str(place / "a.gallery"), *map(str, words)])


def test_a_gallerys_pictures_are_grouped_by_person(crowd, tmp_path, capsys):
    assert run(crowd, "--k1", 12, "-o", tmp_path / "groups.csv") == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == f"60 pictures in {crowd / 'a.gallery'}: 5 groups, 0 alone"
    assert lines[1] == "groups by size: 5 of 12"
    assert lines[3] == "    0      12  00.jpg  (p0: 10, not known: 2)"
    assert lines[-1] == "adjusted Rand index 1.0000 against the labels of 50 pictures: 5 persons"
    assert captured.err == ""
    header, *rows = csv.reader((tmp_path / "groups.csv").read_text().splitlines())
    assert header == ["name", "group", "person"]
    assert [int(row[1]) for row in rows] == [number % 5 for number in range(60)]


def test_json_and_options_are_those_of_the_function(crowd, capsys):
    gallery = Gallery.load(crowd / "a.gallery")
    options = {"k1": 4, "k2": 1, "eps": 0.3, "min_pictures": 3}
    words = [
        word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)
    ]
    assert run(crowd, *words, "--threads", 1, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    expected = group(np.concatenate(gallery.segments), **options)
    got = np.full(60, -1)
    for entry in said["groups"]:
        got[[int(name[:2]) for name in entry["names"]]] = entry["group"]
    np.testing.assert_array_equal(got, expected)
    assert {name: said[name] for name in options} == options
    assert len(said["alone"]) == said["num_alone"] == (expected < 0).sum()


def test_where_most_are_neighbours_of_most_it_is_said(crowd, capsys):
    assert run(crowd, "--k1", 40) == 0
    assert "note: --k1 is 40 and there are 60 pictures" in capsys.readouterr().err


def test_a_page_of_the_groups_is_drawn(searched, tmp_path, capsys):
    page = tmp_path / "a.html"
    words = ["--k1", 3, "--k2", 1, "--html", page]
    assert run(searched, *words) == 0
    text = page.read_text()
    assert "groups in a.gallery" in text
    assert text.count("data:image/jpeg;base64,") == 12
    assert "k1 3, k2 1, Jaccard distance at most 0.5" in text
    assert "cannot be shown" not in text
    assert run(searched, *words, "--pictures", tmp_path / "elsewhere") == 0
    assert page.read_text().count("cannot be shown") == 12


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--eps", "1"], 2, "eps is 1.0, expected a number above 0 and below 1"),
        (["--k1", "0"], 2, "k1 is 0"),
        (["--min-pictures", "1"], 2, "min_pictures is 1"),
        (["-o", "groups.txt"], 2, "expected '.csv'"),
        (["--html", "groups.txt"], 2, "expected '.html'"),
        (["-o", "no/groups.csv"], 2, "cannot be written"),
    ],
)
def test_bad_arguments_end_with_their_code(
    crowd, tmp_path, monkeypatch, capsys, words, code, message
):
    monkeypatch.chdir(tmp_path)
    assert run(crowd, *words, "--html", "a.html", *words) == code
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_other_galleries_are_refused_by_name(tmp_path, capsys):
    assert run(tmp_path) == 3
    assert "a.gallery' cannot be read" in capsys.readouterr().err
    Gallery.of(np.empty((0, 5)), []).save(tmp_path / "a.gallery")
    assert run(tmp_path) == 3
    assert "a.gallery' holds no pictures" in capsys.readouterr().err
