# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast demo`: the whole job from nothing, on drawn pictures with random weights."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.cli.evaluation import embed_split, print_reports
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.screen.progress import say, working
from mgn_fast.datasets.dataset import Dataset, synthetic
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.measure import evaluate_distances, measure_embeddings
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.report import Report
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.export.onnx_export import export_onnx
from mgn_fast.report.analysis import Analysis, AnalysisBuilder, ranked_lists
from mgn_fast.report.page.render import write_page
from mgn_fast.report.sheet import write_sheet
from mgn_fast.report.tiles import RankedList
from mgn_fast.types import F32Array

SHEET_LISTS = 6
CHANCE_REPEATS = 20
WARNING = (
    "The network's weights are random and the people are drawn. The figures show that every stage "
    "works and that pictures of one drawn person look alike even to a random network; they say "
    "nothing about MGN on real people. Export a trained checkpoint for that."
)


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast demo` and its options."""
    parser = new_command(
        commands,
        "demo",
        help="run the whole job on drawn pictures with random weights",
        example="mgn-fast demo --directory mgn-fast-demo",
    )
    parser.add_argument(
        "--directory", type=path_argument, default=Path("mgn-fast-demo"), help="(mgn-fast-demo)"
    )
    parser.add_argument("--persons", type=int, default=25, help="people drawn (25)")
    parser.add_argument("--seed", type=int, default=0, help="of people and weights (0)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draws a dataset, exports, embeds and evaluates it, and writes the page; exit code 0."""
    started = time.monotonic()
    directory = _made(arguments.directory)
    say(f"1/5 drawing {arguments.persons} people in {directory / 'dataset'}")
    with working("drawing"):
        dataset = synthetic(directory / "dataset", persons=arguments.persons, seed=arguments.seed)
    say("2/5 exporting random weights, verified against torch")
    with working("exporting"):
        model = export_onnx(None, directory / "mgn-random.onnx", seed=arguments.seed)
    num_pictures = len(dataset.query) + len(dataset.gallery)
    say(f"3/5 embedding {num_pictures} pictures, each plain and mirrored")
    with Embedder(model) as embedder:
        query = embed_split(embedder, dataset.query, "query")
        gallery = embed_split(embedder, dataset.gallery, "gallery")
    say("4/5 evaluating, with and without re-ranking")
    reports, analysis = measured(dataset, query, gallery)
    reports["chance"] = chance(dataset, arguments.seed)
    say("5/5 writing the page and the sheet")
    lists = ranked_lists(analysis, dataset, (query, gallery))
    page = write_page(
        directory / "report.html",
        title="mgn_fast demo",
        warning=WARNING,
        notes=[_description(dataset, arguments.seed)],
        reports=reports,
        analysis=analysis,
        lists=lists,
    )
    sheet = write_sheet(
        directory / "sheet.png",
        spread(lists, SHEET_LISTS),
        title="mgn_fast demo: from the hardest query to the easiest",
        notes=["Drawn people, random weights."],
    )
    seconds = time.monotonic() - started
    if arguments.json:
        figures = {name: report.to_dict() for name, report in reports.items()}
        summary: dict[str, Any] = {"report": str(page), "sheet": str(sheet)}
        summary |= {"seconds": seconds, "random_weights": True}
        print(json.dumps(summary | {"reports": figures}))
    else:
        print_reports(reports)
        print(f"random weights, drawn people: {page} says what that means ({seconds:.0f} s)")
    return 0


def spread(lists: Sequence[RankedList], number: int) -> list[RankedList]:
    """Some of many, evenly from the first to the last.

    Args:
        lists: at least one.
        number: how many, at least 1.

    Returns:
        In their order.
    """
    places = np.linspace(0, len(lists) - 1, min(number, len(lists)))
    return [lists[place] for place in places.astype(int)]


def measured(
    dataset: Dataset, query: F32Array, gallery: F32Array
) -> tuple[dict[str, Report], Analysis]:
    """Evaluates plain and re-ranked, and gathers what the page tells.

    Args:
        dataset: who is on the pictures.
        query, gallery: their embeddings.

    Returns:
        The reports by ranking, and what else the runs showed.
    """
    identities = (dataset.query.identities, dataset.gallery.identities)
    builder = AnalysisBuilder(*identities, Protocol())
    reports: dict[str, Report] = {}
    for ranking, settings in (("plain", None), ("re-ranked", RerankSettings())):
        (report,) = measure_embeddings(
            query,
            gallery,
            *identities,
            [Protocol()],
            rerank=settings,
            observers=builder.block_observers(),
        )
        builder.add(ranking, report)
        reports[ranking] = report
    return reports, builder.analysis()


def chance(dataset: Dataset, seed: int) -> Report:
    """What random distances score on the set: the floor for any embedding.

    Args:
        dataset: whose identities are evaluated.
        seed: of the distances.

    Returns:
        The report of one draw, its scalars and curve averaged over twenty.
    """
    random = np.random.default_rng(seed)
    shape = (len(dataset.query), len(dataset.gallery))
    draws = [
        evaluate_distances(
            random.random(shape, np.float32), dataset.query.identities, dataset.gallery.identities
        )
        for _ in range(CHANCE_REPEATS)
    ]
    return Report(
        mean_average_precision=float(np.mean([x.mean_average_precision for x in draws])),
        mean_inverse_negative_penalty=float(
            np.mean([x.mean_inverse_negative_penalty for x in draws])
        ),
        cmc=np.mean([x.cmc for x in draws], axis=0),
        average_precision=np.mean([x.average_precision for x in draws], axis=0),
        num_valid_queries=draws[0].num_valid_queries,
    )


def _made(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"directory {str(directory)!r} cannot be made: {error.strerror}"
        ) from error
    return directory


def _description(dataset: Dataset, seed: int) -> str:
    return (
        f"Seed {seed}: {len(dataset.query)} queries and {len(dataset.gallery)} gallery pictures, "
        f"of which {dataset.num_distractors} are distractors; {dataset.num_junk} junk pictures "
        "were dropped. Chance is the mean of twenty random rankings."
    )
