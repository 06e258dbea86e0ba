# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to an ONNX file that is proved to give what the network gives.

Imports torch and onnx only while it works, so that the package installs and imports without them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from mgn_fast import _core
from mgn_fast.common.checks import one_of, output_name, path_of, true_or_false, whole_number
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import replacing
from mgn_fast.errors import ExportError, InvalidInputError
from mgn_fast.export.families import REID_MGN, Design, PoolKind
from mgn_fast.export.proof import require_equal
from mgn_fast.models.contract import (
    MAX_BATCH_SIZE,
    METADATA_KEY,
    OUTPUT_NAME,
    WEIGHTS_HASH,
    Contract,
    InputKind,
    OutputKind,
)
from mgn_fast.types import AnyArray, PathLike

if TYPE_CHECKING:
    from mgn_fast.export.graph import GraphForm

# The recipe's opset, which the CANN of its time (5.1) takes and every consumer since. No operator
# of this graph gained anything later, and ONNX Runtime runs 17 no faster: a newer default would
# only exclude machines.
DEFAULT_OPSET = 11


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
    contract = _contract(input, outputs, fuse_mirror=fuse_mirror, seed=seed)
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
            require_equal(temporary, parameters, form, seed)
    return target


def _contract(input: InputKind, outputs: OutputKind, *, fuse_mirror: bool, seed: int) -> Contract:
    one_of("input", input, ("float32", "uint8"))
    one_of("outputs", outputs, get_args(OutputKind))
    true_or_false("fuse_mirror", fuse_mirror)
    if fuse_mirror and outputs == "all":
        raise InvalidInputError(
            "fuse_mirror is True and outputs is 'all': adding picture and mirror is defined for "
            "the feature alone, not for logits; expected outputs='embedding'"
        )
    return Contract(
        input=input,
        layout="NCHW" if input == "float32" else "NHWC",
        output=OUTPUT_NAME,
        outputs=outputs,
        mirror="inside" if fuse_mirror else "add",
        seed=whole_number("seed", seed, 0, 2**63 - 1),
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
    stated = replace(
        contract,
        interpolation=design.interpolation,
        embedding_width=design.embedding_width,
        parts=design.parts,
        checkpoint_sha256=f"{WEIGHTS_HASH}{read.sha256}",
        seed=None,
    )
    return read.parameters, design, stated


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
