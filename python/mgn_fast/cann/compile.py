# SPDX-License-Identifier: Apache-2.0
"""From ONNX to .om: ATC, or the simulated one, called so that only a whole .om gets its name."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from mgn_fast import _core
from mgn_fast.cann import aipp as aipp_model
from mgn_fast.cann.diagnosis import diagnose
from mgn_fast.cann.job import (
    AtcPrecision,
    Job,
    atc_arguments,
    checked_job,
    contract_of_om,
    with_contract_in_force,
)
from mgn_fast.cann.run_atc import AtcOutcome, environment, run
from mgn_fast.cann.toolkit import (
    atc_version,
    environment_file,
    find_atc,
    is_environment_set,
    remedy,
)
from mgn_fast.common.files import is_directory, open_regular, replacing
from mgn_fast.errors import CompileError, InvalidInputError
from mgn_fast.models.om_file import HEADER_BYTES, announced_bytes, is_header
from mgn_fast.models.onnx_file import OnnxFile, read_onnx
from mgn_fast.models.presets import StatedContract
from mgn_fast.types import PathLike

SCHEMA = "mgn_fast.om/1"
# What ATC takes in paths, but for Chinese characters.
_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")
_NO_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOEXEC)
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


def compile_om(
    onnx: PathLike,
    path: PathLike,
    *,
    soc_version: str | None = None,
    batch_sizes: Sequence[int] = (8,),
    aipp: bool = False,
    precision: AtcPrecision | None = None,
    atc: PathLike | None = None,
    simulate: bool = False,
    extra_args: Sequence[str] = (),
    timeout_s: float = 3600,
    log_path: PathLike | None = None,
    contract: StatedContract | None = None,
    output: str | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Path:
    """Compiles an ONNX model for an Ascend NPU, with ATC, and proves that a whole .om came out.

    The .om appears whole or not at all; a previous one stays until then. PATH.json beside it holds
    the contract (null where nobody says it), the ONNX file's hash, ATC's version and arguments;
    `open_session` reads it. All outputs stay; the contract says which one holds the embeddings.
    AOE's knowledge banks (TUNE_BANK_PATH and the like) reach ATC; most other variables do not.

    Args:
        onnx: the model, with a dynamic batch or the only batch size asked for; height and width
            that it leaves free are the contract's.
        path: the file to write; its name ends in .om.
        soc_version: the chip, for example "Ascend310P3"; None asks AscendCL, then `npu-smi`.
        batch_sizes: one size is a static model, the fastest; several are gears of one model, which
            takes the memory of the largest; 1 to 1024 each, at most 100.
        aipp: the device normalises as the contract says, and the model takes uint8 NHWC, channels
            in the contract's order: a quarter of the bytes to copy, and for MGN 0.0028 at worst off
            the exact input (see `aipp.worst_errors`). The network takes float32 NCHW.
        precision: None leaves it to ATC, whose default is "float16": all that can computes in it
            (force_fp16). "mixed" lets ATC choose by its lists (allow_mix_precision), "origin" keeps
            the ONNX file's types (must_keep_origin_dtype), where the chip can.
        atc: the compiler to call; None finds it (MGN_FAST_ATC, PATH, CANN's directories).
        simulate: the simulated ATC, whose .om runs on the simulator; for Ascend310P3 by default.
        extra_args: more options for ATC, each one word ("--output_type=FP16"); passed as they are.
        timeout_s: seconds it may take; then it and all that it started is stopped.
        log_path: file for all that ATC prints; None keeps it only if it fails, as PATH.log.
        contract: how the network wants its pictures, in place of what the ONNX file says: a
            `Contract`, a dict of its fields, a preset's name or a .json file. Without any the .om
            runs, but nobody knows how to prepare pictures for it.
        output: name of the output that holds the embeddings; None is the contract's.
        on_line: called with each line that ATC prints, while it works.

    Returns:
        The path written.

    Raises:
        InvalidInputError: an argument is not as above, or contradicts the model.
        ModelError: the ONNX file cannot be read, is not one from pictures to embeddings, or not
            the one that the contract says; or AIPP is asked for where nobody says the contract.
        RuntimeUnavailableError: ATC is not found, or the chip is not known.
        CompileError: ATC failed, or did not do what it said; with its codes, the likely cause and
            the remedy.
    """
    options = {
        "soc_version": soc_version,
        "batch_sizes": batch_sizes,
        "aipp": aipp,
        "precision": precision,
        "atc": atc,
        "simulate": simulate,
        "extra_args": extra_args,
        "timeout_s": timeout_s,
        "log_path": log_path,
        "contract": contract,
        "output": output,
    }
    return _compiled(checked_job(onnx, path, options), on_line)


def _compiled(job: Job, on_line: Callable[[str], None] | None) -> Path:
    described = with_contract_in_force(job, read_onnx(job.onnx))
    arguments = atc_arguments(job, described)
    compiler, version = _compiler(job)
    # In this order: the place to write is tried before ATC works, and the .om gets its name before
    # the sidecar that speaks of it.
    with (
        replacing(job.sidecar) as sidecar,
        replacing(job.path) as om,
        tempfile.TemporaryDirectory(
            prefix=".mgn-fast-", dir=_work_parent(job.path), ignore_cleanup_errors=True
        ) as folder,
    ):
        work = Path(folder)
        if job.aipp and described.contract is not None:
            config = aipp_model.config_text(described.contract)
            (work / "aipp.cfg").write_text(config, encoding="ascii")
        outcome = _compile(job, [*compiler, *arguments], work, on_line)
        made = _made(work)
        facts = _facts(job, described, arguments, version, outcome)
        facts["om_bytes"] = made.stat().st_size
        sidecar.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        # A crash between the two names must not leave the old contract beside the new model.
        job.sidecar.unlink(missing_ok=True)
        shutil.move(made, om)
    return job.path


def _compiler(job: Job) -> tuple[list[str], str | None]:
    """The command that starts ATC, real or simulated, and its version; None if that is unknown."""
    if job.simulate:
        if job.atc is not None:
            raise InvalidInputError(f"simulate is True and atc is {job.atc!r}; give one of the two")
        version = f"mgn_fast {_core.build_info()['version']} (simulated)"
        return [sys.executable, "-m", "mgn_fast.simulator.atc"], version
    atc = find_atc(job.atc)
    return [str(atc)], atc_version(atc)


def _work_parent(path: Path) -> str:
    """The directory to make ATC's own in: the output's, or the system's if ATC refuses its name."""
    parent = os.path.realpath(path.parent)
    return parent if _PLAIN.fullmatch(parent) else os.path.realpath(tempfile.gettempdir())


def _bring(onnx: Path, name: Path) -> None:
    """Puts the model where ATC takes it: a path of plain characters, links resolved."""
    real = os.path.realpath(onnx)
    if _PLAIN.fullmatch(real):
        name.symlink_to(real)
    else:
        shutil.copyfile(real, name)


def _compile(
    job: Job, command: list[str], work: Path, on_line: Callable[[str], None] | None
) -> AtcOutcome:
    """Runs ATC; returns only if a loadable .om is in its working directory."""
    _bring(job.onnx, work / "model.onnx")
    variables = environment()
    if job.simulate:
        package = str(Path(__file__).resolve().parents[2])
        variables["PYTHONPATH"] = os.pathsep.join(
            [package, *filter(None, [variables.get("PYTHONPATH")])]
        )
    log = _log_file(job, work)
    try:
        with log:
            outcome = run(
                command,
                folder=work,
                variables=variables,
                log=log,
                timeout_s=job.timeout_s,
                on_line=on_line or (lambda line: None),
            )
    except OSError as error:
        if error.errno not in _NO_PROGRAM:
            raise
        raise InvalidInputError(f"atc {command[0]!r} cannot be run: {error.strerror}") from error
    trouble = _trouble(job, outcome) or _refusal(work)
    if trouble:
        raise _failure(job, command, work, outcome, trouble)
    return outcome


def _log_file(job: Job, work: Path) -> BinaryIO:
    if job.log_path is None:
        return (work / "atc.log").open("wb")
    if is_directory(job.log_path):
        raise InvalidInputError(f"log_path {str(job.log_path)!r} is a directory, expected a file")
    try:
        return job.log_path.open("wb")
    except OSError as error:
        raise InvalidInputError(
            f"log_path {str(job.log_path)!r} cannot be written: {error.strerror}"
        ) from error


def _trouble(job: Job, outcome: AtcOutcome) -> str:
    """A sentence on how ATC failed; "" where it says that it did not."""
    if outcome.returncode is None:
        return (
            f"was stopped after {job.timeout_s:g} s, its limit; raise timeout_s, or look in the "
            "log for what it waits for"
        )
    status = outcome.returncode
    if status == 0:
        return ""
    how = f"ended with exit status {status}" if status > 0 else f"was ended by signal {-status}"
    found = diagnose(outcome.output)
    said = f": {found.codes[0]}: {found.text}" if found.codes else ""
    cause, cure = found.cause, found.remedy
    if status in _KILLED and not found.codes:
        cause = "somebody killed it, most often the kernel because memory ran out"
        cure = "set TE_PARALLEL_COMPILER=1 and MAX_COMPILE_CORE_NUMBER=1, or add memory or swap"
    if not job.simulate and not is_environment_set() and environment_file() is not None:
        cure += f"; ASCEND_OPP_PATH is not set: {remedy()}"
    return f"{how}{said}; likely cause: {cause}; remedy: {cure}"


def _refusal(work: Path) -> str:
    """Why what ATC wrote is no loadable .om; "" where it is one."""
    try:
        with open_regular(_made(work)) as file:
            header = file.read(HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return (
            "says success and wrote no .om; look in the log for warnings, and whether the disk is "
            "full"
        )
    if not is_header(header):
        return f"wrote {size} bytes that begin with {header[:4]!r}, which is no .om"
    announced, there = announced_bytes(header), size - HEADER_BYTES
    if announced != there or there == 0:
        return (
            f"wrote half an .om: its header announces {announced} bytes and "
            f"{there} follow; is the disk full?"
        )
    return ""


def _made(work: Path) -> Path:
    """The .om that ATC wrote; compiling for another host it adds a name (model_linux_x86_64.om)."""
    names = sorted(work.glob("model*.om"))
    return names[0] if len(names) == 1 else work / "model.om"


def _failure(
    job: Job, command: list[str], work: Path, outcome: AtcOutcome, trouble: str
) -> CompileError:
    log_path = job.log_path
    if log_path is None:
        log_path = job.path.with_name(job.path.name + ".log")
        with contextlib.suppress(OSError):  # the error itself matters more
            shutil.move(work / "atc.log", log_path)
    who = "the simulated ATC" if job.simulate else f"ATC ({command[0]})"
    return CompileError(
        f"{who} {trouble}; compiling {str(job.onnx)!r}, its output is in {str(log_path)!r}",
        command=command,
        returncode=outcome.returncode,
        log_path=str(log_path),
        codes=diagnose(outcome.output).codes,
    )


def _facts(
    job: Job, described: OnnxFile, arguments: list[str], version: str | None, outcome: AtcOutcome
) -> dict[str, Any]:
    """What the sidecar says of the .om, as JSON."""
    contract = contract_of_om(job, described)
    return {
        "schema": SCHEMA,
        "contract": None if contract is None else contract.to_dict(),
        "onnx": job.onnx.name,
        "onnx_sha256": described.sha256,
        "soc_version": job.soc_version,
        "batch_sizes": list(job.batch_sizes),
        "aipp": job.aipp,
        "simulated": job.simulate,
        "atc_version": version,
        "arguments": arguments,
        "seconds": round(outcome.seconds, 3),
        "mgn_fast": _core.build_info()["version"],
    }
