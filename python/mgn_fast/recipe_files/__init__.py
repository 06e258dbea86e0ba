# SPDX-License-Identifier: Apache-2.0
"""The published recipe's files: tensors and info files out, tools' outputs in.

write        a data set's tensors and info files
read, find   the outputs of benchmark, msame and ais_bench
runs         the recipe's four runs: query and gallery, plain and mirrored
log          what was written, for a run that goes on later
"""

from mgn_fast.recipe_files.read import ToolEmbeddings, read_results
from mgn_fast.recipe_files.write import Written, write_bins

__all__ = ["ToolEmbeddings", "Written", "read_results", "write_bins"]
