# SPDX-License-Identifier: Apache-2.0
"""A contract written down once, beside or inside a model that somebody else made."""

from __future__ import annotations

import contextlib
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mgn_fast.common.checks import path_of
from mgn_fast.common.files import is_regular_file, replacing, write_json
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.inference.backend_cpu import CpuModel, require_readable
from mgn_fast.inference.fitting import fitted
from mgn_fast.inference.opening import open_session
from mgn_fast.models.contract import Contract
from mgn_fast.models.model_file import require_kind
from mgn_fast.models.om_file import read_sidecar, sidecar_path
from mgn_fast.models.onnx_file import OnnxFile, described_in, read_bytes, with_contract
from mgn_fast.models.presets import StatedContract, Statement, contract_of
from mgn_fast.types import PathLike

_WEIGHTS = ".bin"  # beside an .xml, under its name


def adopt(
    model: PathLike,
    path: PathLike | None = None,
    *,
    contract: StatedContract,
    output: str | None = None,
) -> Path:
    """Writes a copy of a model that says its contract, so that nobody has to state it again.

    An .onnx gets it in its metadata and is checked against it; all else in it stays byte for byte.
    An .om and an .xml, which hold no metadata, get a sidecar, NAME.json. An .xml is checked too
    where OpenVINO is installed, an .om when it is opened. Files appear whole or not at all.

    Args:
        model: an .onnx, .om or .xml file.
        path: the file to write, which ends as the model does; None writes the contract to the model
            itself.
        contract: how the model wants its pictures: a `Contract`, a dict of its fields, a .json file
            or a preset's name, as `contract_of` takes them.
        output: name of the output that holds the embeddings; None is the contract's, else the only
            one.

    Returns:
        The path of the model that has the contract now.

    Raises:
        InvalidInputError: an argument is not as above, or the file cannot be written there.
        ModelError: the model cannot be read, or the contract does not fit it.
    """
    source = path_of("model", model)
    require_kind(source)
    require_readable(source)
    target = source if path is None else path_of("path", path)
    if target.suffix != source.suffix:
        raise InvalidInputError(
            f"path {str(target)!r} ends in {target.suffix!r}, expected {source.suffix!r} as the "
            "model does"
        )
    stated, _ = Statement(contract_of(contract), output).completed(lambda: None)
    assert stated is not None  # the caller states it
    if source.suffix == ".onnx":
        _adopt_onnx(source, target, stated)
    else:
        if source.suffix == ".xml" and find_spec("openvino") is not None:
            stated = _as_opened(source, stated)
        _adopt_with_sidecar(source, target, stated)
    return target


def _adopt_onnx(source: Path, target: Path, stated: Contract) -> None:
    content = read_bytes(source)
    described = described_in(content, source)
    if described.has_external_data and source.resolve().parent != target.resolve().parent:
        raise InvalidInputError(
            f"path {str(target)!r} is in another directory than {str(source)!r}, whose weights are "
            "in files beside it; expected a path in the same directory"
        )
    contract = _checked(source, described, stated)
    with replacing(target) as temporary:
        temporary.write_bytes(with_contract(content, contract))


def _checked(source: Path, described: OnnxFile, stated: Contract) -> Contract:
    """The contract with the width of the embeddings, if inputs and outputs are as it says."""
    ends = described.inputs, described.outputs
    said = stated, stated.output or ""
    opened = CpuModel(source, ends, lanes=1, batch_size=None, said=said)
    contract = fitted(opened)
    assert contract is not None  # there is one to fit
    return contract


def _as_opened(source: Path, stated: Contract) -> Contract:
    """The same for a file that only its runtime can read."""
    with open_session(source, contract=stated, lanes=1, threads=1) as session:
        assert session.contract is not None
        return session.contract


def _adopt_with_sidecar(source: Path, target: Path, stated: Contract) -> None:
    facts = _known_facts(source) | {"contract": stated.to_dict()}
    sidecar = sidecar_path(target)
    if target.resolve() != source.resolve():
        weights = source.with_suffix(_WEIGHTS)
        with contextlib.ExitStack() as files:
            if source.suffix == ".xml" and is_regular_file(weights):
                shutil.copyfile(
                    weights, files.enter_context(replacing(target.with_suffix(_WEIGHTS)))
                )
            shutil.copyfile(source, files.enter_context(replacing(target)))
            # A crash between the names must not leave an old contract beside the new model.
            sidecar.unlink(missing_ok=True)
    write_json(sidecar, facts)


def _known_facts(source: Path) -> dict[str, Any]:
    """What a sidecar says already; a broken one has nothing to keep."""
    try:
        return read_sidecar(source) or {}
    except ModelError:
        return {}
