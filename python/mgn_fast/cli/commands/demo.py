# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast demo`: the whole job from nothing, on drawn pictures with random weights."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from mgn_fast.cli import exit_codes
from mgn_fast.cli.evaluation import embed_both, print_reports
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.screen.progress import say, working
from mgn_fast.datasets.dataset import Dataset, synthetic
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.agreement import spread
from mgn_fast.evaluation.chance import random_report
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.report import Report
from mgn_fast.evaluation.reranking import RerankSettings, rankings
from mgn_fast.export.onnx_export import export_onnx
from mgn_fast.report.analysis import Analysis, AnalysisBuilder, ranked_lists
from mgn_fast.report.page.render import write_page
from mgn_fast.report.page.words import prepared
from mgn_fast.report.sheet import write_sheet
from mgn_fast.types import F32Array

SHEET_LISTS = 6
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
        query, gallery = embed_both(embedder, dataset)
        contract = embedder.contract
    say("4/5 evaluating, with and without re-ranking")
    reports, analysis = measured(dataset, query, gallery)
    reports["chance"] = random_report(
        dataset.query.identities, dataset.gallery.identities, arguments.seed
    )
    say("5/5 writing the page and the sheet")
    lists = ranked_lists(analysis, dataset, (query, gallery))
    page = write_page(
        directory / "report.html",
        title="mgn_fast demo",
        warning=WARNING,
        notes=[_description(dataset, arguments.seed), prepared(contract)],
        reports=reports,
        analysis=analysis,
        lists=lists,
    )
    sheet = write_sheet(
        directory / "sheet.png",
        [lists[place] for place in spread(len(lists), SHEET_LISTS)],
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
    return exit_codes.OK


def measured(
    dataset: Dataset, query: F32Array, gallery: F32Array
) -> tuple[dict[str, Report], Analysis]:
    """The reports of the embeddings by ranking, plain and re-ranked, and what else runs showed."""
    identities = (dataset.query.identities, dataset.gallery.identities)
    builder = AnalysisBuilder(*identities, Protocol())
    reports: dict[str, Report] = {}
    for ranking, settings in rankings(RerankSettings()).items():
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
