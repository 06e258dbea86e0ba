# SPDX-License-Identifier: Apache-2.0
"""The models that a benchmark runs: the user's, or one with seeded weights that is made once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mgn_fast import _core
from mgn_fast.cann.compile import compile_om
from mgn_fast.common.cache import cache_directory, file_sha256
from mgn_fast.common.files import is_regular_file, read_limited
from mgn_fast.errors import InvalidInputError, MgnError, ModelError
from mgn_fast.export.onnx_export import export_onnx
from mgn_fast.inference.opening import open_session
from mgn_fast.inference.session import Session
from mgn_fast.models.contract import MGN_PARTS, Contract
from mgn_fast.models.model_file import contract_in
from mgn_fast.models.onnx_file import MAX_BYTES, read_onnx
from mgn_fast.models.precision import Precision, precision_of, quantises
from mgn_fast.models.presets import proposal


def default_model() -> Path:
    """MGN with seeded weights as .onnx, exported at the first call.

    Speed does not depend on the weights, so this measures what a trained model would.

    Returns:
        Its path in the cache.

    Raises:
        ExportError: what exporting needs is not installed.
    """
    path = cache_directory() / f"mgn-seed0-{_core.build_info()['version']}.onnx"
    if not is_regular_file(path):
        export_onnx(None, path, verify=False)
    return path


def simulated_model(
    onnx: Path,
    soc_version: str,
    batch_sizes: Sequence[int],
    contract: Contract | None = None,
    output: str | None = None,
) -> Path:
    """An .om for the simulator in the cache, compiled at the first call; raises as `compile_om`.

    Args:
        onnx: the model.
        soc_version: the chip.
        batch_sizes: in any order.
        contract: how it wants its pictures, in place of what the file says.
        output: that holds the embeddings; whoever opens the .om names it again where nobody says a
            contract that could keep it.

    Returns:
        Its path.
    """
    batch_sizes = sorted(set(batch_sizes))
    if contract is None and contract_in(onnx) is None:
        output = None
    sizes = "-".join(map(str, batch_sizes))
    key = file_sha256(onnx)[:16]
    if contract is not None or output is not None:
        said = json.dumps([contract and contract.to_json(), output])
        key += "-" + hashlib.sha256(said.encode()).hexdigest()[:16]
    version = _core.build_info()["version"]
    path = cache_directory() / f"{onnx.stem}-{key}-{soc_version}-bs{sizes}-{version}.om"
    if not is_regular_file(path):
        compile_om(
            onnx,
            path,
            soc_version=soc_version,
            batch_sizes=tuple(batch_sizes),
            simulate=True,
            contract=contract,
            output=output,
        )
    return path


def file_precision(path: Path) -> Precision | None:
    """The numbers a file runs in by default: "int8" or "float32"; None for an .om."""
    if path.suffix == ".om":
        return None
    kinds = (
        _xml_kinds(path) if path.suffix == ".xml" else (node.kind for node in read_onnx(path).nodes)
    )
    return precision_of(path, None, quantised=quantises(kinds))


def _xml_kinds(path: Path) -> list[str]:
    """The operators of OpenVINO's .xml."""
    content = read_limited(path, MAX_BYTES, ModelError, what="model")
    found = re.findall(rb'<layer\b[^>]*\stype="(\w+)"', content)
    return [kind.decode() for kind in found]


def is_mgn(session: Session) -> bool:
    """Whether a model is MGN: by the parts in its contract, or without one by its outputs."""
    if session.contract is not None:
        return session.contract.parts == MGN_PARTS
    return proposal(session.input_shape, session.output_widths) == "recipe"


def describe(path: Path, session: Session) -> dict[str, Any]:
    """The record's entry for a model: file, hash, input, width and contract; see schema.json."""
    contract = session.contract
    return {
        "path": str(path),
        "sha256": file_sha256(path),
        "bytes": path.stat().st_size,
        "backend": session.backend,
        "input_shape": list(session.input_shape),
        "input_dtype": str(session.input_dtype),
        "embedding_width": session.embedding_width,
        "contract": None if contract is None else contract.to_dict(),
        "contract_origin": None if contract is None else contract.origin,
    }


def batch_sizes_of(
    session: Session, wanted: Sequence[int] | None, sweep: Sequence[int]
) -> list[int]:
    """The batch sizes to measure, ascending: those wanted, or those of the sweep that it runs.

    Args:
        session: opened with the largest of them, if its batch axis is free.
        wanted: by the user; None for those of the sweep that the model has.
        sweep: the usual ones.

    Returns:
        At least one.

    Raises:
        InvalidInputError: the model does not run one of those wanted.
    """
    has = set(session.batch_sizes)
    if wanted is None:
        return [size for size in sweep if size in has] or [session.batch_size]
    missing = [size for size in wanted if size not in has]
    if missing:
        raise InvalidInputError(
            f"batch size {missing[0]} is asked for; {session.model_path} runs "
            f"{', '.join(map(str, sorted(has)))}"
        )
    return sorted(set(wanted))


def open_for_description(model: Path, options: dict[str, Any], most: int) -> Session:
    """A session to read what a model is, of batch size `most` where the model leaves it open."""
    try:
        return open_session(model, lanes=1, batch_size=most, **options)
    except InvalidInputError as first:
        try:  # its batch sizes are its own
            return open_session(model, lanes=1, **options)
        except MgnError:
            raise first from None
