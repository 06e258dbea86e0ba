# SPDX-License-Identifier: Apache-2.0
"""What the simulated ATC prints when it refuses: the real one's codes and texts.

The environment's MGN_FAST_SIMULATED_CANN says in which version's form: up to CANN 6, 7 to 8.4, or
from 8.5 on.
"""

from __future__ import annotations

import os
import re
import time
from typing import NamedTuple

from mgn_fast.errors import InvalidInputError

VARIABLE = "MGN_FAST_SIMULATED_CANN"
DEFAULT_CANN = "8.0"


class Form(NamedTuple):
    """How one version of ATC writes an error.

    Attributes:
        since: the first version of CANN that does.
        argument: an argument inside the text.
        error: the whole.
    """

    since: tuple[int, int]
    argument: str
    error: str


FORMS = (
    Form((0, 0), "[{}]", "{code}: {text}"),
    Form((7, 0), "[{}]", "{code}: {stamp} {text}"),
    Form((8, 5), "{}", "{stamp} {title}({code}): {text}"),
)

_TITLES = {
    "E10002 E10011 E10031 E10049": "Invalid_Argument_Tensor_Input_Shape",
    "E10009 E10018 E10035 E10036 E10038 E10039": "Invalid_Argument_Tensor_Dynamic_Shape",
    "E10016": "Invalid_Argument_Operator_Name",
    "E10041": "Invalid_Argument_Model",
    "E13018": "File_Operation_Error_Parse",
    "E19010": "Not_Supported_Operator",
}
_INVALID = "Value {value} for parameter {parameter} is invalid."
_GEARS = "--dynamic_batch_size, --dynamic_image_size, or --dynamic_dims"
_MESSAGES = {
    "E10001": f"{_INVALID} Reason: {{reason}}",
    "E10002": f"{_INVALID} Reason: {{reason}}. The value must be formatted as {{sample}}.",
    "E10003": f"{_INVALID} Reason: {{reason}}",
    "E10004": "Value for {parameter} is empty.",
    "E10005": f"{_INVALID} The value must be either true or false.",
    "E10006": f"{_INVALID} The value must be either 1 or 0.",
    "E10007": "{parameter} is required. The value must be {support}.",
    "E10009": "--dynamic_batch_size, --dynamic_image_size, --input_shape_range, and --dynamic_dims "
    "are mutually exclusive.",
    "E10010": "Value {value} for parameter --log is invalid.",
    "E10011": "Value {value} for parameter --input_shape is invalid. Shape values must be positive "
    "integers. The error value in the shape is {result}.",
    "E10014": _INVALID,
    "E10016": "Opname {value} specified in {parameter} is not found in the model. Confirm whether "
    "this node name exists, or the node is not split with the specified delimiter ';'.",
    "E10017": "Input Op {value} specified in {parameter} is invalid. The Op type must be Data.",
    "E10018": "Value {value} for shape {index} is invalid. When --dynamic_batch_size is included, "
    "only batch size N can be -1 in --input_shape.",
    "E10022": "Path {value} for parameter {parameter} does not include the file name.",
    "E10031": "--dynamic_batch_size is included, but none of the nodes specified in --input_shape "
    "has a batch size equaling -1.",
    "E10034": "Nodes (for example, {value}) connected to AIPP must not be of type fp16.",
    "E10035": f"{_GEARS} has {{value}} profiles, which is less than the minimum {{limit}}.",
    "E10036": f"{_GEARS} has {{value}} profiles, which is greater than the maximum {{limit}}.",
    "E10038": "Dimension size {value} is invalid. The value must be greater than 0.",
    "E10039": f"The {_GEARS} argument have duplicate profiles.",
    "E10041": "Failed to load the model from {value}.",
    "E10049": "Dimension count {value} configured in --input_shape does not match dimension count "
    "{limit} of the node.",
    "E10052": "AIPP configuration is invalid. Reason: {reason}.",
    "E10054": "The required parameter {parameter} for ATC is empty. Another possible reason is "
    'that the values of some parameters are not enclosed by quotation marks ("").',
    "E10056": "Cannot configure both parameters {parameter} and {other} simultaneously.",
    "E13018": "Failed to parse file {value} through google::protobuf::TextFormat::Parse.",
    "E19010": "No parser is registered for Op {value}, optype {kind}.",
    "E19999": "{reason}",
    "E20101": f"{_INVALID} Reason: {{reason}}.",
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


def form_in_force() -> Form:
    """The form of the version in MGN_FAST_SIMULATED_CANN ("8.0" without it).

    Returns:
        One of `FORMS`.

    Raises:
        InvalidInputError: the variable holds no version.
    """
    text = os.environ.get(VARIABLE) or DEFAULT_CANN
    version = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(?:\.\w+)*", text)
    if version is None:
        raise InvalidInputError(f"{VARIABLE} is {text!r}, expected a version such as '8.0'")
    number = (int(version[1]), int(version[2]))
    return next(form for form in reversed(FORMS) if form.since <= number)


def error_text(error: AtcError, form: Form) -> str:
    """The lines that ATC prints for a refusal, in the form of one version."""
    shown = {
        name: text if name == "reason" else form.argument.format(text)
        for name, text in error.arguments.items()
    }
    text = _MESSAGES[error.code].format_map(shown)
    if error.code == "E19999":  # where ATC has no text of its own for it; alike in every version
        return f"E19999: Inner Error!\n        {text}\n"
    title = next((_TITLES[codes] for codes in _TITLES if error.code in codes), "Invalid_Argument")
    now_s = time.time()
    stamp = time.strftime("%Y-%m-%d-%H:%M:%S", time.localtime(now_s))
    stamp = f"[PID: {os.getpid()}] {stamp}.{int(now_s % 1 * 1000):03d}.000"
    return form.error.format(code=error.code, text=text, stamp=stamp, title=title) + "\n"
