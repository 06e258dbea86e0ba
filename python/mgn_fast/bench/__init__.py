# SPDX-License-Identifier: Apache-2.0
"""The benchmark behind `mgn-fast bench`: a model's speed, end to end first, and its bottleneck.

run          what users call: `benchmark` runs a `Plan` of cases
tuning       what users call: `tune` finds the fastest setting; tuned: where it is kept
case         one setting of one model, and what it gave
measuring    one case, measured
models       the models that are measured where none is given, and what the record says of one
accuracy     how near a measured model's embeddings are to a reference's
load/        what is run meanwhile; record/: what schema.json describes; page/: for people
"""

from mgn_fast.bench.case import Case, MeasureSettings, Slo
from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.window import Pace
from mgn_fast.bench.run import Outcome, Plan, benchmark
from mgn_fast.bench.tuning import Tuning, tune

__all__ = [
    "Arrivals",
    "Case",
    "MeasureSettings",
    "Outcome",
    "Pace",
    "Plan",
    "Slo",
    "Tuning",
    "benchmark",
    "tune",
]
