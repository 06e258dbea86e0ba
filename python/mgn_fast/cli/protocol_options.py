# SPDX-License-Identifier: Apache-2.0
"""The options that say how an evaluation counts, and the protocols and rankings that they mean."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import get_args

from mgn_fast.evaluation.protocol import PrecisionRule, Protocol
from mgn_fast.evaluation.reranking import RerankSettings, rankings
from mgn_fast.evaluation.rows import RowMetric
from mgn_fast.evaluation.sides import SameCamera, SamePicture


def add_protocol_options(parser: argparse.ArgumentParser) -> None:
    """--ap, --same-camera, --same-picture, --metric, --max-rank and the options of single-shot.

    Args:
        parser: gets the options.
    """
    group = parser.add_argument_group("protocol")
    group.add_argument("--ap", choices=get_args(PrecisionRule), default="sklearn")
    group.add_argument(
        "--same-camera",
        choices=get_args(SameCamera),
        default="drop",
        help="gallery pictures of the query's person by its camera; separate: all by it (drop)",
    )
    group.add_argument(
        "--same-picture",
        choices=get_args(SamePicture),
        default="auto",
        help="auto: a picture never finds itself; keep: it may (auto)",
    )
    group.add_argument(
        "--metric",
        choices=get_args(RowMetric),
        default="euclidean",
        help="cosine scales rows to length 1 first (euclidean)",
    )
    group.add_argument(
        "--normalise",
        dest="metric",
        action="store_const",
        const="cosine",
        help="the same as --metric cosine",
    )
    group.add_argument("--max-rank", type=int, default=50, help="length of the CMC (50)")
    group.add_argument(
        "--all-matches", action="store_true", help="the CMC counts every match, not the first"
    )
    group.add_argument(
        "--single-shot",
        choices=("expected", "drawn"),
        help="report CUHK03's single-gallery-shot too: its exact mean, or that of seeded draws",
    )
    group.add_argument("--draws", type=int, default=10, help="of --single-shot drawn (10)")
    group.add_argument("--seed", type=int, default=0, help="of the draws (0)")


def rankings_of(arguments: argparse.Namespace) -> dict[str, RerankSettings | None]:
    """The rankings asked for by name: the plain one, and with --rerank the re-ranked one."""
    if not arguments.rerank:
        return rankings(None)
    return rankings(RerankSettings(arguments.k1, arguments.k2, arguments.original_weight))


def protocols_of(arguments: argparse.Namespace) -> dict[str, Protocol]:
    """The protocols asked for, by what each adds to the name of its report."""
    whole = Protocol(
        max_rank=arguments.max_rank,
        ap=arguments.ap,
        same_camera=arguments.same_camera,
        same_picture=arguments.same_picture,
        first_match_break=not arguments.all_matches,
        draws=arguments.draws,
        seed=arguments.seed,
    )
    protocols = {"": whole}
    if arguments.single_shot is not None:
        protocols[", single-shot"] = replace(whole, single_shot=arguments.single_shot)
    return protocols
