# SPDX-License-Identifier: Apache-2.0
"""The loads that run while time is measured, and the observations made meanwhile."""

from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.recorder import Recorder
from mgn_fast.bench.load.window import Pace, Repeat, Windows

__all__ = ["Arrivals", "Pace", "Recorder", "Repeat", "Windows"]
