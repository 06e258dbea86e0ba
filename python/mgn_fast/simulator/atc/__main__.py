# SPDX-License-Identifier: Apache-2.0
"""`python -m mgn_fast.simulator.atc`: ATC's place in the compile job."""

import sys

from mgn_fast.simulator.atc.program import main

sys.exit(main())
