# SPDX-License-Identifier: Apache-2.0
import argparse

from mgn_fast.cli.options import add_rerank_options, add_session_options, session_options


def test_session_options_are_the_embedders_defaults():
    parser = argparse.ArgumentParser()
    add_session_options(parser)
    assert session_options(parser.parse_args([])) == {
        "lanes": 2,
        "batch_size": None,
        "threads": None,
        "device": 0,
        "workers": None,
        "mirror": True,
        "on_error": "raise",
    }


def test_rerank_options_are_the_recipes_defaults():
    parser = argparse.ArgumentParser()
    add_rerank_options(parser)
    arguments = parser.parse_args([])
    assert (arguments.rerank, arguments.k1, arguments.k2) == (False, 20, 6)
    assert arguments.original_weight == 0.3
