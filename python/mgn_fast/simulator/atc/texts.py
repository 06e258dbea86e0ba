# SPDX-License-Identifier: Apache-2.0
"""The simulated ATC's error messages: the real one's codes, in the forms of three generations.

Values stand in brackets up to CANN 8; from 7 on a message carries process and time; from 8.5 on it
begins with them and its code stands behind its title.
"""

from __future__ import annotations

import os
import re
import time

from mgn_fast.errors import InvalidInputError

VARIABLE = "MGN_FAST_SIMULATED_CANN"
DEFAULT_CANN = "8.0"

# Code: title, message (arguments in braces), what ATC says under Solution.
_MESSAGES = {
    "E10001": (
        "Invalid_Argument",
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}",
        "Try again with a valid argument.",
    ),
    "E10002": (
        "Invalid_Argument_Tensor_Input_Shape",
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}. "
        "The value must be formatted as {sample}.",
        "Name each input and give its sizes as integers: name1:n1,c1,h1,w1;name2:n2,c2,h2,w2.",
    ),
    "E10003": (
        "Invalid_Argument",
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}",
        "N/A",
    ),
    "E10004": ("Invalid_Argument", "Value for {parameter} is empty.", "Set a valid value."),
    "E10005": (
        "Invalid_Argument",
        "Value {value} for parameter {parameter} is invalid. The value must be either true or "
        "false.",
        "The value can only be true or false.",
    ),
    "E10006": (
        "Invalid_Argument",
        "Value {value} for parameter {parameter} is invalid. The value must be either 1 or 0.",
        "The value can only be 1 or 0.",
    ),
    "E10007": (
        "Invalid_Argument",
        "{parameter} is required. The value must be {support}.",
        "Set a valid value.",
    ),
    "E10009": (
        "Invalid_Argument_Tensor_Dynamic_Shape",
        "--dynamic_batch_size, --dynamic_image_size, --input_shape_range, and --dynamic_dims are "
        "mutually exclusive.",
        "Include only one of these options.",
    ),
    "E10010": (
        "Invalid_Argument",
        "Value {value} for parameter --log is invalid.",
        "Select the value from debug, info, warning, error, and null.",
    ),
    "E10011": (
        "Invalid_Argument_Tensor_Input_Shape",
        "Value {value} for parameter --input_shape is invalid. Shape values must be positive "
        "integers. The error value in the shape is {result}.",
        "Set positive sizes, or add an option for dynamic input.",
    ),
    "E10014": (
        "Invalid_Argument",
        "Value {value} for parameter {parameter} is invalid.",
        "Look at atc --help.",
    ),
    "E10016": (
        "Invalid_Argument_Operator_Name",
        "Opname {value} specified in {parameter} is not found in the model. Confirm whether this "
        "node name exists, or the node is not split with the specified delimiter ';'.",
        "Specify the name of an existing node in the graph.",
    ),
    "E10017": (
        "Invalid_Argument",
        "Input Op {value} specified in {parameter} is invalid. The Op type must be Data.",
        "N/A",
    ),
    "E10018": (
        "Invalid_Argument_Tensor_Dynamic_Shape",
        "Value {value} for shape {index} is invalid. When --dynamic_batch_size is included, only "
        "batch size N can be -1 in --input_shape.",
        "Make sure that only the batch is -1.",
    ),
    "E10022": (
        "Invalid_Argument",
        "Path {value} for parameter {parameter} does not include the file name.",
        "Add the file name to the path.",
    ),
    "E10031": (
        "Invalid_Argument_Tensor_Input_Shape",
        "--dynamic_batch_size is included, but none of the nodes specified in --input_shape has a "
        "batch size equaling -1.",
        "Set the batch in --input_shape to -1.",
    ),
    "E10034": (
        "Invalid_Argument",
        "Nodes (for example, {value}) connected to AIPP must not be of type fp16.",
        "Take the node out of --input_fp16_nodes, or leave --insert_op_conf out.",
    ),
    "E10035": (
        "Invalid_Argument_Tensor_Dynamic_Shape",
        "--dynamic_batch_size, --dynamic_image_size, or --dynamic_dims has {value} profiles, which "
        "is less than the minimum {limit}.",
        "Give at least the minimum.",
    ),
    "E10036": (
        "Invalid_Argument_Tensor_Dynamic_Shape",
        "--dynamic_batch_size, --dynamic_image_size, or --dynamic_dims has {value} profiles, which "
        "is greater than the maximum {limit}.",
        "Give at most the maximum.",
    ),
    "E10038": (
        "Invalid_Argument_Tensor_Dynamic_Shape",
        "Dimension size {value} is invalid. The value must be greater than 0.",
        "Set positive sizes.",
    ),
    "E10039": (
        "Invalid_Argument_Tensor_Dynamic_Shape",
        "The --dynamic_batch_size, --dynamic_image_size, or --dynamic_dims argument have duplicate "
        "profiles.",
        "Give each profile once.",
    ),
    "E10041": (
        "Invalid_Argument_Model",
        "Failed to load the model from {value}.",
        "Check the file, its weights, and --framework.",
    ),
    "E10049": (
        "Invalid_Argument_Tensor_Input_Shape",
        "Dimension count {value} configured in --input_shape does not match dimension count "
        "{limit} of the node.",
        "Set as many sizes as the node has.",
    ),
    "E10052": ("Invalid_Argument", "AIPP configuration is invalid. Reason: {reason}.", "N/A"),
    "E10054": (
        "Invalid_Argument",
        "The required parameter {parameter} for ATC is empty. Another possible reason is that the "
        'values of some parameters are not enclosed by quotation marks ("").',
        "Check the command line.",
    ),
    "E10056": (
        "Invalid_Argument",
        "Cannot configure both parameters {parameter} and {other} simultaneously.",
        "Set one of the two.",
    ),
    "E13018": (
        "File_Operation_Error_Parse",
        "Failed to parse file {value} through google::protobuf::TextFormat::Parse.",
        "Check whether the Protobuf file is valid.",
    ),
    "E19010": (
        "Not_Supported_Operator",
        "No parser is registered for Op {value}, optype {kind}.",
        "N/A",
    ),
    "E19999": ("Inner_Error", "{reason}", "N/A"),
    "E20101": (
        "Invalid_Argument",
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}.",
        "N/A",
    ),
}


