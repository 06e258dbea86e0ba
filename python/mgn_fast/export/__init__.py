# SPDX-License-Identifier: Apache-2.0
"""A checkpoint to an ONNX file that is proved to give what the network gives.

onnx_export  what users call: `export_onnx`
checkpoint   MGN's parameters out of a file
stored       what a file holds, read without running it
wrappings    the network in what a training script saved
families     whose MGN it is: names, sizes, pooling, order
network      MGN in PyTorch
graph        MGN as an ONNX graph
nodes        its layers as ONNX nodes
proof        the file held against the network
"""

from mgn_fast.export.onnx_export import export_onnx

__all__ = ["export_onnx"]
