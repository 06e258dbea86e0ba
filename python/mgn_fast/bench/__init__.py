# SPDX-License-Identifier: Apache-2.0
"""The benchmark behind `mgn-fast bench`: how fast a model is, end to end first, and what bounds it.

`benchmark` runs a `Plan` of cases; `measure` runs one; row.py works out what schema.json describes.
"""

from .benchmark import Outcome, Plan, benchmark
from .case import Case, Settings, Slo
from .window import Pace

__all__ = ["Case", "Outcome", "Pace", "Plan", "Settings", "Slo", "benchmark"]
