# SPDX-License-Identifier: Apache-2.0
"""From a float32 model to one in int8 for the CPU, checked on pictures that it was not made from.

Ranges are those of the user's own pictures; what int8 harms most for what it saves stays float32.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mgn_fast.common.checks import one_of, output_name, path_of
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import replacing
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import DecodeError, ExportError, InvalidInputError, ModelError
from mgn_fast.evaluation.agreement import spread
from mgn_fast.inference.opening import open_session
from mgn_fast.models.contract import METADATA_KEY, Contract
from mgn_fast.models.onnx_file import read_onnx
from mgn_fast.models.precision import quantises
from mgn_fast.models.presets import StatedContract
from mgn_fast.pictures import pixels
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.quantize.trial import Accuracy, QuantizeTrial, TrialSetup
from mgn_fast.types import PathLike, U8Array

if TYPE_CHECKING:
    from mgn_fast.quantize.blocks import Block, FloatGraph

# The file's metadata has here what was kept, and how near the embeddings came.
QUANTIZED_KEY = "mgn_fast.quantized"
# What the worst picture must keep of its float32 embedding, unless the caller says otherwise.
MIN_COSINE = 0.986
# The least to take ranges of, and a few to judge by.
MIN_PICTURES = 12
# More would take minutes and hardly move the ranges.
MAX_PICTURES = 144

KeepFloat32 = int | Literal["auto", "none"]


@dataclass(frozen=True)
class Quantized:
    """The int8 file that was written, with its accuracy and what stayed float32.

    Attributes:
        path: the file.
        calibrated_on: pictures that gave the ranges.
        checked_on: pictures that gave the accuracy: none of these.
        min_cosine: what the worst picture was to reach; None where nothing was to be reached.
        num_blocks: residual blocks and single convolutions that could be int8.
        kept: names of those that stayed float32, the most worthwhile first.
        kept_work: their share of the network's multiplications.
        without_kept: the accuracy with everything in int8.
        accuracy: the file's.
        skipped: why pictures were left out, one sentence each.
    """

    path: Path
    calibrated_on: int
    checked_on: int
    min_cosine: float | None
    num_blocks: int
    kept: tuple[str, ...]
    kept_work: float
    without_kept: Accuracy
    accuracy: Accuracy
    skipped: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The findings as plain numbers and lists, by the attributes' names.

        Returns:
            A dict with the attributes' names as keys.
        """
        lists = {"kept": list(self.kept), "skipped": list(self.skipped)}
        return asdict(self) | {"path": str(self.path)} | lists


