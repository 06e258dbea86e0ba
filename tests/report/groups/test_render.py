# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.models.contract import Contract
from mgn_fast.report import draw_groups
from mgn_fast.report.groups import render
from mgn_fast.report.groups.render import ranked_groups
from support.page_parser import Page
from support.report_runs import HOSTILE, Searched, write_pictures

GROUPS = np.array([0, 1, -1, 1, 0, 2, 1, -1, 2], np.int32)


class Parsed(Page):
    """A page with pictures in it."""

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.handle_startendtag(tag, attrs)
        else:
            super().handle_starttag(tag, attrs)


@pytest.fixture
def gallery(tmp_path):
    return Searched(write_pictures(tmp_path, 9))


@pytest.fixture
def draw(gallery, tmp_path):
    def drawn(groups=GROUPS, **options):
        path = draw_groups(gallery, groups, tmp_path / "a.html", **options)
        return Parsed(path.read_text())

    return drawn


def test_groups_come_by_size_then_by_number():
    assert [(number, places.tolist()) for number, places in ranked_groups(GROUPS)] == [
        (1, [1, 3, 6]),
        (0, [0, 4]),
        (2, [5, 8]),
    ]
    assert ranked_groups(np.full(3, -1, np.int32)) == []


def test_each_group_has_its_pictures_and_their_names(draw, gallery):
    page = draw()
    assert page.of("h2") == ["group 1", "group 0", "group 2", "alone"]
    assert page.of("section")[0].startswith("group 1 3 pictures")
    names = [gallery.name(place) for place in (1, 3, 6, 0, 4, 5, 8, 2, 7)]
    assert page.of("span", kind="name") == names
    images = [has for tag, has in page.tags if tag == "img"]
    assert len(images) == 9
    assert {has["src"][:23] for has in images} == {"data:image/jpeg;base64,"}
    assert len({has["src"] for has in images}) == 9
    numbers = dict(zip(page.of("dt"), page.of("dd"), strict=True))
    assert numbers == {"pictures": "9", "groups": "3", "alone": "2"}


def test_labels_tell_who_is_in_a_group(draw, gallery):
    gallery.labels = {1: {"person": "ann", "camera": "2"}, 3: {"person": "bob"}}
    page = draw(facts={"adjusted Rand index": "0.5000"}, notes=["A note."])
    assert page.of("section")[0].startswith("group 1 3 pictures · ann: 1, bob: 1, not known: 1")
    assert "person ann cam 2" in page.of("section")[0]
    assert page.of("dd")[-1] == "0.5000"
    assert "A note." in page.all_text


def test_what_is_left_out_is_said(draw, monkeypatch):
    monkeypatch.setattr(render, "MOST_GROUPS", 2)
    monkeypatch.setattr(render, "MOST_PICTURES", 2)
    page = draw()
    assert page.of("h2") == ["group 1", "group 0", "alone"]
    assert "The 2 largest of 3 groups are shown." in page.all_text
    assert "3 pictures · the first 2 are shown" in page.of("section")[0]
    assert "the first" not in page.of("section")[1]


def test_a_file_that_changed_or_went_is_said_to_have(draw, gallery):
    gallery.picture_path(1).write_bytes(gallery.picture_path(2).read_bytes())
    gallery.picture_path(3).unlink()
    first = draw().of("section")[0]
    assert "changed since it was embedded" in first
    assert first.count("cannot be shown") == 1


def test_pictures_may_be_somewhere_else(draw, tmp_path):
    assert draw(pictures=tmp_path / "elsewhere").all_text.count("cannot be shown") == 9


def test_no_groups_and_nobody_alone_are_no_trouble(draw):
    assert draw(np.full(9, -1, np.int32)).of("h2") == ["alone"]
    assert draw(np.zeros(9, np.int32)).of("h2") == ["group 0"]


def test_names_are_text(draw, gallery, tmp_path):
    gallery.labels = {1: {"person": HOSTILE}}
    gallery.name = lambda place: HOSTILE
    gallery.files = (tmp_path / "x.gallery",)
    gallery.contract = Contract(colour="BGR", origin=HOSTILE)
    page = draw(notes=[HOSTILE])
    assert [tag for tag, _ in page.tags if tag in ("script", "b")] == []
    assert "groups in x.gallery" in page.all_text


def test_what_cannot_be_drawn_is_refused(gallery, tmp_path):
    with pytest.raises(InvalidInputError, match="groups has 3 entries for 9 pictures"):
        draw_groups(gallery, GROUPS[:3], tmp_path / "a.html")
    with pytest.raises(InvalidInputError, match=r"expected '\.html'"):
        draw_groups(gallery, GROUPS, tmp_path / "a.txt")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jpg"] * 9


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)])
def test_in_a_browser_nothing_is_wrong(draw, tmp_path, chromium, width, dark):
    draw()
    page = chromium.open((tmp_path / "a.html").as_uri(), width=width, dark=dark, scripts=True)
    assert page.problems == []
    assert page.overflow <= 0
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
