# SPDX-License-Identifier: Apache-2.0
"""The command line, the only part of the package that prints.

program      what `mgn-fast` runs: the parser of all commands, errors, signals; exit_codes: by name
commands/    the commands; screen/: what they show while they run
galleries/   what they do with galleries
parser       usage errors; options, contract_options, protocol_options: those that commands share
sources      the pictures that a command is given; datasets: those with labels
evaluation   what commands that evaluate share; page_files: --html and --png
evaluated_rows, split_rows   the embeddings that `evaluate` compares, and which picture has which
completion   words for the shell; bench_options: those of `bench`
"""

from mgn_fast.cli.program import main

__all__ = ["main"]
