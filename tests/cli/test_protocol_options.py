# SPDX-License-Identifier: Apache-2.0
import argparse

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.cli.options import add_rerank_options
from mgn_fast.cli.protocol_options import add_protocol_options, protocols_of, rankings_of


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_protocol_options(parser)
    add_rerank_options(parser)
    return parser.parse_args(words)


def test_the_usual_protocol_is_the_recipes():
    (protocol,) = protocols_of(parsed()).values()
    assert (protocol.max_rank, protocol.ap, protocol.same_camera) == (50, "sklearn", "drop")
    assert protocol.same_picture == "auto"
    assert parsed().metric == "euclidean"
    assert rankings_of(parsed()) == {"plain": None}


def test_options_reach_their_protocols():
    words = ["--same-picture", "keep", "--same-camera", "separate", "--all-matches"]
    found = protocols_of(parsed(*words, "--single-shot", "drawn", "--draws", "3", "--seed", "9"))
    assert list(found) == ["", ", single-shot"]
    whole, shot = found.values()
    assert (whole.same_picture, whole.same_camera) == ("keep", "separate")
    assert not whole.first_match_break
    assert (whole.single_shot, shot.single_shot, shot.draws, shot.seed) == ("no", "drawn", 3, 9)


@pytest.mark.parametrize("words", [["--metric", "cosine"], ["--normalise"]])
def test_rows_may_be_scaled_first(words):
    assert parsed(*words).metric == "cosine"


def test_rankings_have_their_settings():
    found = rankings_of(parsed("--rerank", "--k1", "9", "--k2", "2", "--original-weight", "0.5"))
    assert found["plain"] is None
    settings = found["re-ranked"]
    assert (settings.k1, settings.k2, settings.original_weight) == (9, 2, 0.5)


def test_values_outside_their_range_are_refused():
    with pytest.raises(InvalidInputError, match="max_rank is 0"):
        protocols_of(parsed("--max-rank", "0"))
