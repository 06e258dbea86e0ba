# SPDX-License-Identifier: Apache-2.0
"""cpp/image/kernels.h's rule for units built with wider instructions."""

import re
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[3] / "cpp" / "image"

# Every AArch64 CPU has what today's NEON units use; the rule lets one ask for more.
LEVELS = {"*_avx*.cpp": "immintrin.h", "*_neon*.cpp": "arm_neon.h"}
UNITS = [(path, header) for name, header in LEVELS.items() for path in sorted(IMAGE.glob(name))]


def included(path):
    return set(re.findall(r"#include\s*[<\"](.+?)[>\"]", path.read_text()))


@pytest.mark.parametrize(("unit", "header"), UNITS, ids=lambda value: getattr(value, "name", ""))
def test_nothing_inline_of_others_is_compiled_for_a_wider_cpu(unit, header):
    assert included(unit) == {header, "image/kernels.h"}
    assert included(IMAGE / "kernels.h") == {"cstddef", "cstdint"}
