# SPDX-License-Identifier: Apache-2.0
from typing import Any

from .types import F32Array, U8Array

def build_info() -> dict[str, Any]: ...
def resize(pixels: U8Array, out: U8Array) -> None: ...
def pack_normalised(
    pixels: U8Array,
    out: F32Array,
    mean: tuple[float, float, float],
    deviation: tuple[float, float, float],
    mirror: bool,
) -> None: ...
def pack_bytes(pixels: U8Array, out: U8Array, mirror: bool) -> None: ...