def quantize_onnx(
    model: PathLike,
    pictures: PathLike | Iterable[pixels.Source],
    path: PathLike,
    *,
    contract: StatedContract | None = None,
    output: str | None = None,
    min_cosine: float | None = None,
    keep_float32: KeepFloat32 = "auto",
    on_error: Literal["raise", "skip"] = "raise",
    threads: int | None = None,
    progress: Progress = no_progress,
) -> Quantized:
    """Writes a model's int8 form: three to four times as fast where the CPU has VNNI.

    The pictures should be like those to come; of more than 144 as many are taken, evenly spread.
    Two thirds of them give the ranges of the uint8 activations; weights are int8 with a scale for
    each channel. The others tell how near the embeddings stay to the float32 ones; the contract
    says how pictures are prepared and mirrored, and which output is judged. If the worst of them is
    not near enough, every residual block is tried in float32 by itself, and the fewest that regain
    most for their cost stay so. The same pictures, model, versions and kind of CPU give the same
    file. It has all of the model's outputs and the contract, and appears whole or not at all.

    Args:
        model: a float32 .onnx file, not quantised.
        pictures: a directory (all files below it), or pictures as an `Embedder` takes them; at
            least 12, of different people.
        path: the file to write; its name ends in .onnx.
        contract: how the model wants its pictures, in place of what the file says, as
            `open_session` takes it.
        output: name of the output that holds the embeddings and is judged; None is the contract's,
            else the only one.
        min_cosine: what the worst held-out picture must reach, above 0 and below 1; None is 0.986.
        keep_float32: how many blocks stay float32: "auto", as many as `min_cosine` needs; "none";
            or a number, with which nothing need be reached.
        on_error: "raise", or "skip" pictures that cannot be decoded.
        threads: to compute with; None is one per core.
        progress: is told how many pictures, or blocks, of each stage are done.

    Returns:
        What was kept in float32, and the accuracy with and without it.

    Raises:
        InvalidInputError: an option out of range, too few pictures, or the file cannot be written.
        ModelError: the model cannot be used, is quantised already, has nothing to quantise, or
            neither it nor the caller says its contract, or they do not fit together; or
            `min_cosine` is not reached with anything left in int8.
        DecodeError: a picture cannot be decoded.
        ExportError: onnx is not installed.
    """
    target = output_name(path, ".onnx", exact=True)
    goal = _checked_goal(min_cosine, keep_float32)
    thread_count(threads)
    source = path_of("model", model)
    batch_size = _fixed_batch(source)
    wanted = _contract_in_force(source, contract, output, threads)
    sources = _sources(pictures)
    # The output directory is tried before any work is done.
    with replacing(target) as written, tempfile.TemporaryDirectory(prefix="mgn_fast-") as scratch:
        graph = _open_graph(source, wanted)
        _check_number(keep_float32, graph)
        resized, skipped = _read(sources, wanted, on_error, progress)
        setup = TrialSetup(source, batch_size, wanted, graph, Path(scratch), threads, progress)
        trial = QuantizeTrial(setup, resized)
        without_kept = trial.accuracy([])
        kept, accuracy = _choose(trial, setup, goal, keep_float32, without_kept)
        found = Quantized(
            path=target,
            calibrated_on=len(trial.calibration),
            checked_on=len(trial.held_out),
            min_cosine=goal,
            num_blocks=len(graph.blocks),
            kept=tuple(block.name for block in kept),
            kept_work=sum(block.multiplications for block in kept) / max(1, graph.multiplications),
            without_kept=without_kept,
            accuracy=accuracy,
            skipped=skipped,
        )
        said = {QUANTIZED_KEY: _metadata(found)}
        if contract is not None or output is not None:
            said[METADATA_KEY] = wanted.to_json()
        graph.write(written, trial.ranges, kept, said)
    return found


def _choose(
    trial: QuantizeTrial,
    setup: TrialSetup,
    goal: float | None,
    keep_float32: KeepFloat32,
    without_kept: Accuracy,
) -> tuple[list[Block], Accuracy]:
    """The blocks that stay float32, and the accuracy with them."""
    if keep_float32 in ("none", 0):
        return [], without_kept
    if goal is None:
        kept = _ranked(trial, setup)[: int(keep_float32)]
        return kept, trial.accuracy(kept)
    if without_kept.agreement.cosine_min >= goal:
        return [], without_kept
    ranked = _ranked(trial, setup)
    tried: dict[int, Accuracy] = {}

    def reaches(count: int) -> bool:
        tried[count] = trial.accuracy(ranked[:count])
        return tried[count].agreement.cosine_min >= goal

    most = len(ranked) - 1  # one must stay int8
    count = _fewest(most, reaches)
    if count is None:
        reached = tried[most].agreement.cosine_min if most else without_kept.agreement.cosine_min
        raise ModelError(
            f"min_cosine is {goal}, which {setup.model} does not reach with anything left in "
            f"int8: with {most} of {len(ranked)} blocks in float32 the worst picture has "
            f"{reached:.6f}; expected a lower one"
        )
    return ranked[:count], tried[count]


def _fewest(most: int, reaches: Callable[[int], bool]) -> int | None:
    """The least number from 1 to `most` that reaches the goal: 1, 2, 4, ... and then between two.

    None if not even `most` does. Assumes that more than a number that reaches it reaches it too.
    """
    low, high = 0, 1
    while high <= most and not reaches(high):
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high if most else None


def _ranked(trial: QuantizeTrial, setup: TrialSetup) -> list[Block]:
    """All blocks, first those that regain most of the cosine for what they cost in float32."""
    blocks = setup.graph.blocks
    loss = trial.loss([])
    worth = np.empty(len(blocks))
    for number, block in enumerate(blocks):
        setup.progress("blocks in float32, one by one", number, len(blocks))
        worth[number] = (loss - trial.loss([block])) / block.work
    return [blocks[place] for place in np.argsort(-worth, kind="stable")]


