# SPDX-License-Identifier: Apache-2.0
"""The model as ATC's options cut and type it: inputs, outputs, operators."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.models.onnx_file import OnnxFile, OnnxTensor
from mgn_fast.simulator.atc.texts import AtcError
from mgn_fast.simulator.network import TensorSpec, open_network, outputs_of
from mgn_fast.simulator.onnx_graph import with_outputs

NEWEST_OPSET = 18
_TYPES = {"FP32": "float32", "FP16": "float16", "UINT8": "uint8", "INT8": "int8"}


def check_operators(described: OnnxFile) -> None:
    """Raises AtcError E19010 for another domain's operators, and for opsets newer than 18."""
    for node in described.nodes:
        domain = node.domain or "ai.onnx"
        version = described.opsets.get(node.domain, described.opsets.get("ai.onnx", 1))
        if domain != "ai.onnx" or version > NEWEST_OPSET:
            kind = f"{domain}::{version}::{node.kind}"
            raise AtcError("E19010", value=node.name or node.kind, kind=kind)


def fed_inputs(
    described: OnnxFile,
    shapes: Mapping[str, list[int]],
    options: Mapping[str, str],
    gears: Sequence[int],
) -> tuple[list[TensorSpec], int]:
    """The compiled model's inputs without their batch axis, and the batch of a static model.

    Args:
        described: the model.
        shapes: from --input_shape.
        options: all options.
        gears: batch sizes that the caller chooses from; empty for a static model.

    Returns:
        The inputs, and the batch (0 with gears).

    Raises:
        AtcError: a name or size that is not the model's.
    """
    known = {tensor.name: tensor for tensor in described.inputs}
    half = [name for name in options.get("input_fp16_nodes", "").split(";") if name]
    for names, parameter in ((shapes, "input_shape"), (half, "input_fp16_nodes")):
        for name in names:
            _require_input(name, f"--{parameter}", described)
    inputs, batches = [], set()
    for name, tensor in known.items():
        sizes = shapes.get(name, [size if isinstance(size, int) else -1 for size in tensor.shape])
        _check_sizes(tensor, sizes, gears)
        batches.add(sizes[0])
        dtype = "float16" if name in half else tensor.dtype
        inputs.append(_spec(tensor, sizes, dtype))
    if len(batches) != 1:
        raise AtcError("E19999", reason=f"inputs with batches {sorted(batches)} are not simulated")
    return inputs, 0 if gears else batches.pop()


def _require_input(name: str, parameter: str, described: OnnxFile) -> None:
    if name in {tensor.name for tensor in described.inputs}:
        return
    if name in {node.name for node in described.nodes}:
        raise AtcError("E10017", value=name, parameter=parameter)
    raise AtcError("E10016", value=name, parameter=parameter)


def _check_sizes(tensor: OnnxTensor, sizes: Sequence[int], gears: Sequence[int]) -> None:
    if len(sizes) != len(tensor.shape):
        raise AtcError("E10049", value=len(sizes), limit=len(tensor.shape))
    if min(sizes) < 1 and not gears:
        reason = (
            "The shapes of inputs contain -1 in the model. You may need to set input shape to "
            "specify its shape."
        )
        raise AtcError("E10001", value="NULL", parameter="--input_shape", reason=reason)
    fixed = [
        (given, own)
        for given, own in zip(sizes, tensor.shape, strict=True)
        if isinstance(own, int) and own > 0 and given != own
    ]
    if fixed:
        value = f"{tensor.name}:{','.join(map(str, sizes))}"
        reason = f"The model has the fixed size {fixed[0][1]} where {fixed[0][0]} is given."
        raise AtcError("E10001", value=value, parameter="--input_shape", reason=reason)


def _spec(tensor: OnnxTensor, sizes: Sequence[int], dtype: str) -> TensorSpec:
    layout = "ND"
    if len(sizes) == 4:
        layout = "NHWC" if dtype == "uint8" and sizes[3] in (1, 3, 4) else "NCHW"
    return TensorSpec(tensor.name, dtype, tuple(sizes[1:]), layout)


