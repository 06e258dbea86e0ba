# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast bins`: the recipe's raw tensors for its tools, and mAP from what these made of them."""

from __future__ import annotations

import argparse
import json
from typing import Any, get_args

from mgn_fast.cli import exit_codes
from mgn_fast.cli.evaluation import load_and_tell
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.screen.progress import say, say_if_interrupted, stages
from mgn_fast.common.text import printable
from mgn_fast.datasets.dataset import Dataset, Kind
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import Protocol, ProtocolReport
from mgn_fast.evaluation.reranking import RerankSettings, rankings
from mgn_fast.recipe_files.read import read_results
from mgn_fast.recipe_files.runs import result_lines
from mgn_fast.recipe_files.write import write_bins
from mgn_fast.types import F32Array


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast bins write` and `mgn-fast bins evaluate` with their options."""
    parser = new_command(
        commands,
        "bins",
        help="write the recipe's raw tensors, evaluate its tools' outputs",
        example="mgn-fast bins write Market-1501-v15.09.15 data\n"
        "  mgn-fast bins evaluate result Market-1501-v15.09.15",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_write(actions)
    _add_evaluate(actions)


def _add_write(actions: Commands) -> None:
    parser = new_command(
        actions,
        "write",
        help="write float32 tensors and info files for benchmark, msame and ais_bench",
        example="mgn-fast bins write Market-1501-v15.09.15 data",
    )
    parser.add_argument("dataset", type=path_argument, help="the dataset's directory")
    parser.add_argument("out", type=path_argument, help="the directory to write, or to complete")
    parser.add_argument("--kind", choices=get_args(Kind), default="market1501")
    parser.add_argument(
        "--recipe-order",
        action="store_true",
        help="info files say `384 128`, as the recipe has them, instead of width 128, height 384",
    )
    parser.add_argument("--workers", type=int, help="threads (one per core)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(run=run_write)


def _add_evaluate(actions: Commands) -> None:
    parser = new_command(
        actions,
        "evaluate",
        help="measure mAP and CMC of what benchmark, msame or ais_bench wrote",
        example="mgn-fast bins evaluate result Market-1501-v15.09.15",
    )
    parser.add_argument(
        "results", type=path_argument, help="the directory of q_bin, g_bin, q_bin_flip, ..."
    )
    parser.add_argument("dataset", type=path_argument, help="the dataset's directory")
    parser.add_argument("--kind", choices=get_args(Kind), default="market1501")
    parser.add_argument(
        "--no-rerank", dest="rerank", action="store_false", help="leave the re-ranked line out"
    )
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")
    parser.set_defaults(run=run_evaluate)


def run_write(arguments: argparse.Namespace) -> int:
    """Writes the recipe's raw tensors that are not there yet; exit code 0."""
    dataset = load_and_tell(arguments.dataset, arguments.kind)
    say_if_interrupted(
        f"what was written stays in {arguments.out}; the same command goes on from there"
    )
    with stages("pictures") as progress:
        done = write_bins(
            dataset,
            arguments.out,
            recipe_order=arguments.recipe_order,
            workers=arguments.workers,
            progress=progress,
        )
    if arguments.json:
        summary: dict[str, Any] = {
            "out": str(arguments.out),
            "num_files": done.num_files,
            "num_kept": done.num_kept,
            "num_bytes": done.num_bytes,
            "info": [str(path) for path in done.info_paths],
        }
        print(json.dumps(summary))
        return exit_codes.OK
    names = ", ".join(path.name for path in done.info_paths)
    earlier = f", {done.num_kept} of them kept" if done.num_kept else ""
    print(
        f"{printable(str(arguments.out))}: {done.num_files} tensors{earlier}, "
        f"{done.num_bytes / 1e9:.2f} GB; {names}"
    )
    return exit_codes.OK


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Evaluates what the recipe's tools have written and prints the recipe's lines; exit code 0."""
    dataset = load_and_tell(arguments.dataset, arguments.kind)
    with stages("files") as progress:
        found = read_results(arguments.results, dataset, progress=progress)
    say(f"note: {found.suffix} files of {found.tool}, output {found.output}")
    for note in found.notes:
        say(f"warning: {note}")
    reports = _reports(found.query, found.gallery, dataset, rerank=arguments.rerank)
    if arguments.json:
        result: dict[str, Any] = {
            "results": str(arguments.results),
            "tool": found.tool,
            "format": found.suffix[1:],
            "output": found.output,
            "num_outputs": found.num_outputs,
            "dataset": {"root": str(dataset.root), "kind": dataset.kind},
            "num_queries": len(dataset.query),
            "num_gallery": len(dataset.gallery),
            "reports": {name: report.to_dict() for name, report in reports.items()},
        }
        print(json.dumps(result))
    else:
        print("\n".join(result_lines(reports)))
    return exit_codes.OK


def _reports(
    query: F32Array, gallery: F32Array, dataset: Dataset, *, rerank: bool
) -> dict[str, ProtocolReport]:
    """By the recipe's rules, under the names `mgn-fast evaluate` uses."""
    reports = {}
    for name, settings in rankings(RerankSettings() if rerank else None).items():
        with stages() as progress:
            (reports[name],) = measure_embeddings(
                query,
                gallery,
                dataset.query.identities,
                dataset.gallery.identities,
                [Protocol()],
                rerank=settings,
                progress=progress,
            )
    return reports
