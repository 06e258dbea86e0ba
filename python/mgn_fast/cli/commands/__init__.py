# SPDX-License-Identifier: Apache-2.0
"""The commands, a module each: its options, and a function that runs it and gives its exit code.

adopt, bench, bins, compile, demo, doctor, embed, evaluate, export, gallery, group, quantize,
search, tune, verify
"""

__all__: list[str] = []
