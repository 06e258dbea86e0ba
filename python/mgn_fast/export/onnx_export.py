# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to an ONNX file that is proved to give what the network gives.

Imports torch and onnx only while it works, so that the package installs and imports without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import one_of, output_name, path_of, true_or_false, whole_number
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import replacing
from mgn_fast.errors import ExportError, InvalidInputError
from mgn_fast.export.families import REID_MGN, Design, PoolKind
from mgn_fast.models.contract import (
    HEIGHT,
    INPUT_NAME,
    MAX_BATCH_SIZE,
    METADATA_KEY,
    OUTPUT_NAME,
    WIDTH,
    Contract,
    InputKind,
    OutputKind,
)
from mgn_fast.models.parts import PARTS, WHOLE_PARTS
from mgn_fast.types import AnyArray, F32Array, PathLike, U8Array

if TYPE_CHECKING:
    from mgn_fast.export.graph import GraphForm
    from mgn_fast.export.network import MGN

# The recipe's opset, which the CANN of its time (5.1) takes and every consumer since. No operator
# of this graph gained anything later, and ONNX Runtime runs 17 no faster: a newer default would
# only exclude machines.
DEFAULT_OPSET = 11
# Of the largest value of the network's output: about 20 times what the order of float32 sums in two
# correct convolution libraries was seen to change, and far below a wrong weight, pad or stride.
TOLERANCE = 1e-4

_VERIFIED_BATCHES = (1, 2, 5)
_CHUNK = 8


def export_onnx(
    checkpoint: PathLike | None,
    path: PathLike,
    *,
    batch_size: int | None = None,
    opset: int | None = None,
    outputs: OutputKind = "embedding",
    input: InputKind = "float32",
    fuse_mirror: bool = False,
    pool: PoolKind | None = None,
    verify: bool = True,
    seed: int = 0,
) -> Path:
    """Writes MGN with a checkpoint's weights as one ONNX file, and proves that it gives the same.

    The file's input is named "image", its first output "features". How a picture becomes the input,
    and the hash of the weights, are in its metadata. The same weights give the same bytes, however
    their checkpoint wraps them. The file appears whole or not at all.

    Args:
        checkpoint: a file of torch.save or safetensors, as training scripts write it, of ReID-MGN,
            seathiefwang's MGN-pytorch or levyfan's reid-mgn; or None for random weights.
        path: the file to write; its name ends in .onnx.
        batch_size: 1 to 1024 pictures in every run; None leaves the number to the caller.
        opset: ONNX operator set, 11 or newer; None is 11, the recipe's.
        outputs: "embedding" (the 2048-wide feature) or "all" (the recipe's twelve, in its order).
        input: "float32" (NCHW, normalised) or "uint8" (NHWC RGB, normalised in the graph).
        fuse_mirror: the graph runs picture and mirror, adds their features and L2-normalises.
        pool: how the network was trained to make one vector of a stripe: "max" or "avg". None is
            the family's own; MGN-pytorch's must be said, because its checkpoints do not.
        verify: run the file against PyTorch before it gets its name.
        seed: of the random weights, and of the pictures for `verify`.

    Returns:
        The path written.

    Raises:
        InvalidInputError: an argument is out of its range, or the file cannot be written there.
        ExportError: the checkpoint does not fit or leaves the pooling open, torch or onnx is not
            installed, or the file's outputs differ from the network's by more than 1e-4 of their
            scale.
    """
    target = output_name(path, ".onnx", exact=True)
    if checkpoint is not None:
        path_of("checkpoint", checkpoint)
    contract = Contract(input, outputs, fuse_mirror, seed=whole_number("seed", seed, 0, 2**63 - 1))
    _check_contract(contract)
    true_or_false("verify", verify)
    _check_pool(pool, checkpoint)
    if batch_size is not None:
        batch_size = whole_number("batch_size", batch_size, 1, MAX_BATCH_SIZE)
    opset = DEFAULT_OPSET if opset is None else whole_number("opset", opset, 1, 2**31 - 1)
    # The output directory is tried before any work is done.
    with replacing(target) as temporary:
        require_extra("export", "torch", "onnx", "safetensors", error=ExportError)
        form = _form(contract, batch_size, opset)
        parameters, design, contract = _weights(checkpoint, contract, pool)
        form = replace(form, design=design)
        _write(temporary, parameters, form, contract)
        if verify:
            _verify(temporary, parameters, form, seed)
    return target


