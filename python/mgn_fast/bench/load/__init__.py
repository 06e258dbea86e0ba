# SPDX-License-Identifier: Apache-2.0
"""What is run while time is measured, and what is noted of it."""

from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.recorder import Recorder
from mgn_fast.bench.load.window import Pace, Repeat, Windows

__all__ = ["Arrivals", "Pace", "Recorder", "Repeat", "Windows"]
