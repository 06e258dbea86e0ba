# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.report.groups.words import persons_in


@pytest.mark.parametrize(
    ("persons", "said"),
    [
        ([], ""),
        ([None, None], ""),
        (["ann"], "ann: 1"),
        (["bob", "ann", None, "ann"], "ann: 2, bob: 1, not known: 1"),
        (list("aabcdefg"), "a: 2, b: 1, c: 1, d: 1, e: 1, 2 more persons"),
        (["a\x1b"], r"a\x1b: 1"),
    ],
)
def test_persons_are_told_most_pictures_first(persons, said):
    assert persons_in(persons) == said
