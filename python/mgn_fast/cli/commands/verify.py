# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast verify`: whether a compiled model does what the one it was compiled from does."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import get_args

from mgn_fast.cli import exit_codes
from mgn_fast.cli.evaluation import load_and_tell, looks_like_market1501, print_reports
from mgn_fast.cli.options import (
    Commands,
    add_rerank_options,
    add_session_options,
    new_command,
    path_argument,
    session_options,
)
from mgn_fast.cli.page_files import output_file
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.common.progress import Progress
from mgn_fast.common.text import printable
from mgn_fast.datasets.dataset import Dataset, Kind
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.agreement import Agreement
from mgn_fast.evaluation.report import Report
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.models.in_use import in_one_line
from mgn_fast.verification.findings import (
    MAX_MAP_DROP,
    MIN_COSINE,
    Drift,
    LayerLoss,
    Limits,
    Prediction,
    Verification,
    VerifiedModel,
)
from mgn_fast.verification.run import verify

_MODELS = ("reference", "candidate")


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast verify` and its options."""
    parser = new_command(
        commands,
        "verify",
        help="compare two models on the same pictures",
        example="mgn-fast verify mgn.onnx mgn.om Market-1501-v15.09.15 --reference 0.9433\n"
        "  mgn-fast verify mgn.onnx mgn.om pictures/ --min-cosine 0.999\n"
        "  mgn-fast verify recipe.onnx mgn.om pictures/ --contract recipe\n"
        "  mgn-fast verify mgn.onnx mgn.om Market-1501-v15.09.15 --simulate --json",
    )
    parser.description += (
        " What the options say of a contract is the reference's, and the candidate's where its own "
        "file and sidecar say none."
    )
    parser.add_argument(
        "reference_model", metavar="REFERENCE", type=path_argument, help="the .onnx or .om to match"
    )
    parser.add_argument(
        "candidate_model", metavar="CANDIDATE", type=path_argument, help="the model that is judged"
    )
    parser.add_argument(
        "pictures",
        metavar="PICTURES",
        type=path_argument,
        help="a dataset, for mAP as well, or pictures without labels",
    )
    parser.add_argument(
        "--kind",
        choices=get_args(Kind),
        help="PICTURES is this dataset (market1501 if it is laid out so, else without labels)",
    )
    _add_limits(parser)
    add_rerank_options(parser, switch=None)
    parser.add_argument(
        "--no-rerank", dest="rerank", action="store_false", help="leave re-ranked figures out"
    )
    parser.set_defaults(rerank=True)
    add_session_options(parser, auto=False)
    parser.add_argument(
        "-o", "--output", type=path_argument, help="write the findings to this .json file"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits: exit 6 where one is missed")
    group.add_argument(
        "--min-cosine",
        type=float,
        metavar="X",
        help=f"of every picture's two embeddings ({MIN_COSINE}; with a dataset none, mAP decides)",
    )
    group.add_argument(
        "--max-map-drop",
        type=float,
        metavar="X",
        help=f"how much lower mAP may be, plain and re-ranked ({MAX_MAP_DROP}: a point)",
    )
    group.add_argument(
        "--reference",
        dest="published",
        type=float,
        metavar="MAP",
        help="a published mAP for the candidate to reach: re-ranked, or plain with --no-rerank",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints how closely two models agree; exit code 0, or 6 where a limit is missed."""
    # The output is tried before hours of work are put into what goes there.
    with output_file(arguments.output, ".json") as output:
        found = _verified(arguments)
        for warning in found.warnings:
            say(f"warning: {warning}")
        if output is not None:
            found.to_json(output)
    if arguments.json:
        print(json.dumps(found.to_dict()))
    else:
        _print(found)
    return exit_codes.OK if found.passed else exit_codes.INACCURATE


def _verified(arguments: argparse.Namespace) -> Verification:
    pictures = _pictures(arguments.pictures, arguments.kind)
    if arguments.max_map_drop is not None and not isinstance(pictures, Dataset):
        raise InvalidInputError(
            f"--max-map-drop is {arguments.max_map_drop}, but {str(arguments.pictures)!r} has no "
            "labels; expected a dataset"
        )
    limits = Limits(
        min_cosine=arguments.min_cosine,
        max_map_drop=MAX_MAP_DROP if arguments.max_map_drop is None else arguments.max_map_drop,
        published=arguments.published,
    )
    rerank = None
    if arguments.rerank:
        rerank = RerankSettings(arguments.k1, arguments.k2, arguments.original_weight)
    options = session_options(arguments)
    with stages() as progress:
        return verify(
            arguments.reference_model,
            arguments.candidate_model,
            pictures,
            limits=limits,
            rerank=rerank,
            progress=_titled(progress),
            **options,
        )


def _titled(progress: Progress) -> Progress:
    """The stages that have a model's name do embed."""

    def show(stage: str, done: int, total: int) -> None:
        who = stage.partition(",")[0]
        progress(f"embedding by the {who}" if who in _MODELS else stage, done, total)

    return show


def _pictures(path: Path, kind: Kind | None) -> Dataset | Path:
    """The dataset that is there, or the path of pictures without labels."""
    if kind is None and not looks_like_market1501(path):
        say(f"note: {path} is no dataset in Market-1501's layout: no labels, no mAP")
        return path
    return load_and_tell(path, kind or "market1501")


def _print(found: Verification) -> None:
    whom = "people" if found.retrievals else "pictures"
    for what, model in (("reference", found.reference), ("candidate", found.candidate)):
        print(f"{what:<21} {_described(model, whom)}")
        said = f"{in_one_line(model.contract)}; from {model.contract.origin}"
        print(f"{'':<21} contract: {printable(said)}")
    halves = "plain and mirrored" if found.mirror else "plain only"
    print(f"{'pictures':<21} {found.num_pictures}, {halves}, {len(found.skipped)} skipped")
    _print_agreement("same picture", found.agreement)
    print(f"{'':<21} farthest apart: {printable(found.farthest)}")
    if found.top1_agreement is not None:
        print(f"{'same nearest picture':<21} {found.top1_agreement:.2%}")
    if found.drift is not None:
        _print_drift(found.drift)
    if found.retrievals:
        _print_retrievals(found)
    if found.prediction is not None:
        _print_prediction(found, found.prediction)
    for failure in found.failures:
        print(f"FAILED: {printable(failure)}")
    if found.passed:
        print("passed")


def _described(model: VerifiedModel, whom: str) -> str:
    simulated = ", simulated" if model.simulated else ""
    alike = (
        ""
        if model.median_cosine is None
        else f"; different {whom}: cosine {model.median_cosine:.4f}"
    )
    return f"{printable(str(model.path))} ({model.backend}{simulated}{alike})"


def _print_agreement(what: str, agreement: Agreement) -> None:
    print(
        f"{what:<21} cosine min {agreement.cosine_min:.7f} mean {agreement.cosine_mean:.7f}, "
        f"relative error max {agreement.relative_error_max:.2e} "
        f"mean {agreement.relative_error_mean:.2e}"
    )


def _print_drift(drift: Drift) -> None:
    where = " and ".join(
        name for name, there in (("AIPP", drift.ends.aipp), ("output", drift.ends.output)) if there
    )
    print(f"float16 of {where}, by a model of it, on {drift.measured.num_pictures} pictures:")
    if drift.worst_input_errors is not None:
        red, green, blue = drift.worst_input_errors
        print(
            f"{'  input, at worst':<21} {red:.4f} red, {green:.4f} green, {blue:.4f} blue off the "
            "exact value"
        )
    _print_agreement("  measured", drift.measured)
    _print_agreement("  explained", drift.explained)
    _print_agreement("  left to the network", drift.left)


def _print_prediction(found: Verification, prediction: Prediction) -> None:
    agreement = found.agreement
    drops = ", ".join(f"{name} {both.drop:+.4f}" for name, both in found.retrievals.items())
    title = f"prediction for the chip, simulated ({prediction.mode}):"
    if prediction.whole:
        print(
            f"{title} cosine min {agreement.cosine_min:.7f} mean {agreement.cosine_mean:.7f}"
            + (f", mAP drop {drops}" if drops else "")
        )
    else:
        print(
            f"{title} layers only; the cosines above are to a reference that is reduced itself, "
            "or may be"
        )
    print(f"  layers that lose most, on {prediction.num_pictures} pictures:")
    for layer in prediction.losing_most():
        print(f"    {printable(layer.name)} ({layer.kind}): {_lost(layer)}")


def _lost(layer: LayerLoss) -> str:
    if layer.error is None:
        return "overflows float16"
    if layer.added is None:
        return f"relative error {layer.error:.1e}, behind an overflow"
    more = "more" if layer.added >= 0 else "less"
    return f"relative error {layer.error:.1e}, {abs(layer.added):.0e} {more} than its inputs'"


def _print_retrievals(found: Verification) -> None:
    rows: dict[str, Report] = {}
    for name, both in found.retrievals.items():
        rows |= {f"{name}, reference": both.reference, f"{name}, candidate": both.candidate}
    print_reports(rows)
    drops = ", ".join(f"{name} {both.drop:+.4f}" for name, both in found.retrievals.items())
    print(f"{'drop in mAP':<21} {drops}; at most {found.limits.max_map_drop:g}")
    published = found.limits.published
    if published is not None:
        name = found.published_ranking
        got = found.retrievals[name].candidate.mean_average_precision
        print(f"{'published mAP':<21} {published:.4f}; candidate's, {name}: {got:.4f}")
