# SPDX-License-Identifier: Apache-2.0
import re
import shutil

import cv2
import pytest

from mgn_fast import Embedder, Gallery
from mgn_fast.cli import main

pytestmark = pytest.mark.usefixtures("whole_command")


def run(place, *words):
    return main(["search", str(place / "a.gallery"), *map(str, words)])


def data_of(path):
    """All texts that the page's lists are made of."""
    text = path.read_text()
    return " ".join(re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S))


@pytest.fixture
def moved(searched, tmp_path):
    """The whole place somewhere else, free to be changed."""
    return shutil.copytree(searched, tmp_path / "moved")


def test_a_page_and_a_sheet_are_drawn(searched, tmp_path, capsys):
    page, sheet = tmp_path / "a.html", tmp_path / "a.png"
    query = searched / "pictures" / "004.jpg"
    assert run(searched, query, "--depth", 3, "--parts", "--html", page, "--png", sheet) == 0
    text = data_of(page)
    assert "004.jpg" in text
    assert "12 pictures embedded with tiny.onnx" in page.read_text()
    assert cv2.imread(str(sheet)).shape[2] == 3
    assert "changed since" not in text


def test_a_picture_that_changed_or_went_is_said_to_have(moved, tmp_path):
    pictures = moved / "pictures"
    (pictures / "003.jpg").write_bytes((pictures / "005.jpg").read_bytes())
    (pictures / "007.jpg").unlink()
    page = tmp_path / "a.html"
    assert run(moved, moved / "rows.npy", "--depth", 12, "--html", page) == 0
    text = data_of(page)
    assert "changed since it was embedded" in text
    assert "cannot be read" in text


def test_pictures_may_be_somewhere_else(moved, tmp_path):
    shutil.move(moved / "pictures", tmp_path / "elsewhere")
    page = tmp_path / "a.html"
    assert run(moved, moved / "rows.npy", "--html", page) == 0
    assert "cannot be read" in data_of(page)
    assert run(moved, moved / "rows.npy", "--html", page, "--pictures", tmp_path / "elsewhere") == 0
    assert "cannot be read" not in data_of(page)


def test_an_index_says_on_the_page_how_well_it_finds(searched, tmp_path):
    page = tmp_path / "a.html"
    words = [searched / "rows.npy", "--index", tmp_path / "a.faiss", "--html", page]
    assert run(searched, *words) == 0
    assert "finds 100.0% of the truly nearest 10" in page.read_text()


def test_a_refused_search_leaves_no_page(searched, tmp_path, capsys):
    assert run(searched, searched / "rows.npy", "--depth", 0, "--html", tmp_path / "a.html") == 2
    assert list(tmp_path.iterdir()) == []
    assert run(searched, searched / "rows.npy", "--html", tmp_path / "a.txt") == 2
    assert "expected '.html'" in capsys.readouterr().err


@pytest.fixture
def known(searched, tmp_path):
    """`a.gallery` in which the persons of four pictures are known, and who is on two of them."""
    pictures = [searched / "pictures" / f"{number:03}.jpg" for number in range(4)]
    who = dict(zip(map(str, pictures), ("ann", "ann", "bob", "bob"), strict=True))
    with Embedder(searched / "tiny.onnx") as embedder:
        labels = {path: {"person": person} for path, person in who.items()}
        others = [searched / "pictures" / "004.jpg"]
        Gallery.add(tmp_path / "a.gallery", embedder, [*pictures, *others], labels=labels)
    return tmp_path


def test_persons_that_are_known_give_verdicts(searched, known, chromium):
    (known / "queries").mkdir()
    for name, number in (("own.jpg", 0), ("stranger.jpg", 7)):
        source = searched / "pictures" / f"{number:03}.jpg"
        (known / "queries" / name).write_bytes(source.read_bytes())
    (known / "who.csv").write_text("path,person\nqueries/stranger.jpg,carl\n")
    page, sheet = known / "a.html", known / "a.png"
    words = [known / "queries", "--labels", known / "who.csv", "--html", page, "--png", sheet]
    assert run(known, *words) == 0
    shown = chromium.open(page.as_uri())
    text = shown.evaluate("document.querySelector('header').textContent")
    assert "who is on them is said by the gallery's labels, for 7 of the 9 that were found" in text
    assert "who.csv" in text
    own, stranger = shown.evaluate(
        "[...document.querySelectorAll('article')].map(list => ({"
        "facts: list.querySelector('.facts-of-list').textContent,"
        "verdicts: [...list.querySelectorAll('li > .tile')].map(t => t.className.split(' ')[1]),"
        "captions: [...list.querySelectorAll('li .caption')].map(c => c.textContent)}))"
    )
    assert sorted(own["verdicts"]) == ["match", "other", "other", "unknown"]
    assert own["facts"].startswith("person ann · ")
    assert sorted(stranger["verdicts"]) == ["other"] * 4 + ["unknown"]
    assert stranger["facts"] == "person carl · no match among these"
    place = own["verdicts"].index("match")
    assert "person ann" in own["captions"][place]
    assert own["captions"][place].endswith("001.jpg")
    shown.evaluate(
        "field = document.getElementById('controls').elements['failures'], field.checked = true,"
        "field.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    names = "[...document.querySelectorAll('article:not([hidden]) h3')].map(h => h.textContent)"
    failures = [name.rpartition("/")[2] for name in shown.evaluate(names)]
    assert failures == ["own.jpg"] * (place > 0) + ["stranger.jpg"]
    assert shown.problems == []


def test_a_page_of_several_pictures_and_galleries_says_so(searched, known):
    page = known / "a.html"
    words = [searched / "pictures", "--together", "--threshold", "0.001", "--html", page]
    assert run(known, searched / "a.gallery", *words) == 0
    assert "search in a.gallery and a.gallery" in page.read_text()
    assert "Only pictures within the distance 0.001." in page.read_text()
    data = data_of(page)
    assert "one query with 001.jpg, 002.jpg" in data
    assert "no picture within 0.001" in data


@pytest.mark.parametrize("width", [400, 1600])
def test_in_a_browser_the_page_is_whole(searched, chromium, tmp_path, width):
    page_path = tmp_path / "a.html"
    assert run(searched, searched / "pictures", "--parts", "--html", page_path) == 0
    page = chromium.open(page_path.as_uri(), width=width)
    assert page.problems == []
    assert page.overflow <= 0
    assert page.evaluate("document.images.length") >= 11
    assert page.evaluate("[...document.images].every(image => image.alt !== null)")
