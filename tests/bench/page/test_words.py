# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.bench.page import words


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (0.0531, "0.0531"),
        (0.9996, "1.00"),
        (1.2345, "1.23"),
        (12.345, "12.3"),
        (999.6, "1,000"),
        (1519.17, "1,519"),
        (1e-9, "0.000000"),
    ],
)
def test_numbers_have_three_digits_that_mean_something(value, expected):
    assert words.number(value) == expected


def test_rates_have_four_and_their_interval_as_many_decimals():
    assert words.rate(1519.17) == "1,519"
    assert words.rate(640.829) == "640.8"
    assert words.interval([99.87, 100.4], 100.1) == "99.9 to 100.4"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0\u00a0%"),
        (0.0001, "< 0.1\u00a0%"),
        (0.004, "0.4\u00a0%"),
        (0.613, "61\u00a0%"),
        (1.0, "100\u00a0%"),
    ],
)
def test_shares_are_percent_and_little_is_not_nothing(value, expected):
    assert words.share(value) == expected


def test_bytes_are_decimal():
    assert words.byte_size(137_216_004) == "137 MB"
    assert words.byte_size(1_432_000_000) == "1.43 GB"


def test_small_p_values_are_only_called_small():
    assert words.p_value(0.0314) == "0.031"
    assert words.p_value(0.0004) == "< 0.001"


def test_percentiles_are_in_order_of_size_whether_told_or_not():
    runs = [{"latency_ms": {"mean": 1, "p99": 2, "p5": 1}}, {"latency_ms": {"p99.9": None}}]
    assert words.percentile_keys(runs) == ["p5", "p99", "p99.9"]
    assert words.percentile("p50") == "median"
    assert words.percentile("p99") == "p99"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "not set"),
        (True, "yes"),
        (False, "no"),
        ([1, 4], "1, 4"),
        ("a b", "a b"),
        (0.05, "0.05"),
        ({"mean": [0.5, 0.4]}, "mean: 0.5, 0.4"),
    ],
)
def test_options_read_as_one_would_type_them(value, expected):
    assert words.option(value) == expected


def test_a_free_size_is_n():
    assert words.shape([-1, 3, 384, 128]) == "[N, 3, 384, 128]"


def test_file_names_and_keys():
    assert words.file_name("/models/mgn.om") == "mgn.om"
    assert words.file_name("/") == "/"
    assert words.called("h2d", words.STAGES) == "copy in"
