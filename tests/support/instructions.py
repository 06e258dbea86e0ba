# SPDX-License-Identifier: Apache-2.0
"""What Linux says of this CPU's instructions: a second opinion on what the core finds."""

from pathlib import Path

# What each of the core's features is in Linux's words, of x86's "flags" and AArch64's "Features".
AVX2 = {"avx2", "fma", "f16c"}
AVX512 = AVX2 | {"avx512f", "avx512bw", "avx512vl", "avx512vbmi", "avx512_vnni"}
WORDS = {
    "avx2": AVX2,
    "avx512": AVX512,
    "avx512_bf16": AVX512 | {"avx512_bf16"},
    "dotprod": {"asimddp"},
    "fp16": {"fphp", "asimdhp"},
    "fhm": {"asimdfhm"},
    "bf16": {"bf16"},
    "i8mm": {"i8mm"},
}
OF_X86 = ("avx2", "avx512", "avx512_bf16")


def words_of_cpu():
    """Linux's words for the first CPU's instructions; none where it lists none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    for line in lines:
        name, _, words = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(words.split())
    return set()