def _check_contract(contract: Contract) -> None:
    one_of("input", contract.input, get_args(InputKind))
    one_of("outputs", contract.outputs, get_args(OutputKind))
    true_or_false("fuse_mirror", contract.fuse_mirror)
    if contract.fuse_mirror and contract.outputs == "all":
        raise InvalidInputError(
            "fuse_mirror is True and outputs is 'all': adding picture and mirror is defined for "
            "the feature alone, not for logits; expected outputs='embedding'"
        )


def _check_pool(pool: PoolKind | None, checkpoint: PathLike | None) -> None:
    if pool is None:
        return
    one_of("pool", pool, get_args(PoolKind))
    if checkpoint is None and pool != REID_MGN.pool:
        raise InvalidInputError(
            f"pool is {pool!r} for random weights, which are ReID-MGN's: expected None or "
            f"{REID_MGN.pool!r}"
        )


def _form(contract: Contract, batch_size: int | None, opset: int) -> GraphForm:
    from mgn_fast.export.graph import OLDEST_OPSET, GraphForm, newest_opset

    newest = newest_opset()
    if not OLDEST_OPSET <= opset <= newest:
        raise InvalidInputError(
            f"opset is {opset}, expected {OLDEST_OPSET} to {newest}, the newest that the installed "
            "onnx and onnxruntime both take"
        )
    return GraphForm(opset, batch_size, contract.outputs, contract.input, contract.fuse_mirror)


def _weights(
    checkpoint: PathLike | None, contract: Contract, pool: PoolKind | None
) -> tuple[dict[str, AnyArray], Design, Contract]:
    """The parameters to export, whose they are, and the contract completed with that."""
    if checkpoint is None:
        from mgn_fast.export.network import seeded_state_dict

        return seeded_state_dict(cast(int, contract.seed)), REID_MGN, contract
    from mgn_fast.export.checkpoint import read_checkpoint

    read = read_checkpoint(checkpoint)
    name, design = f"checkpoint {str(checkpoint)!r}", read.design
    design = replace(design, pool=pool or design.pool)
    if design.pool is None:
        raise ExportError(
            f"{name} is of {design.title}, and does not say whether its stripes are pooled by "
            "average or by maximum; give pool='avg' (the default of MGN-pytorch) or pool='max', "
            "as it was trained: the wrong one gives other embeddings without a sign"
        )
    if contract.outputs == "all" and design.num_identities is None:
        raise ExportError(
            f"{name} has no classifiers (fc_id_*), whose logits outputs='all' would give; give "
            "outputs='embedding', or a checkpoint with them"
        )
    origin = f"weights:{read.sha256}"
    return read.parameters, design, replace(contract, checkpoint_sha256=origin, seed=None)


def _write(
    path: Path, parameters: dict[str, AnyArray], form: GraphForm, contract: Contract
) -> None:
    import onnx

    from mgn_fast.export.graph import build_model

    version = _core.build_info()["version"]
    model = build_model(parameters, form, {METADATA_KEY: contract.to_json()}, version)
    try:
        onnx.save_model(model, path)
    except OSError as error:
        raise ExportError(f"the model cannot be written: {error.strerror or error}") from error


def _verify(path: Path, parameters: dict[str, AnyArray], form: GraphForm, seed: int) -> None:
    """Raises ExportError unless network and file agree on pictures, at several batch sizes."""
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
        _require_equal(got, wanted, size)
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


def _require_equal(got: dict[str, F32Array], wanted: dict[str, F32Array], batch: int) -> None:
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