def _metadata(found: Quantized) -> str:
    """The findings for the file, without paths, which differ between machines."""
    fields = found.to_dict()
    return json.dumps({key: fields[key] for key in fields if key not in ("path", "skipped")})


def _checked_goal(min_cosine: float | None, keep_float32: KeepFloat32) -> float | None:
    """The cosine that the worst picture must reach; None where the number of blocks is given."""
    is_number = isinstance(keep_float32, int) and not isinstance(keep_float32, bool)
    if not (is_number or keep_float32 in ("auto", "none")):
        raise InvalidInputError(
            f"keep_float32 is {keep_float32!r}, expected 'auto', 'none' or a whole number"
        )
    if keep_float32 != "auto":
        if min_cosine is not None:
            raise InvalidInputError(
                f"min_cosine is {min_cosine} and keep_float32 is {keep_float32!r}: it decides only "
                "with 'auto'"
            )
        return None
    goal = MIN_COSINE if min_cosine is None else min_cosine
    if not isinstance(goal, (int, float)) or not 0 < goal < 1:
        raise InvalidInputError(f"min_cosine is {goal!r}, expected a number above 0 and below 1")
    return goal


def _check_number(keep_float32: KeepFloat32, graph: FloatGraph) -> None:
    if isinstance(keep_float32, int) and not 0 <= keep_float32 < len(graph.blocks):
        raise InvalidInputError(
            f"keep_float32 is {keep_float32}, expected 0 to {len(graph.blocks) - 1}: the model has "
            f"{len(graph.blocks)} blocks, of which one must be int8"
        )


def _fixed_batch(model: Path) -> int | None:
    """The batch size of a float32 model; None where it leaves that free."""
    if model.suffix in (".om", ".xml"):
        raise ModelError(f"{model} ends in {model.suffix!r}, expected the .onnx it was made from")
    described = read_onnx(model)
    if quantises(node.kind for node in described.nodes):
        raise ModelError(
            f"{model} is quantised already; expected the float32 model that it was made from"
        )
    size = described.inputs[0].shape[0] if described.inputs[0].shape else ""
    return size if isinstance(size, int) and size > 0 else None


def _contract_in_force(
    model: Path, contract: StatedContract | None, output: str | None, threads: int | None
) -> Contract:
    """The contract that is stated, or the file's own, once it is known to fit the model."""
    with open_session(
        model,
        backend="onnxruntime",
        lanes=1,
        threads=threads,
        contract=contract,
        output=output,
    ) as session:
        return session.require_contract()


def _open_graph(model: Path, contract: Contract) -> FloatGraph:
    require_extra("export", "onnx", error=ExportError)
    from mgn_fast.quantize.blocks import FloatGraph

    graph = FloatGraph(model, contract.picture_shape)
    if not graph.blocks:
        raise ModelError(
            f"{model} has no convolution of float32 that feeds another, so nothing to quantise"
        )
    return graph


def _sources(pictures: PathLike | Iterable[pixels.Source]) -> list[pixels.Source]:
    if isinstance(pictures, (str, os.PathLike)):
        sources: list[pixels.Source] = [*list_pictures(pictures)]
    else:
        sources = list(pictures)
    _require_enough(len(sources))
    return [sources[place] for place in spread(len(sources), MAX_PICTURES)]


def _require_enough(count: int) -> None:
    if count < MIN_PICTURES:
        raise InvalidInputError(
            f"pictures has {count} entries, expected at least {MIN_PICTURES}: two thirds of them "
            "to take ranges of, the others to judge by"
        )


def _read(
    sources: Sequence[pixels.Source], contract: Contract, on_error: str, progress: Progress
) -> tuple[list[U8Array], tuple[str, ...]]:
    one_of("on_error", on_error, ("raise", "skip"))
    resized, skipped = [], []
    for number, source in enumerate(sources):
        progress("pictures", number, len(sources))
        try:
            decoded = pixels.decode(source, exif=contract.exif)
            resized.append(pixels.resize_for(decoded, contract))
        except DecodeError as error:
            if on_error == "raise":
                raise
            skipped.append(str(error))
    _require_enough(len(resized))
    return resized, tuple(skipped)
