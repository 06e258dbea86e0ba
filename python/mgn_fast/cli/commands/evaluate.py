# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast evaluate`: mAP, CMC and mINP of a model, or of embeddings on disk, on a dataset."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from mgn_fast.cli import exit_codes
from mgn_fast.cli.evaluation import (
    embed_split,
    embeddings_of_split,
    json_output,
    load_and_tell,
    print_reports,
)
from mgn_fast.cli.galleries.contract_in_use import required_parts, say_differences, used_contract
from mgn_fast.cli.options import (
    Commands,
    add_rerank_options,
    add_session_options,
    new_command,
    path_argument,
    session_options,
)
from mgn_fast.cli.page_files import add_page_files, open_page_files
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.common.checks import whole_number
from mgn_fast.common.files import write_json
from mgn_fast.common.memory import available_bytes, in_words
from mgn_fast.datasets.dataset import Dataset, Kind
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.memory_plan import require_room
from mgn_fast.evaluation.protocol import (
    PrecisionRule,
    Protocol,
    ProtocolReport,
    unmatched,
)
from mgn_fast.evaluation.reranking import RerankSettings, rankings
from mgn_fast.evaluation.sides import SameCamera, sides_of
from mgn_fast.evaluation.size import work_of
from mgn_fast.models.contract import Contract
from mgn_fast.report.analysis import AnalysisBuilder
from mgn_fast.report.evaluation_page import draw_evaluation
from mgn_fast.types import AnyArray


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast evaluate` and its options."""
    parser = new_command(
        commands,
        "evaluate",
        help="measure mAP, CMC and mINP on a dataset",
        example="mgn-fast evaluate Market-1501-v15.09.15 --model mgn.onnx --rerank"
        " --html page.html\n"
        "  mgn-fast evaluate Market-1501-v15.09.15 --query q.npy --gallery g.npy",
    )
    parser.add_argument("dataset", type=path_argument, help="the dataset's directory")
    parser.add_argument("--kind", choices=get_args(Kind), default="market1501")
    parser.add_argument(
        "--model", type=path_argument, help="an .onnx, .om or .xml file to embed the pictures with"
    )
    parser.add_argument("--query", type=path_argument, help="embeddings of the queries, .npy")
    parser.add_argument("--gallery", type=path_argument, help="embeddings of the gallery, .npy")
    _add_protocol_options(parser)
    add_rerank_options(parser)
    add_session_options(parser)
    _add_page_options(parser)
    parser.add_argument(
        "--strict", action="store_true", help="exit 3 where counts differ from the published ones"
    )
    parser.add_argument(
        "-o", "--output", type=path_argument, help="write the reports to this .json file"
    )
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")
    parser.set_defaults(run=run)


def _add_protocol_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("protocol")
    group.add_argument("--ap", choices=get_args(PrecisionRule), default="sklearn")
    group.add_argument(
        "--same-camera",
        choices=get_args(SameCamera),
        default="drop",
        help="gallery pictures of the query's person by its camera; separate: all by it (drop)",
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
    _protocols(arguments), _rankings(arguments)  # which refuse options outside their range
    # The outputs are tried before hours of work are put into what goes there.
    with json_output(arguments.output) as output, open_page_files(arguments) as (html, png):
        result, reports = _evaluated(arguments, html, png)
        if output is not None:
            write_json(output, result)
    if arguments.json:
        print(json.dumps(result))
    else:
        print_reports({_title(name, report): report for name, report in reports.items()})
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
    dataset = load_and_tell(arguments.dataset, arguments.kind, strict=arguments.strict)
    query, gallery, contract = _embeddings(arguments, dataset)
    builder = None if html is None and png is None else _analysis_builder(arguments, dataset)
    reports = _reports(query, gallery, dataset, arguments, builder)
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
        "contract": None if contract is None else contract.to_dict(),
        "contract_origin": None if contract is None else contract.origin,
        "num_queries": len(dataset.query),
        "num_gallery": len(dataset.gallery),
        "num_junk": dataset.num_junk,
        "num_distractors": dataset.num_distractors,
        "reports": {name: report.to_dict() for name, report in reports.items()},
    }
    return result, reports


def _analysis_builder(arguments: argparse.Namespace, dataset: Dataset) -> AnalysisBuilder:
    return AnalysisBuilder(
        dataset.query.identities,
        dataset.gallery.identities,
        _protocols(arguments)[""],
        lists=arguments.lists,
        depth=arguments.depth,
    )


def _reports(
    query: AnyArray,
    gallery: AnyArray,
    dataset: Dataset,
    arguments: argparse.Namespace,
    builder: AnalysisBuilder | None,
) -> dict[str, ProtocolReport]:
    """The report, and with `--rerank` the re-ranked one after it; each single-shot too if asked."""
    protocols = _protocols(arguments)
    reports = {}
    for ranking, settings in _rankings(arguments).items():
        with stages() as progress:
            measured = measure_embeddings(
                query,
                gallery,
                dataset.query.identities,
                dataset.gallery.identities,
                list(protocols.values()),
                rerank=settings,
                progress=progress,
                observers=() if builder is None else builder.block_observers(),
            )
        if builder is not None:
            builder.add(ranking, measured[0])
        for suffix, report in zip(protocols, measured, strict=True):
            reports[ranking + suffix] = report
    _say_what_has_no_match(dataset, arguments.same_camera)
    return reports


def _rankings(arguments: argparse.Namespace) -> dict[str, RerankSettings | None]:
    if not arguments.rerank:
        return rankings(None)
    return rankings(RerankSettings(arguments.k1, arguments.k2, arguments.original_weight))


def _protocols(arguments: argparse.Namespace) -> dict[str, Protocol]:
    """The protocols asked for, by what each adds to the name of its report."""
    whole = Protocol(
        max_rank=arguments.max_rank,
        ap=arguments.ap,
        same_camera=arguments.same_camera,
        first_match_break=not arguments.all_matches,
        draws=arguments.draws,
        seed=arguments.seed,
    )
    protocols = {"": whole}
    if arguments.single_shot is not None:
        protocols[", single-shot"] = replace(whole, single_shot=arguments.single_shot)
    return protocols


def _say_memory(
    arguments: argparse.Namespace, dataset: Dataset, width: int, *, embedded: bool
) -> None:
    """What the run will take; one that cannot fit ends here, before hours of embedding."""
    shape = len(dataset.query), len(dataset.gallery), width
    rows = 4 * (shape[0] + shape[1]) * width
    needed = 0
    for name, settings in _rankings(arguments).items():
        work = work_of(shape, list(_protocols(arguments).values()), settings)
        work = replace(work, besides=0 if embedded else rows)
        needed = max(needed, require_room(f"{name} evaluation", work))
    left = available_bytes()
    there = "what is available is not known" if left is None else f"{in_words(left)} available"
    kind = "beyond the embeddings" if embedded else "with the embeddings"
    say(f"memory: about {in_words(needed)} {kind} of {in_words(rows)}; {there}")


def _say_what_has_no_match(dataset: Dataset, same_camera: SameCamera) -> None:
    absent, removed = unmatched(
        sides_of(dataset.query.identities, dataset.gallery.identities, same_camera)
    )
    if absent:
        say(f"note: {absent} queries show a person who is not in the gallery")
    if removed:
        say(
            f"note: of {removed} queries every gallery picture of the person is by their own "
            f"camera, which --same-camera {same_camera} removes"
        )


def _check_source(arguments: argparse.Namespace) -> None:
    files = (arguments.query, arguments.gallery)
    if (arguments.model is None) == (files == (None, None)) or (None in files and any(files)):
        raise InvalidInputError(
            f"--model is {arguments.model}, --query {files[0]}, --gallery {files[1]}; "
            "give --model, or --query and --gallery"
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


def _embeddings(
    arguments: argparse.Namespace, dataset: Dataset
) -> tuple[AnyArray, AnyArray, Contract | None]:
    """Of queries and gallery, and the contract that they were made by; None if nobody says it."""
    if arguments.model is not None:
        return _from_model(arguments, dataset)
    query = embeddings_of_split(arguments.query, dataset.query, "query")
    gallery = embeddings_of_split(arguments.gallery, dataset.gallery, "gallery")
    contracts = {arguments.query: query.contract, arguments.gallery: gallery.contract}
    say_differences(
        query.contract,
        gallery.contract,
        names=(str(arguments.query), str(arguments.gallery)),
        remark="embeddings of unlike contracts do not compare",
    )
    if arguments.parts:
        _require_same_parts(contracts)
    _say_memory(arguments, dataset, gallery.rows.shape[1], embedded=True)
    return query.rows, gallery.rows, gallery.contract or query.contract


def _from_model(
    arguments: argparse.Namespace, dataset: Dataset
) -> tuple[AnyArray, AnyArray, Contract]:
    with Embedder(arguments.model, **session_options(arguments)) as embedder:
        contract = used_contract(embedder)
        if arguments.parts:
            remedy = "state it with --contract"
            required_parts(contract, f"model {str(arguments.model)!r}", remedy=remedy)
        _say_memory(arguments, dataset, embedder.session.embedding_width, embedded=False)
        return (
            embed_split(embedder, dataset.query, "query"),
            embed_split(embedder, dataset.gallery, "gallery"),
            contract,
        )


def _require_same_parts(contracts: dict[Path, Contract | None]) -> None:
    remedy = "embed the pictures with `mgn-fast embed`, or give --model"
    parts = {
        path: required_parts(contract, repr(str(path)), remedy=remedy)
        for path, contract in contracts.items()
    }
    if len(set(parts.values())) > 1:
        said = [f"{str(path)!r} has {[name for name, _ in named]}" for path, named in parts.items()]
        raise InvalidInputError(
            f"--parts is given, and {' and '.join(said)}; expected the same parts in both"
        )
