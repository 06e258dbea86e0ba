# SPDX-License-Identifier: Apache-2.0
"""ATC's failures: code, text, then words of the cause and of the remedy."""

import re

import pytest

from mgn_fast.cann.diagnosis import diagnose
from mgn_fast.cann.known_causes import BY_CODE, BY_TEXT

HEAD = (
    "ATC start working now, please wait for a moment.\n...\n"
    "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"
)

FAILURES = [
    (
        "E10001",
        "Value [Ascend310P9] for parameter [--soc_version] is invalid. Reason: unknown",
        "does not know this soc_version",
        "npu-smi info",
    ),
    (
        "E20101",
        "Value [Ascend310P9] for parameter [ge.socVersion] is invalid. Reason: The "
        "corresponding platform configuration file cannot be found",
        "does not know this soc_version",
        "npu-smi info",
    ),
    (
        "E10001",
        "Value [linux] for parameter [--host_env_os] is invalid. Reason: not supported",
        "set_env.sh was not sourced",
        "source CANN's set_env.sh",
    ),
    (
        "E10001",
        "Value [RL,GA] for parameter [--auto_tune_mode] is invalid. Reason: deprecated",
        "withdrawn",
        "AOE",
    ),
    (
        "E10001",
        "Value [c.cfg] for parameter [--compression_optimize_conf] is invalid. Reason: AMCT "
        "is not installed",
        "AMCT",
        "install the AMCT package",
    ),
    (
        "E10001",
        "Value [NHWC] for parameter [--input_format] is invalid. Reason: The value must be "
        "NCHW, ND or NCDHW in ONNX model.",
        "NCHW, ND or NCDHW",
        "--input_format to compile_om",
    ),
    (
        "E10001",
        "Value [half] for parameter [--precision_mode] is invalid. Reason: not in the range",
        "precision mode",
        "leave precision out",
    ),
    (
        "E10001",
        "Value [a] for parameter [--insert_op_conf] is invalid. Reason: The dynamic dims "
        "function does not support AIPP: dynamic_dims",
        "AIPP does not go",
        "several batch_sizes",
    ),
    (
        "E10001",
        "Value [3] for parameter [--sparsity] is invalid. Reason: x",
        "does not take the value",
        "atc --help",
    ),
    (
        "E10002",
        "Value [image] for parameter [--input_shape] is invalid. Reason: [The shape must "
        "contain two parts: name and value]",
        "--input_shape",
        "dynamic batch",
    ),
    (
        "E10003",
        "Value [1;4] for parameter [--dynamic_batch_size] is invalid. Reason: [digits]",
        "does not take the value",
        "extra_args",
    ),
    ("E10004", "Value for [--input_shape] is empty.", "is empty", "give it a value"),
    (
        "E10005",
        "Value [1] for parameter [--save_original_model] is invalid. The value must be "
        "either true or false.",
        "true and false",
        "extra_args",
    ),
    (
        "E10006",
        "Value [2] for parameter [--sparsity] is invalid. The value must be either 1 or 0.",
        "0 and 1",
        "extra_args",
    ),
    (
        "E10007",
        "[--framework] is required. The value must be [0(Caffe) or 5(Onnx)].",
        "required option is missing",
        "MGN_FAST_ATC",
    ),
    (
        "E10009",
        "[--dynamic_batch_size], [--dynamic_image_size], [--input_shape_range], and "
        "[--dynamic_dims] are mutually exclusive.",
        "exclude each other",
        "one of them only",
    ),
    ("E10010", "Value [loud] for parameter [--log] is invalid.", "debug, info", "extra_args"),
    (
        "E10011",
        "Value [image:0,3,384,128] for parameter [--input_shape] is invalid. Shape values "
        "must be positive integers.",
        "not positive",
        "compile_om",
    ),
    (
        "E10013",
        "Value [99999999999] for [--input_shape] is out of range.",
        "does not take",
        "extra_args",
    ),
    (
        "E10014",
        "Value [x] for parameter [--input_shape] is invalid.",
        "does not take",
        "atc --help",
    ),
    (
        "E10016",
        "Opname [actual_input_1] specified in [--input_shape] is not found in the model.",
        "no input or node of the name",
        "'image'",
    ),
    (
        "E10017",
        "Input Op [Conv_0] specified in [--input_fp16_nodes] is invalid. The Op type must be Data.",
        "not an input",
        "name the input itself",
    ),
    (
        "E10018",
        "Value [-1] for shape [1] is invalid. When [--dynamic_batch_size] is included, only "
        "batch size N can be [-1] in [--input_shape].",
        "gears do not fit",
        "dynamic batch",
    ),
    (
        "E10019",
        "When [--dynamic_image_size] is included, only the height and width axes can be -1",
        "height and width",
        "leave it out",
    ),
    (
        "E10022",
        "Path [out/] for parameter [--output] does not include the file name.",
        "cannot use a path",
        "shorter path",
    ),
    (
        "E10031",
        "[--dynamic_batch_size] is included, but none of the nodes specified in "
        "[--input_shape] has a batch size equaling -1.",
        "must be -1",
        "batch_size=None",
    ),
    (
        "E10034",
        "Nodes (for example, [image]) connected to AIPP must not be of type fp16.",
        "--input_fp16_nodes",
        "not both",
    ),
    (
        "E10035",
        "[--dynamic_batch_size], [--dynamic_image_size], or [--dynamic_dims] has [1] "
        "profiles, which is less than the minimum [2].",
        "too few",
        "2 to 100",
    ),
    (
        "E10036",
        "[--dynamic_batch_size] has [101] profiles, which is greater than the maximum [100]",
        "too many",
        "compile time",
    ),
    (
        "E10039",
        "The [--dynamic_batch_size] argument have duplicate profiles.",
        "repeated",
        "different batch_sizes",
    ),
    ("E10041", "Failed to load the model from [mgn.onnx].", "cannot read the ONNX", "export it"),
    (
        "E10047",
        "[--keep_dtype] and [--customize_dtypes] are mutually exclusive.",
        "exclude each other",
        "one of them",
    ),
    (
        "E10049",
        "Dimension count [3] configured in [--input_shape] does not match dimension count "
        "[4] of the node.",
        "another number of sizes",
        "compile_om",
    ),
    (
        "E10052",
        "AIPP configuration is invalid. Reason: src_image_size_w must be even",
        "AIPP configuration",
        "min_chn_i",
    ),
    (
        "E10054",
        "The required parameter [--model] for ATC is empty. Another possible reason is that "
        'the value of some parameter is not enclosed by quotation marks ("").',
        "empty",
        "no quotes",
    ),
    (
        "E10501",
        "IR for Op [Conv_0] with optype [Conv2D] is not registered.",
        "ASCEND_OPP_PATH",
        "ops package",
    ),
    (
        "E13001",
        "Failed to open file [a.cfg]. Reason: [Errno 13]",
        "open, read or write",
        "who may read",
    ),
    (
        "E13018",
        "Failed to parse file [aipp.cfg] through [google::protobuf::TextFormat::Parse].",
        "AIPP configuration",
        "whole numbers",
    ),
    ("E16001", "The model has no [input] node.", "cannot read the ONNX", "export it again"),
    (
        "E16005",
        "The model has [2] [--domain_version] fields, but only one is allowed.",
        "cannot read the ONNX",
        "export it again",
    ),
    (
        "E19010",
        "No parser is registered for Op [model1 div node, optype [ai.onnx::23::Div]].",
        "opset is newer",
        "opset=11",
    ),
    (
        "E20001",
        "Failed to compile Op [trans_TransData_51].",
        "does not compile",
        "batch_sizes=(1,)",
    ),
    ("E40000", "Failed to import te.platform.log_util.", "Python part", "python3 comes first"),
    (
        "E40021",
        "Failed to compile Op [Add1]. (oppath: [Compile add.py failed with errormsg/stack: "
        "fatal error: 'type_traits' file not found",
        "C++ headers",
        "install g++",
    ),
    (
        "EC0010",
        "Failed to import Python module [ModuleNotFoundError: No module named 'decorator'.].",
        "Python package",
        "pip install decorator",
    ),
    (
        "EC0010",
        "Failed to import Python module [AttributeError: `np.float_` was removed in the "
        "NumPy 2.0 release. Use `np.float64` instead.].".replace("`", ""),
        "NumPy 2",
        "numpy<2",
    ),
    ("E76002", "No ONNX parser is registered for optype [Resize].", "opset is newer", "opset=11"),
    ("EZ0501", "IR for Op [a, optype [b]], is not registered.", "ASCEND_OPP_PATH", "ops package"),
    ("E10055", "The operation is not supported. Reason: x", "what its text names", "extra_args"),
    ("E11005", "Input parameter of layer [data] is missing.", "has no shape", "--input_shape"),
    ("E50001", "In op [conv], [pads] has [2] values.", "shape, type or attribute", "opset=11"),
    ("E80001", "The [core] information is missing.", "operator package lacks", "ops package"),
    (
        "EZ3003",
        "No supported Ops kernel and engine are found for [AddDsl], optype [AddDsl].",
        "not supported on this chip",
        "ops package",
    ),
    ("EZ9999", "Inner Error!", "failed inside CANN", "first error in the log"),
    ("E19999", "Inner Error!", "no code of its own", "set_env.sh"),
]


