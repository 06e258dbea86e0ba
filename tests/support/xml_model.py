# SPDX-License-Identifier: Apache-2.0
"""An .onnx as OpenVINO's own files."""

from pathlib import Path

from mgn_fast.inference.backend_openvino import _import_openvino, _read


def write_xml(path, onnx):
    """Writes the .xml with its .bin, the weights in float32."""
    _import_openvino().save_model(_read(Path(onnx)), str(path), compress_to_fp16=False)
    return Path(path)
