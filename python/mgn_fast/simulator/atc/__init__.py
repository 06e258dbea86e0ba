# SPDX-License-Identifier: Apache-2.0
"""The simulated ATC: `python -m mgn_fast.simulator.atc --framework=5 --model=...`."""

from mgn_fast.simulator.atc.program import main

__all__ = ["main"]
