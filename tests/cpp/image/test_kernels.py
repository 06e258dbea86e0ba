# SPDX-License-Identifier: Apache-2.0
"""cpp/image/kernels.h's rule for units built with wider instructions."""

import re
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[3] / "cpp" / "image"


@pytest.mark.parametrize("unit", sorted(IMAGE.glob("*_avx*.cpp")), ids=lambda path: path.name)
def test_nothing_inline_of_others_is_compiled_for_a_wider_cpu(unit):
    included = set(re.findall(r"#include\s*[<\"](.+?)[>\"]", unit.read_text()))
    assert included == {"immintrin.h", "image/kernels.h"}
    shared = set(re.findall(r"#include\s*[<\"](.+?)[>\"]", (IMAGE / "kernels.h").read_text()))
    assert shared == {"cstddef", "cstdint"}
