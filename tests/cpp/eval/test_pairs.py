# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/pairs.cpp: matches and impostors, and their distances."""

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, _core
from oracles import verification
from support.pair_cases import CAMERAS, CASES, COLUMNS, ROW, SIDES, distances_of, draw, pairs_of

WORKED = {
    "drop": ([2, 6], [3, 5, 8, 8]),
    "keep": ([1, 2, 6], [3, 5, 8, 8]),
    "separate": ([2, 6], [5, 8, 8]),
}


@pytest.mark.parametrize("same_camera", CAMERAS)
def test_pairs_worked_by_hand(same_camera):
    matches, impostors = WORKED[same_camera]
    counts = pairs_of(SIDES[1], same_camera).count(SIDES[0].person, SIDES[0].camera)
    assert [part.tolist() for part in counts] == [[len(matches)], [len(impostors)]]
    for kind, expected in (("matches", matches), ("impostors", impostors)):
        np.testing.assert_array_equal(
            distances_of(kind, ROW, COLUMNS, *SIDES, same_camera), expected
        )


def test_a_person_who_is_not_there_has_no_match_and_all_others_are_impostors():
    pairs = pairs_of(Identities([-1, 3, 5], [1, 2, 1]), "separate")
    for person in (-2, 0, 9):
        got = pairs.count(np.array([person], np.int32), np.array([1], np.int32))
        assert [part.tolist() for part in got] == [[0], [1]]


@pytest.mark.parametrize("same_camera", CAMERAS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_pairs_and_distances_are_those_of_a_list_of_all(case, same_camera):
    drawn = draw(len(str(case)), **case)
    exact, is_match = verification.pairs(
        *drawn[2:], verification.distances(*drawn[:2]), same_camera
    )
    impostors = distances_of("impostors", *drawn, same_camera, threads=3)
    np.testing.assert_allclose(impostors, exact[~is_match], rtol=1e-13)
    # By query and gallery position, as the list is.
    matches = distances_of("matches", *drawn, same_camera, threads=2)
    np.testing.assert_allclose(matches, exact[is_match], rtol=1e-13)


A = np.ones((2, 3), np.float32)
PERSON = np.zeros(2, np.int32)
REFUSALS = {
    "kind": ({"kind": "both"}, "kind is 'both', expected 'matches' or 'impostors'"),
    "columns of another number": ({"columns": A[:1].copy()}, "columns has 1, expected 2"),
    "another width": ({"columns": A[:, :2].copy()}, "a row of columns has 2, expected 3"),
    "persons of another number": ({"person": PERSON[:1]}, "expected"),
    "out of another size": ({"out": np.zeros(3)}, "out has 3, expected 4"),
    "out in float32": ({"out": np.zeros(4, np.float32)}, "out is float32"),
}


@pytest.mark.parametrize(("change", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refuses_what_does_not_fit(change, message):
    pairs = _core.Pairs(PERSON, PERSON, "keep")
    given = {"kind": "matches", "rows": A, "columns": A, "person": PERSON, "camera": PERSON}
    given |= {"out": np.zeros(4), "threads": 1} | change
    with pytest.raises(InvalidInputError, match=message):
        pairs.distances(**given)
