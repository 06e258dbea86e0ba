# SPDX-License-Identifier: Apache-2.0
"""`python -m mgn_fast`: the same as `mgn-fast`."""

from mgn_fast.cli.program import main

if __name__ == "__main__":
    raise SystemExit(main())
