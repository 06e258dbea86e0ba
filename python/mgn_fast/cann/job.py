# SPDX-License-Identifier: Apache-2.0
"""A compile job: arguments checked against each other and the model, and ATC's words for them."""

from __future__ import annotations

import math
import os
import string
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from mgn_fast.cann import aipp
from mgn_fast.cann.soc_version import NAME, detect_soc_version
from mgn_fast.common.checks import one_of, output_name, path_of, true_or_false, whole_number
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.models.contract import MAX_BATCH_SIZE, Contract
from mgn_fast.models.fit import completed_shape, embeddings_output, fitted_to, width_of
from mgn_fast.models.om_file import sidecar_path
from mgn_fast.models.onnx_file import OnnxFile, OnnxTensor
from mgn_fast.models.presets import NOTHING_SAID, Statement, contract_of, no_contract
from mgn_fast.types import PathLike

AtcPrecision = Literal["float16", "mixed", "origin"]

SIMULATED_SOC_VERSION = "Ascend310P3"
MAX_GEARS = 100
_PRECISION_MODES = {
    "float16": "force_fp16",
    "mixed": "allow_mix_precision",
    "origin": "must_keep_origin_dtype",
}
# What compile_om itself says to ATC, or what would make it something else than a compiler.
_OURS = frozenset(
    name
    for line in (
        "mode framework model weight output input_format input_shape input_shape_range",
        "input_hint_shape dynamic_batch_size dynamic_image_size dynamic_dims soc_version",
        "insert_op_conf om json singleop help h",
    )
    for name in line.split()
)
_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_./-")


@dataclass(frozen=True)
class Job:
    """The arguments of `compile_om` once they are checked, with the chip known.

    Attributes:
        stated: contract and output, which go before what the ONNX file says.
    """

    onnx: Path
    path: Path
    soc_version: str
    batch_sizes: tuple[int, ...]
    aipp: bool
    precision: AtcPrecision | None
    atc: PathLike | None
    simulate: bool
    extra_args: tuple[str, ...]
    timeout_s: float
    log_path: Path | None
    stated: Statement = NOTHING_SAID

    @property
    def sidecar(self) -> Path:
        """The file beside the .om that says what it was compiled from, and how."""
        return sidecar_path(self.path)


def checked_job(onnx: PathLike, path: PathLike, options: dict[str, Any]) -> Job:
    """The arguments of `compile_om` as a job: gears ascending, the chip known.

    Args:
        onnx: as for `compile_om`.
        path: as for `compile_om`.
        options: the others of `compile_om`, all of them.

    Returns:
        The job.

    Raises:
        InvalidInputError: an argument is not what `compile_om` takes.
        RuntimeUnavailableError: the chip is to be detected, and is not.
    """
    for name, value in (("onnx", onnx), ("path", path), ("log_path", options["log_path"])):
        if name == "log_path" and value is None:
            continue
        if "\0" in os.fspath(path_of(name, value)):
            raise InvalidInputError(f"{name} is {value!r}, expected a path without zero bytes")
    for name in ("aipp", "simulate"):
        true_or_false(name, options[name])
    output_name(path, ".om", exact=True)
    if Path(onnx).suffix in (".om", ".xml"):
        raise InvalidInputError(f"onnx is {str(onnx)!r}, expected an .onnx: ATC compiles no other")
    stated = options["contract"]
    statement = Statement(None if stated is None else contract_of(stated), options["output"])
    one_of("precision", options["precision"], (None, *get_args(AtcPrecision)))
    log_path = None if options["log_path"] is None else Path(options["log_path"])
    if log_path is not None and log_path.absolute() in (
        Path(onnx).absolute(),
        Path(path).absolute(),
    ):
        raise InvalidInputError(f"log_path is {str(log_path)!r}, the model itself")
    checked = {
        "batch_sizes": _checked_batch_sizes(options["batch_sizes"]),
        "extra_args": _checked_extra_args(options["extra_args"], options["precision"]),
        "timeout_s": _checked_timeout(options["timeout_s"]),
        "log_path": log_path,
        "stated": statement,
        "soc_version": _checked_soc_version(options["soc_version"], simulate=options["simulate"]),
    }
    kept = {name: value for name, value in options.items() if name not in ("contract", "output")}
    return Job(Path(onnx), Path(path), **{**kept, **checked})


def _checked_batch_sizes(sizes: Any) -> tuple[int, ...]:
    try:
        numbers = tuple(whole_number("batch_sizes", size, 1, MAX_BATCH_SIZE) for size in sizes)
    except (TypeError, InvalidInputError):
        numbers = ()
    if not 0 < len(set(numbers)) == len(numbers) <= MAX_GEARS:
        raise InvalidInputError(
            f"batch_sizes is {sizes!r}, expected 1 to {MAX_GEARS} different whole numbers from 1 "
            f"to {MAX_BATCH_SIZE}"
        )
    return tuple(sorted(numbers))


def _checked_extra_args(words: Any, precision: AtcPrecision | None) -> tuple[str, ...]:
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise InvalidInputError(f"extra_args is {words!r}, expected a list of words")
    reserved = _OURS if precision is None else _OURS | {"precision_mode", "precision_mode_v2"}
    for word in words:
        # ATC takes one dash for two, and dashes for underscores.
        name = word.lstrip("-").partition("=")[0].replace("-", "_")
        if not word.startswith("-") or "\0" in word or not name:
            raise InvalidInputError(
                f"extra_args has {word!r}, expected options of the form '--name=value'"
            )
        if name in reserved:
            raise InvalidInputError(
                f"extra_args has {word!r}; compile_om sets --{name} from its own arguments"
            )
    return tuple(words)


