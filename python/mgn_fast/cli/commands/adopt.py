# SPDX-License-Identifier: Apache-2.0
"""`mgn-fast adopt`: writes down once how a model that others made wants its pictures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mgn_fast.cli import exit_codes
from mgn_fast.cli.contract_options import add_contract_options, stated_contract
from mgn_fast.cli.evaluation import (
    embed_both,
    embed_split,
    load_and_tell,
    looks_like_market1501,
    print_reports,
)
from mgn_fast.cli.options import Commands, new_command, path_argument
from mgn_fast.cli.screen.progress import say, stages
from mgn_fast.common.text import printable
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.datasets.label_file import read_labels
from mgn_fast.datasets.split import Split
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import DatasetError, InvalidInputError
from mgn_fast.evaluation.measure import evaluate
from mgn_fast.evaluation.protocol import unmatched
from mgn_fast.evaluation.report import Report
from mgn_fast.evaluation.sides import sides_of
from mgn_fast.inference.adopting import adopt
from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import in_one_line
from mgn_fast.models.model_file import contract_in
from mgn_fast.models.presets import with_changes
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.verification.preparation import AS_STATED, PreparationCheck, check_preparation


def add_parser(commands: Commands) -> None:
    """Adds `mgn-fast adopt` and its options."""
    parser = new_command(
        commands,
        "adopt",
        help="write into a model how it wants its pictures",
        example="mgn-fast adopt osnet.onnx -o osnet-adopted.onnx --contract torchreid\n"
        "  mgn-fast adopt osnet.onnx -o osnet-adopted.onnx --contract torchreid --check pictures/",
    )
    parser.add_argument("model", type=path_argument, help="an .onnx, .om or .xml file")
    parser.add_argument(
        "-o",
        "--output",
        type=path_argument,
        help="the file to write, of the same kind (MODEL itself gets the contract)",
    )
    group = add_contract_options(parser)
    group.add_argument(
        "--mirror",
        choices=("add", "none"),
        help="whether the mirrored picture's embedding is added",
    )
    checks = parser.add_argument_group("looking at what comes out, before anything is written")
    checks.add_argument(
        "--check",
        type=path_argument,
        metavar="PICTURES",
        help="tell whether pictures look rightly prepared; needs no labels",
    )
    checks.add_argument(
        "--labels",
        type=path_argument,
        metavar="FILE",
        help="a .csv with columns path, person and camera: report mAP too",
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Writes the contract, and with --check says what the model makes of pictures; exit code 0."""
    contract = _contract(arguments)
    if arguments.labels is not None and arguments.check is None:
        raise InvalidInputError(
            f"--labels is {str(arguments.labels)!r} without --check; expected the pictures too"
        )
    summary: dict[str, Any] = {}
    if arguments.check is not None:
        summary |= _check(arguments, contract)
    path = adopt(arguments.model, arguments.output, contract=contract)
    written = contract_in(path)
    assert written is not None  # it was written just now
    if arguments.json:
        print(json.dumps({"path": str(path), "contract": written.to_dict()} | summary))
    else:
        print(f"{printable(str(path))}: {printable(in_one_line(written))}")
        if path.suffix == ".om" and arguments.check is None:
            say("note: the contract is checked against the model when it is opened")
    return exit_codes.OK


def _contract(arguments: argparse.Namespace) -> Contract:
    contract = stated_contract(arguments, arguments.model)
    if contract is None and (arguments.mirror or arguments.output_name):
        contract = contract_in(arguments.model)
    if contract is None:
        raise InvalidInputError(
            "--contract is not given, and nothing else says how the model wants its pictures; "
            "expected --contract with a training's name or a .json file"
        )
    said = {"output": arguments.output_name, "mirror": arguments.mirror}
    return with_changes(contract, {name: word for name, word in said.items() if word is not None})


def _check(arguments: argparse.Namespace, contract: Contract) -> dict[str, Any]:
    labelled = _labelled(arguments)
    with stages() as progress:
        found = check_preparation(
            arguments.model, list_pictures(arguments.check), contract=contract, progress=progress
        )
    report = None if labelled is None else _evaluated(arguments.model, contract, labelled)
    if not arguments.json:
        _print(found)
        if report is not None:
            print_reports({"labelled pictures": report})
    for doubt in found.doubts:
        say(f"warning: {doubt}")
    checked = {"check": found.to_dict()}
    return checked if report is None else checked | {"evaluation": report.to_dict()}


def _labelled(arguments: argparse.Namespace) -> Split | Dataset | None:
    """Who is on the pictures, by the file given or by their place in a dataset; None if unknown."""
    if arguments.labels is not None:
        return _with_matches(read_labels(arguments.labels), arguments.labels)
    if not looks_like_market1501(arguments.check):
        return None
    return load_and_tell(arguments.check, "market1501")


def _with_matches(labelled: Split, path: Path) -> Split:
    """The labels, if anybody on them can be found; said before an hour of embedding."""
    who = labelled.identities
    if unmatched(sides_of(who, who, "drop")) == (0, len(who)):
        raise DatasetError(
            f"labels {str(path)!r} have no person whom two cameras took, nor, without cameras, one "
            "with two pictures: nobody can be found again, so there is no mAP"
        )
    return labelled


def _evaluated(model: Path, contract: Contract, labelled: Split | Dataset) -> Report:
    """Query against gallery; without them all against all: none finds itself."""
    with Embedder(model, contract=contract) as embedder:
        if isinstance(labelled, Dataset):
            who = labelled.query.identities, labelled.gallery.identities
            return evaluate(*embed_both(embedder, labelled), *who)
        rows = embed_split(embedder, labelled, "labelled pictures")
    return evaluate(rows, rows, labelled.identities, labelled.identities)


def _print(found: PreparationCheck) -> None:
    low, median, high = found.cosines
    print(f"{'pictures':<27} {found.num_pictures}, {len(found.skipped)} skipped")
    print(f"{'different pictures':<27} cosine {low:.3f} to {high:.3f}, median {median:.3f}")
    if found.mirror_cosine is not None:
        print(f"{'a picture and its mirror':<27} cosine {found.mirror_cosine:.3f}")
    print(f"{'red and blue exchanged':<27} cosine {found.swapped_cosine:.3f}")
    print("two views of a picture against other pictures, in standard deviations:")
    for name, separation in found.separations.items():
        print(f"  {name:<25} {separation:.2f}")
    if not found.doubts:
        print(f"pictures look rightly prepared {AS_STATED}")
