# SPDX-License-Identifier: Apache-2.0
import argparse

import pytest

from mgn_fast.cli.bench_options import add_bench_options


def parsed(*words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_bench_options(parser)
    return parser.parse_args(words)


def test_end_to_end_with_two_lanes_is_the_default():
    arguments = parsed()
    assert (arguments.scope, arguments.lanes, arguments.batch) == ("e2e", [2], None)
    assert (arguments.load, arguments.rate, arguments.strict) == ("closed", None, False)
    assert arguments.percentiles == [50, 90, 95, 99]
    assert arguments.max_regress == 0.05


@pytest.mark.parametrize(
    ("word", "share"), [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("8.5%", 0.085)]
)
def test_a_share_may_be_in_per_cent(word, share):
    assert parsed("--max-regress", word).max_regress == pytest.approx(share)


def test_sweeps_are_numbers_between_commas():
    arguments = parsed("--batch", "1,64", "--lanes", "3", "--percentiles", "50,99.9")
    assert (arguments.batch, arguments.lanes) == ([1, 64], [3])
    assert arguments.percentiles == [50, 99.9]


@pytest.mark.parametrize(
    ("option", "word", "expected"),
    [
        ("--batch", "0", "numbers from 1 up"),
        ("--batch", "", "numbers from 1 up"),
        ("--lanes", "1,x", "numbers from 1 up"),
        ("--percentiles", "p99", "such as 50,90,99.9"),
        ("--max-regress", "five", "such as 5% or 0.05"),
    ],
)
def test_anything_else_is_refused_with_an_example(option, word, expected):
    with pytest.raises(argparse.ArgumentError, match=expected):
        parsed(option, word)
