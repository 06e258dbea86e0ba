# SPDX-License-Identifier: Apache-2.0
"""The loads that run while time is measured, and the observations made meanwhile.

closed_load       as many images as the lanes take; open_load: as they arrive; steps: of both
arrivals          when the images of an open load arrive
window            repeats cut out of a run; recorder: the time that every step took
noise             what else the machine did; resident_memory: this process's peak
"""

from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.recorder import Recorder
from mgn_fast.bench.load.window import Pace, Repeat, Windows

__all__ = ["Arrivals", "Pace", "Recorder", "Repeat", "Windows"]
