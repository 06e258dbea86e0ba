# SPDX-License-Identifier: Apache-2.0
"""The command line that ATC takes: its options, their forms, and what it refuses at once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mgn_fast.simulator.atc.texts import AtcError

_NAMES = (
    "model output framework weight input_shape input_hint_shape input_shape_range cal_conf "
    "insert_op_conf op_name_map target om json mode out_nodes op_precision_mode allow_hf32 "
    "precision_mode precision_mode_v2 modify_mixlist keep_dtype input_format check_report "
    "input_fp16_nodes is_output_adjust_hw_layout is_input_adjust_hw_layout output_type "
    "op_select_implmode optypelist_for_implmode singleop disable_reuse_memory auto_tune_mode "
    "jit_compile optimization_switch static_model_ops_lower_limit h2d_overlapped_with_compute "
    "raw_ge_options is_weight_clip soc_version virtual_type core_type aicore_num buffer_optimize "
    "fusion_switch_file compression_optimize_conf customize_dtypes op_debug_config "
    "save_original_model dynamic_batch_size dynamic_image_size dynamic_dims enable_small_channel "
    "enable_compress_weight enable_attr_compression compress_weight_conf sparsity "
    "enable_single_stream ac_parallel_enable tiling_schedule_optimize log dump_mode op_debug_level "
    "enable_scope_fusion_passes debug_dir status_check op_compiler_cache_dir "
    "op_compiler_cache_mode mdl_bank_path op_bank_path display_model_info device_id "
    "shape_generalized_build_mode atomic_clean_policy external_weight deterministic "
    "deterministic_level host_env_os host_env_cpu cluster_config hccl_sub_comm_config "
    "quant_dumpable oo_constant_folding oo_dead_code_elimination oo_level build_config"
)
OPTIONS = frozenset(_NAMES.split(" "))

_BITS = (
    "status_check deterministic external_weight display_model_info atomic_clean_policy dump_mode "
    "disable_reuse_memory sparsity"
)
_ONE_OF = {
    **dict.fromkeys(_BITS.split(" "), "0 1"),
    "virtual_type": "0 1",
    "external_weight": "0 1 2",
    "framework": "0 1 3 5",
    "op_debug_level": "0 1 2 3 4",
    "mode": "0 1 3 5 6 7 30",
    "jit_compile": "0 1 2",
    "core_type": "AiCore VectorCore",
    "log": "debug info warning error null default",
    "op_compiler_cache_mode": "enable disable force",
    "buffer_optimize": "l1_optimize l2_optimize off_optimize",
    "op_select_implmode": "high_precision high_performance high_precision_for_all "
    "high_performance_for_all",
    "precision_mode": "force_fp16 force_fp32 cube_fp16in_fp32out allow_mix_precision "
    "allow_fp32_to_fp16 must_keep_origin_dtype allow_mix_precision_fp16 allow_mix_precision_bf16 "
    "allow_fp32_to_bf16",
    "precision_mode_v2": "fp16 origin cube_fp16in_fp32out mixed_float16 mixed_bfloat16 cube_hif8 "
    "mixed_hif8",
    "enable_small_channel": "0 1",
}
_TRUE_OR_FALSE = ("enable_compress_weight", "save_original_model", "enable_single_stream")
FRAMEWORKS = "0(Caffe) or 1(MindSpore) or 3(TensorFlow) or 5(Onnx)"


class CommandLineError(Exception):
    """A word that ATC does not understand; it says so on stderr, without a code."""


def parse(words: Sequence[str]) -> dict[str, str] | None:
    """Values by option name, from the words of a command line; None where help is asked for.

    One dash serves as well as two, dashes inside names as well as underscores, and a value follows
    after "=" or as the next word. A later option replaces an earlier one.

    Args:
        words: the arguments.

    Returns:
        Values by name.

    Raises:
        CommandLineError: an unknown option, a word that is none, or a missing value.
        AtcError: a value outside of a fixed list.
    """
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        dashed = re.fullmatch(r"--?([A-Za-z][A-Za-z0-9_-]*)(?:=(.*))?", word, re.DOTALL)
        if dashed is None:
            raise CommandLineError(f"Non-option parameter: {word}")
        name, value = dashed[1].replace("-", "_"), dashed[2]
        if name in ("help", "h"):
            return None
        if name not in OPTIONS:
            raise CommandLineError(f"unknown command line flag '{dashed[1]}'")
        if value is None:
            value = next(rest, None)
        if value is None:
            raise CommandLineError(f"flag '{word}' is missing its argument")
        _check(name, value)
        options[name] = value
    return options


def _check(name: str, value: str) -> None:
    if name in _TRUE_OR_FALSE and value not in ("", "true", "false"):
        raise AtcError("E10005", value=value, parameter=f"--{name}")
    allowed = _ONE_OF.get(name, value or "-").split(" ")
    if name not in _ONE_OF or value in allowed:
        return
    if name == "framework":
        raise AtcError("E10007", parameter="--framework", support=FRAMEWORKS)
    if name == "log":
        raise AtcError("E10010", value=value)
    if name in _BITS.split(" "):
        raise AtcError("E10006", value=value, parameter=f"--{name}")
    reason = "The value is not within the range of values. The valid range is "
    reason += " ".join(f"[{word}]" for word in allowed) + " ."
    raise AtcError("E10001", value=value, parameter=f"--{name}", reason=reason)


def parse_shapes(text: str) -> dict[str, list[int]]:
    """Sizes by input name, from the text of --input_shape.

    Args:
        text: "name:n,c,h,w;name:n,c,h,w".

    Returns:
        Sizes by input name; -1 where the caller chooses.

    Raises:
        AtcError: another form.
    """
    shapes = {}
    for part in text.split(";"):
        name, colon, sizes = part.rpartition(":")
        if not colon:
            raise _shape_error(part, "The shape must contain two parts: name and value")
        numbers = []
        for word in sizes.split(","):
            word = word.strip()
            if "." in word:
                raise _shape_error(part, "The float number is unsupported")
            if not re.match(r"-?\d", word):
                raise AtcError("E10014", value=word, parameter="--input_shape")
            if not re.fullmatch(r"-?\d{1,9}", word):
                raise _shape_error(part, "It is not a digit")
            numbers.append(int(word))
        shapes[name.strip()] = numbers
    return shapes


def _shape_error(value: str, reason: str) -> AtcError:
    sample = '"input_name1:1,3,224,224"'
    return AtcError("E10002", value=value, parameter="--input_shape", reason=reason, sample=sample)


def parse_gears(text: str) -> list[int]:
    """Batch sizes, ascending, from the text of --dynamic_batch_size.

    Args:
        text: "1,4,8".

    Returns:
        At least two.

    Raises:
        AtcError: another form, fewer than two, more than 100, one twice, zero or above 2048.
    """
    if not re.fullmatch(r"[\d,]+", text):
        reason = 'It can only contain digits and ",".'
        raise AtcError("E10003", value=text, parameter="--dynamic_batch_size", reason=reason)
    gears = [int(word[:9]) for word in text.rstrip(",").split(",") if word]
    if len(gears) < 2:
        raise AtcError("E10035", value=len(gears), limit=2)
    if len(gears) > 100:
        raise AtcError("E10036", value=len(gears), limit=100)
    for gear in gears:
        if not 1 <= gear <= 2048:
            raise AtcError("E10038", value=gear)
    if len(set(gears)) != len(gears):
        raise AtcError("E10039")
    return sorted(gears)
