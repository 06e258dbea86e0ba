# SPDX-License-Identifier: Apache-2.0
"""protocol.py: the options of a protocol, one pass for many, and why nothing matches."""

import json

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError
from mgn_fast.evaluation.measure import measure_distances, measure_embeddings
from mgn_fast.evaluation.protocol import Protocol, ProtocolTally, unmatched, why_nothing_matches
from mgn_fast.evaluation.sides import sides_of
from oracles import retrieval, shots

ALL = [
    Protocol(),
    Protocol(same_camera="separate", ap="hits"),
    Protocol(first_match_break=False, max_rank=9),
    Protocol(single_shot="expected", ap="market1501"),
    Protocol(single_shot="drawn", draws=12, seed=5),
    Protocol(single_shot="drawn", draws=12, seed=6, same_camera="keep"),
]


def crowd(seed, queries=25, gallery=300, persons=12, width=8):
    """Rows around one centre per person; some queries' persons are not in the gallery."""
    random = np.random.default_rng(seed)
    person = random.integers(0, persons, queries + gallery)
    rows = random.standard_normal((persons, width))[person]
    rows = (rows + random.standard_normal(rows.shape)).astype(np.float32)
    person[:3] = 99
    camera = random.integers(0, 4, len(person))
    sides = Identities(person[:queries], camera[:queries])
    return rows[:queries], rows[queries:], sides, Identities(person[queries:], camera[queries:])


def assert_same(report, other):
    np.testing.assert_array_equal(report.average_precision, other.average_precision)
    np.testing.assert_array_equal(report.cmc, other.cmc)
    assert report.mean_inverse_negative_penalty == other.mean_inverse_negative_penalty


def few(seed, gallery=8):
    """So few pictures that every draw can be made."""
    random = np.random.default_rng(seed)
    sides = [
        Identities(random.integers(0, 4, count), random.integers(0, 3, count))
        for count in (6, gallery)
    ]
    return random.integers(0, 5, (6, gallery)).astype(np.float64), *sides


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("same_camera", ["drop", "keep", "separate"])
@pytest.mark.parametrize("seed", range(4))
def test_reports_are_those_of_the_oracles(seed, same_camera):
    case = few(seed)
    options = {"same_camera": same_camera, "max_rank": 5}
    reports = measure_distances(
        *case,
        [
            Protocol(**options),
            Protocol(**options, first_match_break=False),
            Protocol(**options, single_shot="expected"),
        ],
    )
    plain = retrieval.evaluate(*case, **options)
    alone = shots.single_shot(*case, **options)
    for report, (precision, cmc, penalty) in zip(
        reports,
        (plain[:3], (plain[0], shots.every_match_cmc(*case, **options), plain[2]), alone),
        strict=True,
    ):
        np.testing.assert_allclose(report.average_precision, precision, rtol=1e-12)
        np.testing.assert_allclose(report.cmc, cmc, atol=1e-14)
        assert report.mean_inverse_negative_penalty == pytest.approx(penalty, rel=1e-12)
        assert report.num_valid_queries == plain[3]


def test_one_pass_gives_what_a_pass_each_gives():
    case = crowd(0)
    together = measure_embeddings(*case, ALL)
    for protocol, report in zip(ALL, together, strict=True):
        assert_same(report, measure_embeddings(*case, [protocol])[0])
        assert report.protocol == protocol


def test_the_cmc_goes_on_beyond_the_gallery():
    case = few(1)
    for protocol in (Protocol(max_rank=20), Protocol(max_rank=20, single_shot="expected")):
        (report,) = measure_distances(*case, [protocol])
        assert report.cmc.shape == (20,)
        np.testing.assert_allclose(report.cmc[7:], 1, rtol=1e-12)
        assert report.cmc.max() <= 1


def test_a_report_says_by_which_protocol_and_seed(tmp_path):
    (report,) = measure_embeddings(*crowd(1), [ALL[4]])
    read = json.loads(report.to_json(tmp_path / "r.json").read_text())
    assert read["protocol"]["seed"] == 5
    assert read["protocol"]["draws"] == 12
    assert read["protocol"]["single_shot"] == "drawn"


def test_a_seed_may_have_64_bits():
    case = crowd(2)
    seeds = 0, 1, 2**63, 2**64 - 1
    cmcs = [
        measure_embeddings(*case, [Protocol(single_shot="drawn", seed=seed)])[0].cmc
        for seed in seeds
    ]
    assert len({cmc.tobytes() for cmc in cmcs}) == len(seeds)