def _checked_timeout(seconds: Any) -> float:
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not math.isfinite(seconds) or seconds <= 0:
        raise InvalidInputError(f"timeout_s is {seconds!r}, expected seconds above 0")
    return float(seconds)


def _checked_soc_version(name: Any, *, simulate: bool) -> str:
    if name is None:
        return SIMULATED_SOC_VERSION if simulate else detect_soc_version()
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidInputError(
            f"soc_version is {name!r}, expected 'Ascend' and the chip's name, such as 'Ascend310P3'"
        )
    return name


def with_contract_in_force(job: Job, described: OnnxFile) -> OnnxFile:
    """What an ONNX file says, with the contract in force, which is known to be this model's.

    Of several outputs the contract then names the one that holds the embeddings.

    Args:
        job: the checked arguments.
        described: the ONNX file, with its own contract.

    Returns:
        The same with the contract; None where nobody says it, and nothing asks for it.

    Raises:
        ModelError: nobody says it and AIPP, or the output stated, needs it; it is another model's;
            or it leaves open which output is meant.
        InvalidInputError: AIPP cannot do what it says.
    """
    contract, output = job.stated.completed(lambda: described.contract)
    shape, outputs = described.inputs[0].shape[1:], described.outputs
    if contract is None:
        if job.aipp or output:
            known = [size if isinstance(size, int) else 0 for size in shape]
            raise no_contract(job.onnx, known, [width_of(entry) or 0 for entry in outputs])
        return described
    entry = _picture_input(job, replace(described, contract=contract))
    sizes = [size for size in entry.shape[1:] if isinstance(size, int)]
    embeddings = embeddings_output(job.onnx, outputs, output)
    contract = fitted_to(job.onnx, contract, entry.dtype, sizes, width_of(embeddings))
    if job.aipp:
        _require_aipp(contract)
    if len(outputs) > 1:
        contract = replace(contract, output=embeddings.name)
    return replace(described, contract=contract)


def contract_of_om(job: Job, described: OnnxFile) -> Contract | None:
    """The contract of what ATC makes: the network's, with the input that the .om takes.

    Args:
        job: the checked arguments.
        described: the ONNX file, with the contract in force.

    Returns:
        The contract; None where nobody says it.
    """
    contract = described.contract
    if contract is None:
        return None
    if job.aipp:
        return replace(contract, input="uint8", layout="NHWC")
    halves = [word.partition("=") for word in job.extra_args]
    is_half = any(
        name.lstrip("-").replace("-", "_") == "input_fp16_nodes"
        and described.inputs[0].name in value.split(";")
        for name, _, value in halves
    )
    return replace(contract, input="float16") if is_half else contract


def atc_arguments(job: Job, described: OnnxFile) -> list[str]:
    """ATC's arguments; paths are plain names in its working directory, whatever the user's are.

    Args:
        job: the checked arguments.
        described: the ONNX file, with the contract in force.

    Returns:
        One word per option.

    Raises:
        ModelError: the file is no model from pictures.
        InvalidInputError: batch sizes do not go with it.
    """
    entry, contract = _picture_input(job, described), described.contract
    batch = str(job.batch_sizes[0]) if len(job.batch_sizes) == 1 else "-1"
    shape = ",".join((batch, *map(str, entry.shape[1:])))
    # ATC takes NCHW or ND for ONNX, and pixels are NHWC.
    planes = entry.dtype != "uint8" and (contract is None or contract.layout == "NCHW")
    words = [
        "--mode=0",
        "--framework=5",
        "--model=model.onnx",
        "--output=model",
        f"--soc_version={job.soc_version}",
        f"--input_format={'NCHW' if planes else 'ND'}",
        f"--input_shape={entry.name}:{shape}",
    ]
    if len(job.batch_sizes) > 1:
        words.append("--dynamic_batch_size=" + ",".join(map(str, job.batch_sizes)))
    if job.aipp:
        words.append("--insert_op_conf=aipp.cfg")
    if job.precision is not None:
        words.append(f"--precision_mode={_PRECISION_MODES[job.precision]}")
    return words + list(job.extra_args)


def _picture_input(job: Job, described: OnnxFile) -> OnnxTensor:
    """The model's one input with the sizes that the contract says, once it suits what is asked."""
    entry = described.inputs[0]
    where = f"{str(job.onnx)!r} has input {entry.name!r} of {entry.dtype or 'unknown'}"
    sizes = completed_shape(entry.shape[1:], described.contract)
    fixed = len(sizes) == 3 and all(isinstance(n, int) and n > 0 for n in sizes)
    if len(described.inputs) != 1 or not fixed or not set(entry.name) <= _NAME_CHARACTERS:
        raise ModelError(
            f"{where} {entry.shape} and {len(described.inputs)} inputs, expected one with a batch "
            "axis, three sizes that are fixed or said by a contract, and a name of letters, "
            "digits, '_', '.', '/' and '-'"
        )
    if described.has_external_data:
        raise ModelError(f"{str(job.onnx)!r} has weights in other files; export it as one file")
    batch = entry.shape[0]
    if isinstance(batch, int) and batch > 0 and job.batch_sizes != (batch,):
        raise InvalidInputError(
            f"batch_sizes is {job.batch_sizes}, {where} with the fixed batch size {batch}; "
            f"expected ({batch},), or a model that was exported with a dynamic batch"
        )
    return replace(entry, shape=(batch, *sizes))


def _require_aipp(contract: Contract) -> None:
    """Raises unless AIPP can feed the network what its contract says."""
    if (contract.input, contract.layout) != ("float32", "NCHW"):
        raise InvalidInputError(
            f"aipp is True, and the network takes {contract.input} {contract.layout}; AIPP feeds "
            "float32 NCHW, and a model with uint8 input normalises itself; compile without AIPP"
        )
    aipp.require_float16(contract)