class AtcError(Exception):
    """A refusal by ATC: its error code, and the values in its message.

    Attributes:
        code: ATC's.
        arguments: what its message is about.
    """

    def __init__(self, code: str, **arguments: object) -> None:
        super().__init__(f"{code} {arguments}")
        self.code = code
        self.arguments = {name: str(value) for name, value in arguments.items()}


def generation() -> int:
    """The form of texts in force: 0 up to CANN 6, 1 for 7 to 8.4, 2 from 8.5 on.

    Returns:
        The number, by the environment's MGN_FAST_SIMULATED_CANN ("8.0" without it).

    Raises:
        InvalidInputError: the variable holds no version.
    """
    text = os.environ.get(VARIABLE) or DEFAULT_CANN
    version = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(?:\.\w+)*", text)
    if version is None:
        raise InvalidInputError(f"{VARIABLE} is {text!r}, expected a version such as '8.0'")
    number = (int(version[1]), int(version[2]))
    return 0 if number < (7, 0) else 1 if number < (8, 5) else 2


def error_text(error: AtcError, form: int) -> str:
    """The lines that ATC prints for a refusal, in one of its forms (see `generation`)."""
    title, message, solution = _MESSAGES[error.code]
    bracket = "[{}]" if form < 2 else "{}"
    shown = {
        name: text if name == "reason" else bracket.format(text)
        for name, text in error.arguments.items()
    }
    text = message.format_map(shown)
    stamp = f"[PID: {os.getpid()}] {_now()} "
    heads = (f"{error.code}: ", f"{error.code}: {stamp}", f"{stamp}{title}({error.code}): ")
    if error.code == "E19999":
        heads = (f"{error.code}: Inner Error!\n        ", *heads[1:])
    lines = [heads[form] + text]
    if solution != "N/A":
        lines.append(f"        Solution: {solution}")
    return "\n".join(lines) + "\n"


def _now() -> str:
    now = time.time()
    return (
        time.strftime("%Y-%m-%d-%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03d}.000"
    )
