# SPDX-License-Identifier: Apache-2.0
"""ATC's options of precision: a mode, operators kept out of it, and changed lists."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from mgn_fast.errors import InvalidInputError
from mgn_fast.simulator.atc.texts import AtcError
from mgn_fast.simulator.precision import MODES, Precision, kept_in, saturates, with_lists

_DEFAULT = "force_fp16"


def asked_precision(options: Mapping[str, str]) -> Precision:
    """Which operators compute in float16, by --precision_mode and its relatives.

    Args:
        options: all options; --soc_version decides what an overflow becomes.

    Returns:
        The precision. Without an option it is ATC's default for inference, float16.

    Raises:
        AtcError: a mode that is not simulated, or a file that cannot be read.
    """
    word = options.get("precision_mode") or options.get("precision_mode_v2") or _DEFAULT
    if word not in MODES:
        raise AtcError("E19999", reason=f"precision mode {word} is not simulated")
    precision = Precision(MODES[word], saturates(options["soc_version"]))
    if options.get("keep_dtype"):
        names = kept_in(_read(options, "keep_dtype"))
        precision = dataclasses.replace(precision, kept=names)
    if options.get("modify_mixlist"):
        try:
            given = json.loads(_read(options, "modify_mixlist"))
            if not isinstance(given, dict):
                raise InvalidInputError(f"it holds {given!r}, expected lists by name")
            precision = with_lists(precision, given)
        except (ValueError, InvalidInputError) as error:
            raise _refused(options, "modify_mixlist", str(error)) from error
    return precision


def _read(options: Mapping[str, str], name: str) -> str:
    try:
        return Path(options[name]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(options, name, str(error)) from error


def _refused(options: Mapping[str, str], name: str, reason: str) -> AtcError:
    return AtcError("E10001", value=options[name], parameter=f"--{name}", reason=reason)
