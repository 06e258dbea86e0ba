# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, evaluate
from mgn_fast.evaluation.protocol import Protocol, unmatched
from mgn_fast.evaluation.sides import sides_of

ROWS = np.arange(12.0, dtype=np.float32).reshape(6, 2)
WHO = Identities([1, 1, 2, 2, 3, 3])


def own_of(query, gallery, **options):
    who = Identities(np.ones(len(query), int)), Identities(np.ones(len(gallery), int))
    sides = sides_of(*who, "keep", embeddings=(query, gallery), **options)
    return None if sides.own is None else sides.own.tolist()


@pytest.mark.parametrize(
    ("query", "gallery", "own"),
    [
        (ROWS, ROWS, [0, 1, 2, 3, 4, 5]),
        (ROWS[2:4], ROWS, [2, 3]),
        (ROWS, ROWS[2:4], [-1, -1, 0, 1, -1, -1]),
        (ROWS[::2], ROWS, [0, 2, 4]),
        (ROWS[::-1], ROWS, [5, 4, 3, 2, 1, 0]),
        (ROWS[4:], ROWS[::2], [2, -1]),
        (ROWS, ROWS.copy(), None),
        (ROWS[:3], ROWS[3:], None),
        (ROWS[:, :1], ROWS[:, 1:], None),
        (np.broadcast_to(ROWS[:1], (6, 2)), ROWS, None),
        (ROWS.tolist(), ROWS, None),
        (ROWS.view(np.int32), ROWS, None),
    ],
)
def test_rows_that_are_the_same_memory_are_the_same_picture(query, gallery, own):
    assert own_of(query, gallery) == own
    assert own_of(query, gallery, same_picture="keep") is None


def test_pictures_known_by_the_same_are_the_same():
    query = Identities([1, 2], pictures=["b", "x"])
    gallery = Identities([3, 1], pictures=["a", "b"])
    assert sides_of(query, gallery, "keep").own.tolist() == [1, -1]
    assert sides_of(query, gallery, "keep", same_picture="keep").own is None
    other = Identities([3, 1], pictures=["a", "c"])
    assert sides_of(query, other, "keep").own is None


def test_one_picture_has_one_person_and_one_camera():
    query = Identities([1], [1], pictures=["a"])
    for labels, what in (([2], [1]), "persons 1 and 2"), (([1], [2]), "cameras 1 and 2"):
        gallery = Identities(*labels, pictures=["a"])
        with pytest.raises(InvalidInputError, match=f"row 0 .* are one picture, with {what}"):
            sides_of(query, gallery, "drop")
    with pytest.raises(InvalidInputError, match="lists picture 'a' twice"):
        sides_of(query, Identities([1, 1], [1, 1], pictures=["a", "a"]), "drop")


@pytest.mark.parametrize(
    ("same_camera", "has_cameras", "removed"),
    [
        # By rule and cameras: which of person 1's pictures leave the first query's ranking.
        ("drop", True, [0, 1]),
        ("drop", False, [0]),
        ("keep", True, [0]),
        ("keep", False, [0]),
        ("separate", True, [0, 1, 3]),
    ],
)
def test_what_leaves_the_ranking(same_camera, has_cameras, removed):
    camera = [1, 1, 2, 1] if has_cameras else None
    who = Identities([1, 1, 1, 2], camera, pictures=list("abcd"))
    sides = sides_of(who, who, same_camera)
    by_camera = sides.query_camera[0] == sides.gallery_camera
    same = sides.query_person[0] == sides.gallery_person
    leaves = {"keep": by_camera & False, "drop": by_camera & same, "separate": by_camera}
    assert np.flatnonzero(leaves[sides.rule]).tolist() == removed


def test_what_is_said():
    who = Identities([1, 1], pictures=["a", "b"])
    said = sides_of(who, who, "drop").notes()
    assert said[0] == "cameras are not known: no picture is junk"
    assert said[1].startswith("2 of 2 queries are pictures of the gallery too")
    assert sides_of(Identities([1], [1]), Identities([1], [2]), "drop").notes() == ()


def test_words_need_not_come_in_one_order():
    rows = np.array([[0.0], [1.0], [2.0]], np.float32)
    query, gallery = Identities(["a"]), Identities(["b", "c", "a"])
    assert evaluate(rows[:1].copy(), rows, query, gallery).cmc[:3].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("query", "gallery", "rule", "message"),
    [
        (Identities([1], [1]), Identities([1]), "drop", "query has cameras and gallery has none"),
        (Identities([1]), Identities([1], [1]), "keep", "gallery has cameras and query has none"),
        (Identities([1]), Identities([1]), "separate", "'separate', but cameras are not known"),
        (Identities(["a"]), Identities([1]), "drop", "words such as 'a'"),
        (Identities([]), Identities([1]), "drop", "query has 0 pictures"),
        ([1], Identities([1]), "drop", "query is .*list.*, expected Identities"),
        (Identities([1]), Identities([1]), "both", "same_camera is 'both'"),
    ],
)
def test_refused(query, gallery, rule, message):
    with pytest.raises(InvalidInputError, match=message):
        sides_of(query, gallery, rule)


def pairs_of_random_rows(seed):
    rows = np.random.default_rng(seed).standard_normal((200, 64)).astype(np.float32)
    return rows, Identities(np.repeat(np.arange(100), 2))


def test_random_rows_all_against_all_score_as_chance_does():
    """Of 199 others one is a match: a random ranking's mean precision is H(199) / 199 = 0.0296."""
    precisions, firsts = [], []
    for seed in range(10):
        rows, who = pairs_of_random_rows(seed)
        report = evaluate(rows, rows, who, who)
        precisions.append(report.mean_average_precision)
        firsts.append(report.cmc[0])
        assert any("200 of 200 queries" in note for note in report.notes)
    chance = np.sum(1 / np.arange(1, 200)) / 199
    assert abs(np.mean(precisions) - chance) < 0.01
    assert np.mean(firsts) < 0.02


@pytest.mark.parametrize("options", [{}, {"rerank": True, "k1": 5, "k2": 2}])
def test_a_picture_that_may_find_itself_does(options):
    rows, who = pairs_of_random_rows(0)
    assert evaluate(rows, rows, who, who, same_picture="keep", **options).cmc[0] == 1
    assert evaluate(rows, rows, who, who, **options).cmc[0] < 0.1


@pytest.mark.parametrize("single_shot", ["no", "expected", "drawn"])
def test_the_same_as_taking_each_picture_out_of_its_own_gallery(single_shot):
    from mgn_fast.evaluation.measure import measure_embeddings

    rows = np.random.default_rng(1).integers(0, 3, (14, 4)).astype(np.float32)  # with ties
    who = Identities(np.arange(14) % 4)
    protocol = Protocol(single_shot=single_shot, same_picture="auto")
    (report,) = measure_embeddings(rows, rows, who, who, [protocol])
    for query in range(14):
        others = np.delete(np.arange(14), query)
        # The draws of a query depend on its number.
        alone = measure_embeddings(
            rows[[query] * (query + 1)],
            rows[others],
            who.take([query] * (query + 1)),
            who.take(others),
            [protocol],
        )
        assert report.average_precision[query] == alone[0].average_precision[query]


def test_who_has_only_himself_is_counted_and_told():
    who = Identities([1, 2, 2], pictures=list("abc"))
    assert unmatched(sides_of(who, who, "drop")) == (0, 1)
    lone = Identities([1, 2], pictures=list("ab"))
    with pytest.raises(InvalidInputError, match=r"the other 2 have no other picture .* two pictu"):
        evaluate(ROWS[:2], ROWS[:2], lone, lone)
