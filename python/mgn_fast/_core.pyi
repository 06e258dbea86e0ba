# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import numpy.typing as npt

from .types import AnyArray, F32Array, F64Array, I32Array, U8Array

I64Array = npt.NDArray[np.int64]

def build_info() -> dict[str, Any]: ...
def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
def resize(pixels: U8Array, out: U8Array, simd: str = "") -> None: ...
def pack(
    pixels: U8Array,
    plain: AnyArray | None,
    mirrored: AnyArray | None,
    mean: tuple[float, float, float],
    deviation: tuple[float, float, float],
    simd: str = "",
) -> None: ...
def resize_pack(
    pixels: U8Array,
    plain: AnyArray | None,
    mirrored: AnyArray | None,
    mean: tuple[float, float, float],
    deviation: tuple[float, float, float],
    simd: str = "",
) -> None: ...
def has_product() -> bool: ...
def multiply(
    rows: F32Array, columns: F32Array, out: F32Array, scratch: Scratch, threads: int
) -> None: ...
def squared_lengths(embeddings: F32Array, threads: int) -> F64Array: ...
def merge_nearest(
    block: Screened, first_column: int, columns: I32Array, distances: F64Array, threads: int
) -> None: ...

class Scratch:
    def __init__(self) -> None: ...

class Neighbours:
    def __init__(
        self,
        query: F32Array,
        gallery: F32Array,
        query_squares: F64Array,
        gallery_squares: F64Array,
        metric: str,
        depth: int,
    ) -> None: ...
    def add(self, block: F32Array, first_row: int, first_column: int, threads: int) -> None: ...
    def settle(
        self, first: int, columns: I32Array, distances: F64Array, largest: F32Array, threads: int
    ) -> None: ...

class Screened:
    def __init__(
        self,
        dots: F32Array,
        rows: F32Array,
        columns: F32Array,
        row_squares: F64Array,
        column_squares: F64Array,
        metric: str,
        threads: int,
    ) -> None: ...

class Ranker:
    def __init__(self, person: I32Array, camera: I32Array, ap: str, same_camera: str) -> None: ...
    def rank_distances(
        self, distances: F32Array | F64Array, person: I32Array, camera: I32Array, threads: int
    ) -> tuple[F64Array, F64Array, I64Array]: ...
    def rank_screened(
        self, block: Screened, person: I32Array, camera: I32Array, threads: int
    ) -> tuple[F64Array, F64Array, I64Array]: ...

class Neighbourhood:
    def __init__(
        self,
        nearest: I32Array,
        distances: F64Array,
        scale: F32Array,
        query: F32Array,
        gallery: F32Array,
        metric: str,
        squared_again: bool,
    ) -> None: ...

class Encoding:
    def __init__(self, num_queries: int, num_gallery: int, k1: int, k2: int) -> None: ...
    def encode(self, near: Neighbourhood, begin: int, end: int, threads: int) -> None: ...
    def expand(self, near: Neighbourhood, begin: int, end: int, threads: int) -> None: ...
    def index(self) -> None: ...
    def blend(
        self, first_query: int, block: F32Array, original_weight: float, threads: int
    ) -> None: ...
