# SPDX-License-Identifier: Apache-2.0
"""The command line: one module per command, each with `add_parser` and a function that runs it.

The only part of the package that prints.
"""

from mgn_fast.cli.program import main

__all__ = ["main"]
