# SPDX-License-Identifier: Apache-2.0
"""cpp/common/cpu.cpp: the level that is chosen, forced or refused."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core, build_info
from support import instructions, repository

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


def test_the_cpu_has_what_linux_says():
    words = instructions.words_of_cpu()
    if not words:
        pytest.skip("Linux lists no instructions here")
    kinds = [name for name in instructions.WORDS if (name in instructions.OF_X86) == ON_X86]
    expected = [name for name in kinds if instructions.WORDS[name] <= words]
    assert _core.cpu_features() == expected


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
