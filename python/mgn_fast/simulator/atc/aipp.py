# SPDX-License-Identifier: Apache-2.0
"""The AIPP configuration file as ATC reads it, down to what the simulator can do of it."""

from __future__ import annotations

import re
from pathlib import Path

from mgn_fast.common.files import read_limited
from mgn_fast.simulator.atc.texts import AtcError
from mgn_fast.simulator.om_file import StaticAipp

_BLOCK = re.compile(r"\s*aipp_op\s*:?\s*\{([^{}]*)\}\s*")
_FIELD = re.compile(r"\s*([a-z_0-9]+)\s*:\s*(\"[^\"]*\"|'[^']*'|[^\s,;]+)\s*[,;]?")
_COMMENT = re.compile(r"#[^\n]*")
_CHANNEL_FIELDS = re.compile(
    r"(?:mean_chn|min_chn|var_reci_chn)_[0-3]|matrix_r[0-2]c[0-2]|(?:input|output)_bias_[0-2]"
)
_SWITCHES = ("csc_switch", "rbuv_swap_switch", "ax_swap_switch", "crop", "resize", "padding")
_OTHERS = (
    "aipp_mode related_input_rank related_input_name input_edge_idx max_src_image_size "
    "support_rotation input_format single_line_mode cpadding_value src_image_size_w "
    "src_image_size_h load_start_pos_w load_start_pos_h crop_size_w crop_size_h resize_output_w "
    "resize_output_h left_padding_size right_padding_size top_padding_size bottom_padding_size "
    "padding_value raw_rgbir_to_f16_n"
)
_KNOWN = frozenset((*_SWITCHES, *_OTHERS.split(" ")))
_MAX_BYTES = 1 << 16


def read_aipp(path: Path, height: int, width: int) -> StaticAipp:
    """What a configuration makes the device subtract from pixels and multiply them by.

    Args:
        path: the file that --insert_op_conf names.
        height: of the network's input.
        width: of the network's input.

    Returns:
        The arithmetic.

    Raises:
        AtcError: ATC would refuse the file, or the simulator cannot do what it asks for.
    """
    fields = _fields(path)
    mode = fields.get("aipp_mode")
    if mode not in ("static", "dynamic"):
        raise AtcError("E10052", reason="aipp_mode must be configured as static or dynamic")
    if mode == "static" and "input_format" not in fields:
        raise AtcError("E10052", reason="input_format must be configured in static AIPP")
    wanted = {"aipp_mode": "static", "input_format": "RGB888_U8", "related_input_rank": "0"}
    off = dict.fromkeys((*_SWITCHES, "single_line_mode"), "false")
    for name, value in (wanted | off).items():
        if fields.get(name, value).lower() != value.lower():
            raise AtcError("E19999", reason=f"{name} = {fields[name]} is not simulated")
    for name, size in (("src_image_size_h", height), ("src_image_size_w", width)):
        if _number(fields, name, 0) not in (0, size):
            reason = f"{name} is {fields[name]} without crop, the network takes {size}"
            raise AtcError("E10052", reason=reason)
    for channel in range(3):
        # An integer field: the parser itself refuses a point in it.
        if not re.fullmatch(r"-?\d+", fields.get(f"mean_chn_{channel}", "0")):
            raise AtcError("E13018", value=path)
    red, green, blue = (_subtracted(fields, channel) for channel in range(3))
    scales = [_number(fields, f"var_reci_chn_{channel}", 1) for channel in range(3)]
    return StaticAipp((red, green, blue), (scales[0], scales[1], scales[2]))


def _fields(path: Path) -> dict[str, str]:
    try:
        text = _COMMENT.sub("", read_limited(path, _MAX_BYTES).decode())
    except (OSError, UnicodeDecodeError) as error:
        raise AtcError("E13018", value=path) from error
    block = _BLOCK.fullmatch(text)
    if block is None:
        raise AtcError("E13018", value=path)
    fields: dict[str, str] = {}
    at = 0
    while block[1][at:].strip():
        field = _FIELD.match(block[1], at)
        known = field and (field[1] in _KNOWN or _CHANNEL_FIELDS.fullmatch(field[1]))
        # Each is single but for those of CSC, where a second value is an error as well.
        if field is None or not known or field[1] in fields:
            raise AtcError("E13018", value=path)
        fields[field[1]] = field[2].strip("\"'")
        at = field.end()
    return fields


def _subtracted(fields: dict[str, str], channel: int) -> float:
    """What a channel's mean_chn and min_chn subtract: the one of them that is not 0."""
    mean = _number(fields, f"mean_chn_{channel}", 0)
    minimum = _number(fields, f"min_chn_{channel}", 0)
    if not 0 <= mean <= 255:
        reason = f"mean_chn_{channel} must be an integer in the range of [0, 255]"
        raise AtcError("E10052", reason=reason)
    if mean and minimum:
        reason = f"mean_chn_{channel} and min_chn_{channel} together are not simulated"
        raise AtcError("E19999", reason=reason)
    return mean or minimum


def _number(fields: dict[str, str], name: str, default: float) -> float:
    text = fields.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError as error:
        raise AtcError("E10052", reason=f"{name} is {text}, which is no number") from error
    if not abs(value) <= 65504:
        raise AtcError("E10052", reason=f"{name} must be in the range of [-65504, 65504]")
    return value
