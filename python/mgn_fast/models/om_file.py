# SPDX-License-Identifier: Apache-2.0
"""An .om's header, and the sidecar beside a model; knows nothing of what is inside an .om.

Whatever writes, checks or opens an .om takes its numbers here.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

from mgn_fast.common.files import read_limited
from mgn_fast.errors import ModelError
from mgn_fast.models.contract import Contract

# CANN's own header: magic, then among others the bytes that follow it, in two fields, because the
# first holds 32 bits only.
HEADER_BYTES = 256
MAGIC = b"IMOD"
LENGTH_OFFSET = 76
LONG_LENGTH_OFFSET = 184
MAX_SIDECAR_BYTES = 1 << 20


def is_header(head: bytes) -> bool:
    """True if a file that begins with these bytes (`HEADER_BYTES` or more) can be an .om."""
    return len(head) >= HEADER_BYTES and head.startswith(MAGIC)


def announced_bytes(header: bytes) -> int:
    """Bytes behind an .om's header by its long field, or by the short one where that is 0."""
    (short,) = struct.unpack_from("<I", header, LENGTH_OFFSET)
    (long,) = struct.unpack_from("<Q", header, LONG_LENGTH_OFFSET)
    return int(long or short)


def sidecar_path(model: Path) -> Path:
    """The sidecar of an .om or .xml, with its contract and more: `.json` behind its name."""
    return model.with_name(model.name + ".json")


def read_contract(model: Path) -> Contract | None:
    """The contract in the sidecar of an .om or .xml.

    Args:
        model: the model.

    Returns:
        The contract; None where there is no sidecar, or it says that there is none.

    Raises:
        ModelError: the sidecar cannot be read, or holds no contract.
    """
    facts = read_sidecar(model)
    if facts is None or facts["contract"] is None:
        return None
    return Contract.from_json(json.dumps(facts["contract"]), source=str(sidecar_path(model)))


def read_sidecar(model: Path) -> dict[str, Any] | None:
    """The facts beside an .om or .xml, "contract" among them.

    Args:
        model: the model.

    Returns:
        What `compile_om` or `adopt` wrote; None where no file lies beside the model.

    Raises:
        ModelError: the file cannot be read, or holds no contract.
    """
    sidecar = sidecar_path(model)
    if not os.path.lexists(sidecar):
        return None
    try:
        facts: dict[str, Any] = json.loads(read_limited(sidecar, MAX_SIDECAR_BYTES))
        facts["contract"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{sidecar} does not hold the model's contract ({error!r}); compile or adopt the "
            "model again, or take the file away to use the session without a contract"
        ) from error
    return facts
