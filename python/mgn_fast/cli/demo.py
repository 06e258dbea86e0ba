# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast demo`: the whole job from nothing, on drawn pictures with random weights."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from ..datasets import Dataset, synthetic
from ..distances import rank
from ..embedder import Embedder
from ..errors import InvalidInputError
from ..evaluate import evaluate, evaluate_distances
from ..export import export_onnx
from ..report import RankedList, Tile, Verdict, write_report
from ..types import F32Array, Report
from .evaluate import embed_split
from .options import Commands, new_command, path_argument
from .progress import say, working
from .tables import print_reports

NUM_LISTS = 12
LIST_DEPTH = 10
CHANCE_REPEATS = 20
WARNING = (
    "The network's weights are random and the people are drawn. The figures show that every stage "
    "works and that pictures of one drawn person look alike even to a random network; they say "
    "nothing about MGN on real people. Export a trained checkpoint for that."
)


def add_parser(commands: Commands) -> None:
    """Adds the command.

    Args:
        commands: what `add_subparsers` returned.
    """
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
    """Draws, exports, embeds, evaluates and writes the page.

    Args:
        arguments: the parsed command line.

    Returns:
        0.

    Raises:
        MgnError: see the functions behind each stage.
    """
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
    identities = (dataset.query.identities, dataset.gallery.identities)
    reports = {
        "plain": evaluate(query, gallery, *identities),
        "re-ranked": evaluate(query, gallery, *identities, rerank=True),
        "chance": chance(dataset, arguments.seed),
    }
    say("5/5 writing the page")
    page = write_report(
        directory / "report.html",
        title="mgn_fast demo",
        notes=(WARNING, _description(dataset, arguments.seed)),
        reports=reports,
        ranked=ranked_lists(dataset, query, gallery, reports["plain"]),
    )
    seconds = time.monotonic() - started
    if arguments.json:
        figures = {name: report.to_dict() for name, report in reports.items()}
        summary = {"report": str(page), "seconds": seconds, "random_weights": True}
        print(json.dumps(summary | {"reports": figures}))
    else:
        print_reports(reports)
        print(f"random weights, drawn people: {page} says what that means ({seconds:.0f} s)")
    return 0


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


def ranked_lists(
    dataset: Dataset, query: F32Array, gallery: F32Array, report: Report
) -> list[RankedList]:
    """Ranked lists of queries spread from the hardest to the easiest.

    Args:
        dataset: the pictures and who is on them.
        query, gallery: their embeddings.
        report: of these embeddings.

    Returns:
        At most twelve lists of at most ten gallery pictures.
    """
    by_precision = np.argsort(report.average_precision, kind="stable")
    spread = np.linspace(0, len(by_precision) - 1, min(NUM_LISTS, len(by_precision)))
    chosen = by_precision[spread.astype(int)]
    ranking = rank(query[chosen], gallery, depth=min(LIST_DEPTH, len(gallery)))
    lists = []
    for row, index in enumerate(chosen):
        precision = report.average_precision[index]
        camera = dataset.query.camera[index]
        tiles = [Tile(dataset.query.paths[index], "query", f"camera {camera}")]
        for position, distance in zip(ranking.indices[row], ranking.distances[row], strict=True):
            caption = f"camera {dataset.gallery.camera[position]}\n{distance:.3f}"
            verdict = _verdict(dataset, index, position)
            tiles.append(Tile(dataset.gallery.paths[position], verdict, caption))
        title = f"{dataset.query.paths[index].name}: average precision {precision:.3f}"
        lists.append(RankedList(title, tiles))
    return lists


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


def _verdict(dataset: Dataset, query: int, position: int) -> Verdict:
    if dataset.query.person[query] != dataset.gallery.person[position]:
        return "other"
    same_camera = dataset.query.camera[query] == dataset.gallery.camera[position]
    return "junk" if same_camera else "match"
