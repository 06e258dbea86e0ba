# SPDX-License-Identifier: Apache-2.0
"""cpp/common/cpu.cpp: the level that is chosen, forced or refused."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core, build_info
from support import repository

LEVELS = _core.simd_levels()
ON_X86 = platform.machine() == "x86_64"


def in_another_process(code, forced):
    """What the code prints with MGN_FAST_SIMD set; the level is chosen once per process."""
    environment = {**os.environ, "MGN_FAST_SIMD": forced}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("level", LEVELS)
def test_the_environment_forces_a_level(level):
    code = "from mgn_fast import _core; print(_core.simd_level())"
    assert in_another_process(code, level) == level


@pytest.mark.usefixtures("own_process")
def test_an_empty_variable_is_no_variable():
    code = "from mgn_fast import _core; print(_core.simd_level())"
    assert in_another_process(code, "") == LEVELS[-1]


def test_the_portable_level_is_always_there():
    assert LEVELS[0] == "scalar"
    assert set(LEVELS) <= ({"scalar", "avx2", "avx512"} if ON_X86 else {"scalar", "neon"})


# What each feature is in Linux's words, of x86's "flags" and AArch64's "Features".
WIDE = {"avx512f", "avx512bw", "avx512vl", "avx512vbmi", "avx512_vnni"}
FEATURES = {
    "avx2": {"avx2", "fma", "f16c"},
    "avx512": {"avx2", "fma", "f16c"} | WIDE,
    "avx512_bf16": {"avx2", "fma", "f16c", "avx512_bf16"} | WIDE,
    "dotprod": {"asimddp"},
    "fp16": {"fphp", "asimdhp"},
    "fhm": {"asimdfhm"},
    "bf16": {"bf16"},
    "i8mm": {"i8mm"},
}


def words_of_linux():
    """What the kernel says of the first CPU."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, words = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(words.split())
    pytest.skip("this kernel lists no instructions in /proc/cpuinfo")


def test_the_cpu_has_what_linux_says():
    words = words_of_linux()
    kinds = ("avx2", "avx512", "avx512_bf16") if ON_X86 else tuple(FEATURES)[3:]
    assert _core.cpu_features() == [name for name in kinds if FEATURES[name] <= words]


def test_a_level_needs_all_of_its_instructions():
    optional = [level for level in LEVELS if level not in ("scalar", "neon")]
    assert optional == [name for name in _core.cpu_features() if name in ("avx2", "avx512")]
    assert ("neon" in LEVELS) == (platform.machine() == "aarch64")


def test_the_build_says_what_is_in_use():
    info = build_info()
    assert info["simd"] == _core.simd_level()
    needed = {"avx512": "avx512_bf16", "neon": "bf16"}.get(info["simd"])
    assert info["bfloat16"] == (needed in _core.cpu_features())


def test_no_compiler_is_asked_what_the_cpu_has():
    # A runtime without a CPU model answers no to everything, and nothing warns.
    sources = [path for path in repository.CPP.rglob("*") if path.is_file()]
    assert len(sources) > 100
    assert not [path for path in sources if "__builtin_cpu" in path.read_text()]


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("word", ["AVX2", "sse", "neon" if ON_X86 else "avx2"])
def test_another_word_is_refused_at_first_use_and_not_at_import(word):
    code = (
        "import numpy as np, mgn_fast\n"
        "print('imported')\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        mgn_fast.resize_pack(np.zeros((2, 2, 3), np.uint8),\n"
        "                             np.zeros((384, 128, 3), np.uint8))\n"
        "    except mgn_fast.InvalidInputError as error:\n"
        "        print(error)\n"
    )
    line = f"MGN_FAST_SIMD is '{word}', expected one of this CPU's: {', '.join(LEVELS)}"
    assert in_another_process(code, word).splitlines() == ["imported", line, line]


def test_a_level_by_name_is_refused_as_well():
    pixels = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(InvalidInputError, match="simd is 'mmx', expected one of this CPU's"):
        _core.resize(pixels, pixels.copy(), "bicubic", "mmx")
