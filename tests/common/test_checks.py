# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.common.checks import one_of, output_name, share, true_or_false, whole_number


@pytest.mark.parametrize("value", [1, 5, np.int64(3), np.uint8(2)])
def test_whole_numbers_within_the_range_become_ints(value):
    found = whole_number("depth", value, 1, 5)
    assert type(found) is int
    assert found == value


@pytest.mark.parametrize("value", [0, 6, -1, True, False, 1.0, "1", None, np.float32(2), [1]])
def test_other_values_are_refused_with_the_range(value):
    with pytest.raises(
        InvalidInputError, match=r"^depth is .*, expected a whole number from 1 to 5$"
    ):
        whole_number("depth", value, 1, 5)


def test_a_range_may_have_no_end():
    assert whole_number("rows", 10**12, 0) == 10**12
    with pytest.raises(InvalidInputError, match="rows is -1, expected a whole number from 0 up"):
        whole_number("rows", -1, 0)


def test_one_of_the_words_or_none():
    one_of("ap", "hits", ("sklearn", "hits"))
    one_of("dtype", None, (None, "float16"))
    with pytest.raises(InvalidInputError, match="ap is 'x', expected one of 'sklearn', 'hits'"):
        one_of("ap", "x", ("sklearn", "hits"))


@pytest.mark.parametrize("value", [True, 1.0, np.zeros(2), []])
def test_what_only_equals_a_choice_is_none(value):
    with pytest.raises(InvalidInputError, match="expected one of 1, 2"):
        one_of("version", value, (1, 2))


@pytest.mark.parametrize("value", [0, 1, 0.3, np.float32(0.5)])
def test_shares(value):
    assert share("original_weight", value) == value


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5", True, None, [0.5]])
def test_what_is_no_share(value):
    with pytest.raises(
        InvalidInputError, match=r"original_weight is .*, expected a number from 0 to 1$"
    ):
        share("original_weight", value)


@pytest.mark.parametrize("name", ["a.html", "b.HTM", "c/d.htm"])
def test_an_output_may_be_named_so(name):
    assert output_name(name, ".html", ".htm") == Path(name)


@pytest.mark.parametrize("name", ["a", "a.png", ".html", "html"])
def test_an_output_of_another_name_is_refused(name):
    with pytest.raises(InvalidInputError, match=r"expected '\.html' or '\.htm'"):
        output_name(name, ".html", ".htm")


@pytest.mark.parametrize("name", ["a.onnx", Path("c/d.onnx")])
def test_a_file_known_by_its_name_later_is_named_exactly_so(name):
    assert output_name(name, ".onnx", exact=True) == Path(name)
    with pytest.raises(InvalidInputError, match=r"ends in '\.ONNX', expected '\.onnx'"):
        output_name(str(name).upper(), ".onnx", exact=True)


@pytest.mark.parametrize("value", [None, 3, b"a.html", ["a.html"]])
def test_what_is_no_path(value):
    with pytest.raises(InvalidInputError, match=r"^output is .*, expected a path$"):
        output_name(value, ".html")


@pytest.mark.parametrize("value", [1, 0, None, "True", np.bool_(1)])
def test_what_is_neither_true_nor_false(value):
    true_or_false("aipp", True)
    with pytest.raises(InvalidInputError, match=r"^aipp is .*, expected True or False$"):
        true_or_false("aipp", value)


def test_a_cosine_may_be_negative():
    assert share("min_cosine", -1, -1) == -1
    with pytest.raises(InvalidInputError, match=r"min_cosine is -1.5, expected a number from -1"):
        share("min_cosine", -1.5, -1)
