# SPDX-License-Identifier: Apache-2.0
"""A float32 ONNX model to int8, calibrated and judged on the user's pictures.

run          what users call: `quantize_onnx`, which chooses the blocks that stay float32
blocks       the graph's residual blocks, and what each costs in int8
trial        measures one choice of blocks
rewriting    the nodes of an int8 graph; watching: the extremes of a graph's tensors
folding      graphs of other exporters in the form that blocks reads
equalising   channels of one size where each is convolved by itself
"""

from mgn_fast.quantize.run import Quantized, quantize_onnx
from mgn_fast.quantize.trial import Accuracy

__all__ = ["Accuracy", "Quantized", "quantize_onnx"]