def kept_outputs(
    network: bytes,
    described: OnnxFile,
    options: Mapping[str, str],
    inputs: Sequence[TensorSpec],
) -> tuple[bytes, list[TensorSpec] | None]:
    """The model with the outputs that --out_nodes and --output_type ask for.

    Args:
        network: the ONNX file's bytes.
        described: the same, read.
        options: all options.
        inputs: what it is fed.

    Returns:
        The bytes, in which every kept tensor is an output, and the outputs in order; None where
        they are the file's own.

    Raises:
        AtcError: a node or type that is not there, or a model that does not run.
    """
    if not options.get("out_nodes") and not options.get("output_type"):
        return network, None
    names = _kept_names(described, options.get("out_nodes", ""))
    outputs = {tensor.name for tensor in described.outputs}
    network = with_outputs(network, [name for name in names if name not in outputs])
    specs = _inferred(network, names, inputs)
    return network, _typed(specs, names, described, options.get("output_type", ""))


def _kept_names(described: OnnxFile, text: str) -> list[str]:
    """Names of the tensors asked for; ATC takes them, or nodes with the number of their output."""
    if not text:
        return [tensor.name for tensor in described.outputs]
    tensors = {name for node in described.nodes for name in node.outputs}
    names = []
    for entry in filter(None, text.split(";")):
        name = entry if entry in tensors else _tensor_of(described, entry)
        if name is None:
            raise AtcError(
                "E10016", value=entry.rpartition(":")[0] or entry, parameter="--out_nodes"
            )
        names.append(name)
    return names


def _tensor_of(described: OnnxFile, entry: str) -> str | None:
    """The name of the tensor that "node:number" means; None where there is none."""
    name, colon, number = entry.rpartition(":")
    if not colon or not number.isdecimal():
        return None
    index = int(number[:6])
    for node in described.nodes:
        if node.name == name and index < len(node.outputs):
            return node.outputs[index]
    return None


def _inferred(
    network: bytes, names: Sequence[str], inputs: Sequence[TensorSpec]
) -> dict[str, TensorSpec]:
    """Types and sizes of the outputs, as ONNX Runtime infers them."""
    try:
        outputs = outputs_of(open_network(network, "the model"), inputs, "the model")
    except (InvalidInputError, ModelError) as error:
        raise AtcError("E19999", reason=f"ONNX Runtime would run it here: {error}") from error
    found = {output.name: output for output in outputs}
    return {name: found[name] for name in names}


def om_names(described: OnnxFile, tensors: Sequence[str]) -> list[str]:
    """What ATC calls outputs: the node, the number among its outputs, and the tensor.

    Args:
        described: the model.
        tensors: names of its outputs.

    Returns:
        One name each. A node without a name has its kind and its place; a tensor that no node
        makes keeps its own name.
    """
    made = {
        tensor: f"{node.name or f'{node.kind}_{place}'}:{index}:{tensor}"
        for place, node in enumerate(described.nodes)
        for index, tensor in enumerate(node.outputs)
    }
    return [made.get(tensor, tensor) for tensor in tensors]


def _typed(
    specs: Mapping[str, TensorSpec], names: Sequence[str], described: OnnxFile, text: str
) -> list[TensorSpec]:
    """The outputs with the types of --output_type: one for all, or "node:number:TYPE" for some."""
    if not text:
        return [specs[name] for name in names]
    if ":" not in text:
        dtype = _type(text, text)
        return [dataclasses.replace(specs[name], dtype=dtype) for name in names]
    typed = dict(specs)
    for entry in filter(None, text.split(";")):
        node, _, word = entry.rpartition(":")
        name = node if node in typed else _tensor_of(described, node)
        if name not in typed:
            raise AtcError("E10016", value=node.rpartition(":")[0], parameter="--output_type")
        typed[name] = dataclasses.replace(typed[name], dtype=_type(word, text))
    return [typed[name] for name in names]


def _type(word: str, text: str) -> str:
    if word not in _TYPES:
        reason = "The value must be FP32, FP16, UINT8 or INT8."
        raise AtcError("E10001", value=text, parameter="--output_type", reason=reason)
    return _TYPES[word]
