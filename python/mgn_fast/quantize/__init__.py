# SPDX-License-Identifier: Apache-2.0
"""A float32 ONNX model to int8, calibrated and judged on the user's pictures.

run          what users call: `quantize_onnx`
blocks       the graph's residual blocks, and what each costs in int8
trial        one choice of blocks, measured
rewriting    the nodes of an int8 graph
"""

from mgn_fast.quantize.run import Quantized, quantize_onnx

__all__ = ["Quantized", "quantize_onnx"]
