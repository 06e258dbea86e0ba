# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from mgn_fast import Identities
from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import in_one_line
from mgn_fast.report.page.words import crowd, persons, prepared, score, share


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (0.00031, "0.031"),
        (0.00000001, "0.0000"),
        (0.041, "4.1"),
        (0.41, "41"),
        (1.0, "100"),
    ],
)
def test_shares_have_two_figures(value, expected):
    assert share(value) == f"{expected}\u00a0%"


def test_what_is_not_known_is_a_dash():
    assert share(math.nan) == score(math.nan) == "\u2013"
    assert score(0.94332) == "0.9433"


def test_who_is_on_how_many_pictures():
    who = Identities([1, 1, 2], [1, 2, 2])
    assert crowd(who) == "3 pictures by 2 cameras"
    assert persons(who) == "2 persons"


def test_the_contract_is_told_with_who_says_it():
    said = prepared(Contract(origin="preset 'bot'", colour="BGR"))
    line = in_one_line(Contract(colour="BGR"))
    assert said == f"The model's contract, from preset 'bot': {line}."
    assert prepared(Contract(colour="BGR")) == f"The model's contract: {line}."
