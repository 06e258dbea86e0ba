# SPDX-License-Identifier: Apache-2.0
"""The simulated ATC, a program: `python -m mgn_fast.simulator.atc --framework=5 --model=...`.

Takes ATC's options, refuses what ATC refuses in its words, and writes a .om that the simulator
runs. MGN_FAST_SIMULATED_CANN says which version's texts it prints: up to 6, 7 to 8.4 (8.0 is the
default), or from 8.5 on. Options that only steer how ATC optimises are taken and do nothing.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.models.onnx_file import OnnxFile, read_onnx
from mgn_fast.simulator.atc.aipp import read_aipp
from mgn_fast.simulator.atc.network import check_operators, fed_inputs, kept_outputs, om_names
from mgn_fast.simulator.atc.options import (
    FRAMEWORKS,
    CommandLineError,
    parse,
    parse_gears,
    parse_shapes,
)
from mgn_fast.simulator.atc.precision import asked_precision
from mgn_fast.simulator.atc.texts import AtcError, error_text, form_in_force
from mgn_fast.simulator.om_file import write_om

FAILED = 255
_START = "ATC start working now, please wait for a moment.\n"
_SUCCESS = "ATC run success, welcome to the next use.\n"
_FAILURE = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"
_USAGE = """\
usage: python -m mgn_fast.simulator.atc <args>
  --framework=5 --model=M.onnx --output=M --soc_version=Ascend310P3
  [--input_shape="image:8,3,384,128"] [--dynamic_batch_size="1,4,8"] [--insert_op_conf=aipp.cfg]
  [--precision_mode=must_keep_origin_dtype] [--keep_dtype=F] [--modify_mixlist=F.json]
  [--output_type=FP16] [--out_nodes="node:0;..."] [--input_fp16_nodes="image"] and ATC's others
"""
_SOC_VERSIONS = re.compile(
    r"Ascend(310|310P[1357]|310B[1-4]|910|910(A|B|ProA|ProB|PremiumA|B[1-4](-1)?|B2C)"
    r"|910_9(391|392|381|382|372|362)|950\w*|960\w*)"
)
_PATH = re.compile("[A-Za-z0-9./_\u4e00-\u9fa5-]+")
_PATH_REASON = "The path can only contain 'a-z' 'A-Z' '0-9' '-' '.' '_' and Chinese characters."


def main(argv: Sequence[str] | None = None) -> int:
    """Compiles one model as ATC would; exit code 0, or 255 where ATC refuses.

    Args:
        argv: the words after the program's name; None takes the process's own.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if argv is None else argv
    form = form_in_force()
    sys.stdout.write(_START)
    sys.stdout.flush()
    try:
        options = parse(words)
        if options is None:
            sys.stdout.write(_USAGE)
            return 0
        _compile(options)
    except CommandLineError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        unknown = AtcError("E19999", reason="An unknown error occurred. Please check the log.")
        sys.stdout.write(_FAILURE + error_text(unknown, form))
        return FAILED
    except AtcError as error:
        sys.stdout.write("...\n" + _FAILURE + error_text(error, form))
        return FAILED
    sys.stdout.write("...\n" + _SUCCESS)
    return 0


def _compile(options: Mapping[str, str]) -> None:
    """Compiles; checks options in ATC's order, so that the same one is refused first."""
    _check_required(options)
    model = Path(_input_path(options, "model"))
    output = _output_path(options)
    _check_format(options)
    shapes = parse_shapes(options["input_shape"]) if options.get("input_shape") else {}
    gears = _gears(options, shapes)
    soc_version = options["soc_version"]
    if not _SOC_VERSIONS.fullmatch(soc_version):
        reason = (
            "The corresponding platform configuration file cannot be found based on the "
            "configured soc_version"
        )
        raise AtcError("E20101", value=soc_version, parameter="ge.socVersion", reason=reason)
    described = _read(model)
    check_operators(described)
    inputs, batch = fed_inputs(described, shapes, options, gears)
    aipp = None
    if options.get("insert_op_conf"):
        if inputs[0].dtype == "float16":
            raise AtcError("E10034", value=inputs[0].name)
        if len(inputs[0].shape) != 3 or inputs[0].format != "NCHW" or inputs[0].shape[0] != 3:
            reason = f"input {inputs[0].name} is not N, 3, H, W"
            raise AtcError("E10052", reason=reason)
        conf = Path(_input_path(options, "insert_op_conf"))
        aipp = read_aipp(conf, inputs[0].shape[1], inputs[0].shape[2])
    network = model.read_bytes()
    network, outputs = kept_outputs(network, described, options, inputs)
    names = [tensor.name for tensor in (described.outputs if outputs is None else outputs)]
    try:
        write_om(
            f"{output}.om",
            onnx=network,
            soc_version=soc_version,
            batch_sizes=gears or (batch,),
            inputs=inputs,
            outputs=outputs,
            output_names=om_names(described, names),
            aipp=aipp,
            precision=asked_precision(options),
        )
    except (InvalidInputError, ModelError) as error:
        raise AtcError("E19999", reason=error) from error


