# SPDX-License-Identifier: Apache-2.0
"""The simulated ATC: `python -m mgn_fast.simulator.atc --framework=5 --model=...`.

program      takes ATC's options, refuses what ATC refuses, writes a .om
options      the command line; aipp: the configuration of AIPP; network: the ONNX file
precision    which operators compute in float16, by its options
texts        what ATC prints when it refuses, in the forms of three generations
"""

from mgn_fast.simulator.atc.program import main

__all__ = ["main"]
