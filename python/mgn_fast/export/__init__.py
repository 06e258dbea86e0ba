# SPDX-License-Identifier: Apache-2.0
"""A checkpoint to an ONNX file that is proved to give what the network gives.

onnx_export  what users call: `export_onnx`
checkpoint   tensors out of a file, without running it
network      MGN in PyTorch
graph        MGN as an ONNX graph
"""

from mgn_fast.export.onnx_export import export_onnx

__all__ = ["export_onnx"]
