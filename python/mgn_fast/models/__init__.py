# SPDX-License-Identifier: Apache-2.0
"""What a model file says of itself, read without any runtime.

contract     how pictures become the model's input, and what its output is
presets      the contracts of well-known trainings, and one from whatever states it
onnx_file    an .onnx: its inputs, outputs, nodes and metadata
fit          whether a contract and a model's ends fit together, and which output is meant
om_file      an .om: its header, and the sidecar beside it
in_use       the contract that was used: in words, and beside another one
parts        what the parts of an embedding see of a picture
model_file   what any of them says of its contract
wire         protobuf's format, read and written
precision    the numbers a file runs in
"""

from mgn_fast.models.contract import Contract
from mgn_fast.models.onnx_file import OnnxFile, read_onnx
from mgn_fast.models.precision import Precision, precision_of

__all__ = ["Contract", "OnnxFile", "Precision", "precision_of", "read_onnx"]
