# SPDX-License-Identifier: Apache-2.0
from mgn_fast.report.kit.words import count


def test_numbers_of_things():
    assert count(1, "query", "queries") == "1 query"
    assert count(3368, "query", "queries") == "3,368 queries"
    assert count(0, "picture") == "0 pictures"
