# SPDX-License-Identifier: Apache-2.0
"""`python -m mgn_fast.bench`, the same as `mgn-fast bench`."""

import sys

from mgn_fast.cli.program import main

sys.exit(main(["bench", *sys.argv[1:]]))