REFUSALS = {
    "max_rank of 0": ({"max_rank": 0}, "max_rank is 0, expected a whole number"),
    "max_rank far beyond": (
        {"max_rank": 99999999999999},
        "max_rank is 99999999999999, expected a whole number from 1 to 10000000",
    ),
    "ap": ({"ap": "mean"}, "ap is 'mean', expected one of"),
    "same_camera": ({"same_camera": "no"}, "same_camera is 'no', expected one of .*'separate'"),
    "single_shot": ({"single_shot": True}, "single_shot is True, expected one of .*'drawn'"),
    "first_match_break": ({"first_match_break": 1}, "first_match_break is 1, expected True"),
    "no draws": ({"draws": 0}, "draws is 0"),
    "too many draws": (
        {"draws": 10**6},
        "draws is 1000000, expected .* 1 to 10000",
    ),
    "seed below 0": ({"seed": -1}, "seed is -1, expected a whole number from 0"),
    "seed too long": ({"seed": 2**64}, "expected a whole number from 0 to 18446744073709551615"),
    "seed not whole": ({"seed": 1.5}, "seed is 1.5"),
    "seed a bool": ({"seed": True}, "seed is True"),
}


@pytest.mark.parametrize(("options", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refuses_options_outside_their_range(options, message):
    with pytest.raises(InvalidInputError, match=message):
        Protocol(**options)


def test_a_nan_is_named_by_every_protocol():
    distances, query, gallery = few(3)
    distances[4, 6] = np.nan
    for protocol in ALL:
        with pytest.raises(InvalidInputError, match="NaN in row 4, column 6"):
            measure_distances(distances, query, gallery, [protocol])


# Person 7 by cameras 1 and 1, 8 by 1 and 2, no one else.
GALLERY = Identities([7, 7, 8, 8], [1, 1, 1, 2])


@pytest.mark.parametrize(
    ("same_camera", "expected"),
    [("drop", (2, 1)), ("separate", (2, 1)), ("keep", (2, 0))],
)
def test_queries_without_match_are_counted_by_what_left_them_none(same_camera, expected):
    query = Identities([7, 7, 8, 9, 9], [1, 2, 1, 1, 3])
    assert unmatched(sides_of(query, GALLERY, same_camera)) == expected
    table = np.ones((5, 4))
    (report,) = measure_distances(table, query, GALLERY, [Protocol(same_camera=same_camera)])
    assert report.num_valid_queries == 5 - sum(expected)


@pytest.mark.parametrize("same_camera", ["drop", "separate"])
@pytest.mark.parametrize("single_shot", ["no", "expected", "drawn"])
def test_the_message_names_the_rule_and_how_many_it_removed(same_camera, single_shot):
    query = Identities([7, 7, 9], [1, 1, 1])
    protocol = Protocol(same_camera=same_camera, single_shot=single_shot)
    message = (
        "1 of 3 queries show a person who is not in the gallery; for the other 2 .* own camera and "
        f"so removed by same_camera='{same_camera}'; pass same_camera='keep'"
    )
    with pytest.raises(InvalidInputError, match=message):
        measure_distances(np.ones((3, 4)), query, GALLERY, [protocol])
    kept = measure_distances(np.ones((3, 4)), query, GALLERY, [Protocol(same_camera="keep")])
    assert kept[0].num_valid_queries == 2


def test_where_no_rule_removed_anything_the_numbers_are_doubted():
    message = why_nothing_matches(sides_of(Identities([5], [1]), GALLERY, "drop"))
    assert "1 of 1 queries" in message
    assert "same person numbers" in message
    assert "keep" not in message


def test_a_report_tells_each_querys_first_match_without_junk():
    """Nearest first: junk, a stranger, the match. The second query has none."""
    distances = np.array([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]])
    sides = Identities([7, 9], [1, 1]), Identities([7, 8, 7], [1, 2, 2])
    (report,) = measure_distances(distances, *sides, [Protocol()])
    np.testing.assert_array_equal(report.first_match, [2, 0])
    assert "first_match" not in report.to_dict()


def test_a_tally_tells_precision_where_no_query_has_a_match():
    tally = ProtocolTally(
        sides_of(Identities([9], [1]), Identities([7], [2]), "drop"), Protocol(), 1
    )
    tally.add_distances(slice(0, 1), np.zeros((1, 1)))
    np.testing.assert_array_equal(tally.average_precision, [np.nan])