def _check_required(options: Mapping[str, str]) -> None:
    if options.get("auto_tune_mode"):
        reason = "The Auto Tune function has been deprecated. Please use the AOE tool for tuning."
        value = options["auto_tune_mode"]
        raise AtcError("E10001", value=value, parameter="--auto_tune_mode", reason=reason)
    if "framework" not in options:
        raise AtcError("E10007", parameter="--framework", support=FRAMEWORKS)
    for name, only in (("framework", "5"), ("mode", "0")):
        if options.get(name, only) != only:
            reason = f"--{name}={options[name]} is not simulated, only {only} is"
            raise AtcError("E19999", reason=reason)
    for name in ("soc_version", "output", "model"):
        if not options.get(name):
            raise AtcError("E10054", parameter=f"--{name}")
    if options.get("precision_mode") and options.get("precision_mode_v2"):
        raise AtcError("E10056", parameter="--precision_mode", other="--precision_mode_v2")
    if options.get("optypelist_for_implmode") and not options.get("op_select_implmode"):
        needed = "--op_select_implmode"
        reason = f"--optypelist_for_implmode and {needed} must be set at the same time."
        raise AtcError("E10001", value="", parameter=needed, reason=reason)


def _input_path(options: Mapping[str, str], name: str) -> str:
    path = options[name]
    real = os.path.realpath(path)
    reason = ""
    if not Path(real).is_file():
        reason = "[Error 2] No such file or directory"
    elif not _PATH.fullmatch(real):
        reason = _PATH_REASON
    elif not os.access(real, os.R_OK):
        reason = "[Error 13] Permission denied"
    if reason:
        raise AtcError("E10001", value=path, parameter=f"--{name}", reason=reason)
    return path


def _output_path(options: Mapping[str, str]) -> str:
    path = options["output"]
    if not _PATH.fullmatch(path):
        raise AtcError("E10001", value=path, parameter="--output", reason=_PATH_REASON)
    if path.endswith("/"):
        raise AtcError("E10022", value=path, parameter="--output")
    folder = Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "[Error 2] No such file or directory"
        raise AtcError("E10001", value=f"{path}.om", parameter="--output", reason=reason)
    return path


def _check_format(options: Mapping[str, str]) -> None:
    layout = options.get("input_format") or "NCHW"
    if layout not in ("NCHW", "ND", "NCDHW"):
        reason = "The value must be NCHW, ND or NCDHW in ONNX model."
        raise AtcError("E10001", value=layout, parameter="--input_format", reason=reason)


def _gears(options: Mapping[str, str], shapes: Mapping[str, list[int]]) -> list[int]:
    """Batch sizes of a model with gears; empty for a static model."""
    kinds = ("dynamic_batch_size", "dynamic_image_size", "dynamic_dims", "input_shape_range")
    used = [name for name in kinds if options.get(name)]
    if len(used) > 1:
        raise AtcError("E10009")
    if used and used[0] != "dynamic_batch_size":
        raise AtcError("E19999", reason=f"--{used[0]} is not simulated")
    if not used:
        for name, sizes in shapes.items():
            if min(sizes) < 1:
                value = f"{name}:{','.join(map(str, sizes))}"
                raise AtcError("E10011", value=value, result=min(sizes))
        return []
    if not shapes:
        raise AtcError("E10004", parameter="--input_shape")
    for name, sizes in shapes.items():
        if -1 in sizes[1:]:
            raise AtcError("E10018", value=-1, index=name)
    if not any(sizes[0] == -1 for sizes in shapes.values()):
        raise AtcError("E10031")
    return parse_gears(options["dynamic_batch_size"])


def _read(model: Path) -> OnnxFile:
    try:
        return read_onnx(model)
    except ModelError as error:
        raise AtcError("E10041", value=model) from error