@pytest.mark.parametrize(
    ("code", "text", "cause", "remedy"), FAILURES, ids=[f"{f[0]}-{f[2]}" for f in FAILURES]
)
def test_each_failure_has_its_code_cause_and_remedy(code, text, cause, remedy):
    bare = re.sub(r"\[([^\[\]]*)\]", r"\1", text)  # from CANN 8.5 on
    for printed in (text, bare):
        found = diagnose(f"{HEAD}{code}: {printed}\n        Solution: N/A\n")
        assert found.codes == (code,)
        assert cause in found.cause
        assert remedy in found.remedy


WITHOUT_CODE = {
    "driver": (
        "/usr/local/Ascend/ascend-toolkit/8.0.0/x86_64-linux/bin/atc.bin: error while loading "
        "shared libraries: libascend_hal.so: cannot open shared object file: No such file",
        "driver's libraries",
        "lib64/driver and lib64/common, or on a host without an NPU CANN's own <arch>-linux/devlib",
    ),
    "toolkit": (
        "atc.bin: error while loading shared libraries: libge_compiler.so: cannot open shared "
        "object file: No such file or directory",
        "a library of CANN",
        "set_env.sh",
    ),
    "disk": ("OSError: [Errno 28] No space left on device", "disk is full", "TMPDIR"),
    "absl": ("ModuleNotFoundError: No module named 'absl'", "absl is missing", "absl-py"),
    "struct": ("ModuleNotFoundError: No module named '_struct'", "its own extension", "PATH"),
    "path": ("Failed to get real path of [x]", "CANN 7.0", "CANN 8"),
    "memory": ("c++: fatal error: Killed signal terminated program", "memory", "TE_PARALLEL"),
    "flag": ("ERROR: unknown command line flag 'log_level'", "does not know an option", "--help"),
}


@pytest.mark.parametrize(
    ("line", "cause", "remedy"), WITHOUT_CODE.values(), ids=WITHOUT_CODE.keys()
)
def test_texts_without_a_code_tell_too_even_beside_a_general_one(line, cause, remedy):
    for output in (line, f"{line}\n{HEAD}E19999: Inner Error!\n"):
        found = diagnose(output)
        assert cause in found.cause
        assert remedy in found.remedy
        assert found.text == line


def test_every_entry_has_a_cause_a_remedy_and_a_pattern_that_compiles():
    for *patterns, cause, remedy in (*BY_TEXT, *BY_CODE):
        assert all(re.compile(pattern).pattern == pattern for pattern in patterns)
        assert min(len(cause), len(remedy)) > 10
