# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast evaluate`: mAP, CMC and mINP of a model, or of embeddings on disk, on a dataset."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from mgn_fast.cli import exit_codes
from mgn_fast.cli.datasets import (
    add_dataset_options,
    given_dataset,
    has_dataset,
    require_files,
    say_what_labels_tell,
)
from mgn_fast.cli.evaluated_rows import Rows, embeddings_of, say_memory
from mgn_fast.cli.evaluation import print_reports
from mgn_fast.cli.galleries.keeping import kept_rows
from mgn_fast.cli.galleries.labelled import labelled_galleries
from mgn_fast.cli.options import (
    Commands,
    add_rerank_options,
    add_session_options,
    new_command,
    path_argument,
    simulated_note,
)
from mgn_fast.cli.page_files import add_page_files, open_page_files, output_file
from mgn_fast.cli.protocol_options import add_protocol_options, protocols_of, rankings_of
from mgn_fast.cli.screen.progress import stages
from mgn_fast.common.checks import whole_number
from mgn_fast.common.files import write_json
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import (
    ProtocolReport,
)
from mgn_fast.evaluation.report import csv_of
from mgn_fast.gallery.writer import SUFFIX
from mgn_fast.report.analysis import AnalysisBuilder
from mgn_fast.report.evaluation_page import draw_evaluation


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast evaluate` and its options."""
    parser = new_command(
        commands,
        "evaluate",
        help="measure mAP, CMC and mINP on a dataset",
        example="mgn-fast evaluate Market-1501-v15.09.15 --model mgn.onnx --rerank"
        " --html page.html\n"
        "  mgn-fast evaluate --labels people.csv --model mgn.onnx --keep people.gallery\n"
        "  mgn-fast evaluate --labels people.csv --query q.npy --gallery g.npy",
    )
    add_dataset_options(parser)
    parser.add_argument(
        "--model", type=path_argument, help="an .onnx, .om or .xml file to embed the pictures with"
    )
    parser.add_argument(
        "--query",
        type=path_argument,
        help="embeddings of the queries: .npy, .npz, .parquet, .csv, .pt or .gallery",
    )
    parser.add_argument("--gallery", type=path_argument, help="embeddings of the gallery, likewise")
    parser.add_argument(
        "--keep",
        type=path_argument,
        metavar="NAME.gallery",
        help="embed into this gallery, which keeps what is done and is read the next time",
    )
    add_protocol_options(parser)
    parser.add_argument(
        "--roc",
        action="store_true",
        help="tell what thresholds on the distance accept, for verification and search --threshold",
    )
    add_rerank_options(parser)
    add_session_options(parser)
    _add_page_options(parser)
    parser.add_argument(
        "--strict", action="store_true", help="exit 3 where counts differ from the published ones"
    )
    parser.add_argument(
        "-o", "--output", type=path_argument, help="write the reports to this .json file"
    )
    parser.add_argument("--csv", type=path_argument, help="write the table to this .csv file")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")
    parser.set_defaults(run=run)


def _add_page_options(parser: argparse.ArgumentParser) -> None:
    group = add_page_files(
        parser,
        page="write figures, plots and the ranked lists to this page",
        sheet="write the hardest queries' ranked lists to this picture",
    )
    group.add_argument(
        "--lists", type=int, default=1000, help="queries listed on the page, hardest first (1000)"
    )
    group.add_argument("--depth", type=int, default=10, help="gallery pictures of each list (10)")
    group.add_argument(
        "--parts",
        action="store_true",
        help="show how near each part of the body is, where the model has parts as MGN does",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints a dataset's mAP, CMC and mINP, from a model or from embeddings; exit code 0."""
    _check_source(arguments)
    _check_drawing(arguments)
    protocols_of(arguments), rankings_of(arguments)  # which refuse options outside their range
    # The outputs are tried before hours of work are put into what goes there.
    with (
        output_file(arguments.output, ".json") as output,
        output_file(arguments.csv, ".csv") as table,
        open_page_files(arguments) as (html, png),
    ):
        result, reports = _evaluated(arguments, html, png)
        titled = {_title(name, report): report for name, report in reports.items()}
        if output is not None:
            write_json(output, result)
        if table is not None:
            table.write_text(csv_of(titled), encoding="utf-8")
    if arguments.json:
        print(json.dumps(result))
    else:
        print_reports(titled)
    return exit_codes.OK


def _title(name: str, report: ProtocolReport) -> str:
    protocol = report.protocol
    if protocol.single_shot == "no":
        return name
    drawn = f"{protocol.draws} draws, seed {protocol.seed}"
    return f"{name} ({drawn if protocol.single_shot == 'drawn' else 'expected'})"


def _evaluated(
    arguments: argparse.Namespace, html: Path | None, png: Path | None
) -> tuple[dict[str, Any], dict[str, ProtocolReport]]:
    """What goes into the file, and the reports it is made of; draws what was asked for."""
    dataset = _dataset(arguments)
    say_what_labels_tell(dataset, arguments.same_camera, arguments.same_picture)
    rows = _rows(arguments, dataset)
    query, gallery, contract = rows.query, rows.gallery, rows.contract
    builder = None if html is None and png is None else _analysis_builder(arguments, dataset)
    reports = _reports(rows, dataset, arguments, builder)
    if builder is not None:
        with stages() as progress:
            draw_evaluation(
                dataset,
                reports,
                builder.analysis(),
                html=html,
                png=png,
                embeddings=(query, gallery) if arguments.parts else None,
                contract=contract,
                progress=progress,
            )
    result: dict[str, Any] = {
        "dataset": {"root": str(dataset.root), "kind": dataset.kind},
        "dataset_notes": list(dataset.notes),
        "metric": arguments.metric,
        "contract": None if contract is None else contract.to_dict(),
        "contract_origin": None if contract is None else contract.origin,
        "num_queries": len(dataset.query),
        "num_gallery": len(dataset.gallery),
        "num_junk": dataset.num_junk,
        "num_distractors": dataset.num_distractors,
        "reports": {name: report.to_dict() for name, report in reports.items()},
    }
    return result, reports


def _rows(arguments: argparse.Namespace, dataset: Dataset) -> Rows:
    if arguments.keep is None:
        return embeddings_of(arguments, dataset)
    query, gallery, kept = kept_rows(arguments, dataset)
    say_memory(arguments, dataset, kept.width, embedded=True)
    return Rows(query, gallery, kept.contract, simulated_note(kept.simulated))


def _analysis_builder(arguments: argparse.Namespace, dataset: Dataset) -> AnalysisBuilder:
    return AnalysisBuilder(
        dataset.query.identities,
        dataset.gallery.identities,
        protocols_of(arguments)[""],
        lists=arguments.lists,
        depth=arguments.depth,
    )


def _reports(
    rows: Rows,
    dataset: Dataset,
    arguments: argparse.Namespace,
    builder: AnalysisBuilder | None,
) -> dict[str, ProtocolReport]:
    """The report, and with `--rerank` the re-ranked one after it; each single-shot too if asked."""
    protocols = protocols_of(arguments)
    reports = {}
    for ranking, settings in rankings_of(arguments).items():
        with stages() as progress:
            measured = measure_embeddings(
                rows.query,
                rows.gallery,
                dataset.query.identities,
                dataset.gallery.identities,
                list(protocols.values()),
                rerank=settings,
                metric=arguments.metric,
                verification=arguments.roc and settings is None,
                progress=progress,
                observers=() if builder is None else builder.block_observers(),
            )
        if builder is not None:
            builder.add(ranking, measured[0])
        for suffix, report in zip(protocols, measured, strict=True):
            reports[ranking + suffix] = replace(report, notes=(*rows.notes, *report.notes))
    return reports


def _check_source(arguments: argparse.Namespace) -> None:
    files = (arguments.query, arguments.gallery)
    embeds = arguments.model is not None or arguments.keep is not None
    if embeds == any(file is not None for file in files) or (None in files and any(files)):
        raise InvalidInputError(
            f"--model is {arguments.model}, --query {files[0]}, --gallery {files[1]}; "
            "give --model, or --query and --gallery, or --keep with what was embedded before"
        )
    if arguments.model is not None and arguments.on_error == "skip":
        raise InvalidInputError(
            "--on-error is 'skip', but every picture of a dataset counts; expected 'raise'"
        )


def _check_drawing(arguments: argparse.Namespace) -> None:
    if arguments.html is not None or arguments.png is not None:
        whole_number("lists", arguments.lists, 1)
        whole_number("depth", arguments.depth, 1)
    elif arguments.parts:
        raise InvalidInputError("--parts is given without --html or --png, expected one of them")


def _dataset(arguments: argparse.Namespace) -> Dataset:
    """The labelled pictures: as the options name them, or as the galleries of embeddings do."""
    if has_dataset(arguments):
        dataset = given_dataset(arguments, strict=arguments.strict)
        if arguments.model is not None:
            require_files(dataset)
        return dataset
    files = [arguments.query, arguments.gallery]
    if all(file is not None and file.suffix == SUFFIX for file in files):
        return labelled_galleries(*files)
    raise InvalidInputError(
        "neither DATASET nor --labels is given; expected who is on the pictures: a directory, a "
        "table, or --query and --gallery that are labelled galleries"
    )
