# SPDX-License-Identifier: Apache-2.0
"""The proof that an ONNX file gives what the network gives, on drawn pictures.

Imports torch and onnx only while it works.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mgn_fast.errors import ExportError
from mgn_fast.models.contract import HEIGHT, INPUT_NAME, OUTPUT_NAME, WIDTH
from mgn_fast.models.parts import PARTS, WHOLE_PARTS
from mgn_fast.types import AnyArray, F32Array, U8Array

if TYPE_CHECKING:
    from mgn_fast.export.graph import GraphForm
    from mgn_fast.export.network import MGN

# Of the largest value of the network's output: about 20 times what the order of float32 sums in two
# correct convolution libraries was seen to change, and far below a wrong weight, pad or stride.
TOLERANCE = 1e-4

_VERIFIED_BATCHES = (1, 2, 5)
_CHUNK = 8


def require_equal(path: Path, parameters: dict[str, AnyArray], form: GraphForm, seed: int) -> None:
    """Raises ExportError unless network and file agree on pictures, at several batch sizes.

    Args:
        path: the file.
        parameters: of the network, by name.
        form: how the file was written.
        seed: of the pictures.
    """
    import onnx

    from mgn_fast.export.network import network_with

    model = onnx.load_model(path, load_external_data=False)
    found = {entry.domain: entry.version for entry in model.opset_import}
    if found != {"": form.opset}:
        raise ExportError(f"the file has the opsets {found}, expected {{'': {form.opset}}}")
    del model
    batches = _VERIFIED_BATCHES if form.batch_size is None else (form.batch_size,)
    pixels, planes = _pictures(sum(batches), seed)
    expected = _reference(network_with(parameters, form.design), planes, form)
    start = 0
    for size, got in zip(
        batches, _runs(path, pixels if form.input == "uint8" else planes, batches), strict=True
    ):
        wanted = {name: values[start : start + size] for name, values in expected.items()}
        _require_outputs(got, wanted, size)
        start += size


def _pictures(count: int, seed: int) -> tuple[U8Array, F32Array]:
    """Drawn pictures in both forms of input: uint8 [N, H, W, 3] and float32 [N, 3, H, W]."""
    from mgn_fast.datasets.scenes import draw_pictures
    from mgn_fast.pictures.pixels import pack, resize_pack

    pixels = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    planes = np.empty((count, 3, HEIGHT, WIDTH), np.float32)
    for index, drawing in enumerate(draw_pictures(count, seed)):
        resize_pack(drawing, pixels[index])
        pack(pixels[index], planes[index])
    return pixels, planes


def _reference(network: MGN, planes: F32Array, form: GraphForm) -> dict[str, F32Array]:
    """The outputs of the network in PyTorch, by the file's output names."""
    import torch

    wholes, logits = [part.name for part in WHOLE_PARTS], [part.logits for part in PARTS]
    names = (OUTPUT_NAME, *wholes, *logits)
    with torch.inference_mode():
        runs = []
        for start in range(0, len(planes), _CHUNK):
            chunk = torch.from_numpy(planes[start : start + _CHUNK])
            results = network(chunk)
            if form.fuse_mirror:
                both = results[0] + network(chunk.flip(3))[0]
                results = (torch.nn.functional.normalize(both),)
            runs.append(results)
        stacked = [torch.cat(values).numpy() for values in zip(*runs, strict=True)]
    return dict(zip(names, stacked[: None if form.outputs == "all" else 1], strict=False))


def _runs(path: Path, images: AnyArray, batches: tuple[int, ...]) -> Iterator[dict[str, F32Array]]:
    """The file's outputs by name, for one batch after the other."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for batch in np.split(images, np.cumsum(batches)[:-1]):
        yield dict(zip(names, session.run(names, {INPUT_NAME: batch}), strict=True))


def _require_outputs(got: dict[str, F32Array], wanted: dict[str, F32Array], batch: int) -> None:
    if list(got) != list(wanted):
        raise ExportError(f"the file has the outputs {list(got)}, expected {list(wanted)}")
    for name, reference in wanted.items():
        if got[name].shape != reference.shape:
            raise ExportError(
                f"output {name!r} has shape {got[name].shape}, expected {reference.shape}"
            )
        scale = float(np.abs(reference).max())
        difference = float(np.abs(got[name] - reference).max())
        # Not "difference > limit": a NaN must fail too.
        if not difference <= TOLERANCE * scale:
            raise ExportError(
                f"output {name!r} differs from the network's by {difference:.3g} at batch {batch}, "
                f"expected at most {TOLERANCE:g} of its scale {scale:.3g}; no file was written"
            )
