# SPDX-License-Identifier: Apache-2.0
"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "mgn_fast"
CPP = ROOT / "cpp"
