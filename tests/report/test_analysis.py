# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError
from mgn_fast.datasets.dataset import Dataset, Split
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.models.parts import PARTS
from mgn_fast.report import AnalysisBuilder, ranked_lists
from mgn_fast.report.analysis import verdict
from support.report_runs import analysed, hard_run


def dataset_of(who):
    splits = [
        Split(tuple(Path(f"/{name}/{n}.jpg") for n in range(len(some))), some)
        for name, some in zip(("query", "gallery"), who, strict=True)
    ]
    return Dataset(Path("/"), "synthetic", *splits, num_junk=0, num_distractors=0)


# Queries of person 7 and 8 by camera 1, and of 9, who is nowhere. Distances on a line.
QUERY = np.array([[0.0], [0.0], [0.0]], np.float32)
GALLERY = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
WHO = Identities([7, 8, 9], [1, 1, 1]), Identities([7, 8, 7, 8], [1, 2, 2, 1])


def plain(who=WHO, **options):
    from mgn_fast.evaluation.measure import measure_embeddings

    protocol = options.pop("protocol", Protocol())
    builder = AnalysisBuilder(*who, protocol, **options)
    observers = builder.block_observers()
    (report,) = measure_embeddings(QUERY, GALLERY, *who, [protocol], observers=observers)
    builder.add("plain", report)
    return builder.analysis()


def test_lists_by_hand():
    lists = ranked_lists(plain(depth=3), dataset_of(WHO))
    # 8 is found at rank 1 of what is left after junk; 7 at rank 2 behind 8; 9 has no match.
    assert [entry.query.person for entry in lists] == ["7", "8", "9"]
    assert [entry.average_precision["plain"] for entry in lists] == [0.5, 0.5, None]
    assert [entry.first_match["plain"] for entry in lists] == [2, 2, None]
    first = lists[0].tiles["plain"]
    assert [tile.verdict for tile in first] == ["junk", "other", "match"]
    assert [tile.distance for tile in first] == [1.0, 2.0, 3.0]
    assert [tile.name for tile in first] == ["0.jpg", "1.jpg", "2.jpg"]
    assert (first[1].person, first[1].camera, first[1].parts) == ("8", "2", None)
    assert [t.verdict for t in lists[1].tiles["plain"]] == ["other", "match", "other"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("drop", ["junk", "match", "other", "other"]),
        ("keep", ["match", "match", "other", "other"]),
        ("separate", ["junk", "match", "junk", "other"]),
    ],
)
def test_verdicts_follow_the_rule_for_the_same_camera(rule, expected):
    who = Identities([7], [1]), Identities([7, 7, 8, 8], [1, 2, 1, 2])
    analysis = AnalysisBuilder(*who, Protocol(same_camera=rule)).analysis()
    assert [verdict(analysis, 0, picture) for picture in range(4)] == expected


@pytest.mark.parametrize("seed", range(3))
def test_hardest_first_and_both_rankings_of_the_same_queries(seed):
    rows, who = hard_run(seed)
    reports, analysis = analysed(rows, who, lists=9, depth=5)
    precision = reports["plain"].average_precision
    order = np.argsort(np.where(np.isnan(precision), np.inf, precision), kind="stable")
    np.testing.assert_array_equal(analysis.listed, order[:9])
    lists = ranked_lists(analysis, dataset_of(who))
    assert len(lists) == 9
    for entry, index in zip(lists, order, strict=False):
        assert entry.query.path == Path(f"/query/{index}.jpg")
        assert {len(tiles) for tiles in entry.tiles.values()} == {5}
        for ranking, report in reports.items():
            got, expected = entry.average_precision[ranking], report.average_precision[index]
            assert (got is None and np.isnan(expected)) or got == expected
            shown = [t.verdict for t in entry.tiles[ranking] if t.verdict != "junk"]
            if "match" in shown:
                assert entry.first_match[ranking] == shown.index("match") + 1


def test_queries_equally_hard_keep_their_order():
    from mgn_fast.evaluation.measure import measure_embeddings

    person = np.random.default_rng(0).choice([7, 8], 99)
    who = Identities(person, [1] * 99), Identities([7, 8], [2, 2])
    builder, protocol = AnalysisBuilder(*who, Protocol()), Protocol()
    rows = np.zeros((99, 1), np.float32), GALLERY[:2]
    observers = builder.block_observers()
    (report,) = measure_embeddings(*rows, *who, [protocol], observers=observers)
    builder.add("plain", report)
    in_order = [*np.flatnonzero(person == 8), *np.flatnonzero(person == 7)]
    np.testing.assert_array_equal(builder.analysis().listed, in_order)


def test_looking_on_changes_no_figure():
    from mgn_fast.evaluation.measure import measure_embeddings

    rows, who = hard_run(4)
    reports, _ = analysed(rows, who)
    (alone,) = measure_embeddings(*rows, *who, [Protocol()])
    assert alone.to_dict() == reports["plain"].to_dict()


def test_parts_are_told_where_embeddings_are_given(random):
    rows, who = hard_run(2, width=2048)
    _, analysis = analysed(rows, who, lists=2, depth=3)
    for entry in ranked_lists(analysis, dataset_of(who), tuple(rows)):
        for tile in entry.tiles["plain"]:
            # Unit rows: the squared distance is 2 - 2 similarity, but for float32 lengths.
            assert tile.distance**2 == pytest.approx(2 - 2 * tile.parts.similarity, abs=1e-5)
            assert tile.parts.parts == PARTS


def test_parts_may_be_any(random):
    rows, who = hard_run(2, width=5)
    _, analysis = analysed(rows, who, lists=2, depth=3)
    lists = ranked_lists(analysis, dataset_of(who), tuple(rows), (("a", 2), ("fg_p1", 3)))
    for tile in lists[0].tiles["plain"]:
        assert [part.name for part in tile.parts.parts] == ["a", "fg_p1"]
        assert tile.distance**2 == pytest.approx(2 - 2 * tile.parts.similarity, abs=1e-5)


def test_of_very_many_cameras_there_is_no_matrix():
    random = np.random.default_rng(0)
    who = [Identities(random.integers(0, 5, n), np.arange(n) % 41) for n in (50, 60)]
    rows = [random.random((len(some), 4), np.float32) for some in who]
    rows = [some / np.linalg.norm(some, axis=1, keepdims=True) for some in rows]
    _, analysis = analysed(rows, who)
    assert [found.pairs for found in analysis.findings.values()] == [None, None]
    assert analysis.findings["plain"].histogram.others.sum() > 0


def test_options_are_checked():
    for name in ("lists", "depth"):
        with pytest.raises(InvalidInputError, match=f"{name} is 0"):
            AnalysisBuilder(*WHO, Protocol(), **{name: 0})


def test_a_report_needs_a_run_that_was_looked_on_at():
    rows, who = hard_run(0)
    reports, _ = analysed(rows, who)
    with pytest.raises(InvalidInputError, match="'plain' has no observers"):
        AnalysisBuilder(*who, Protocol()).add("plain", reports["plain"])
