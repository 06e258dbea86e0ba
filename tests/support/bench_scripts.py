# SPDX-License-Identifier: Apache-2.0
"""What the tests of bench/ share: where its scripts are, how to import one, a record of all."""

import importlib
import sys

from support.repository import ROOT

BENCH = ROOT / "bench"
SCRIPTS = sorted(path.name for kind in ("bench", "check") for path in BENCH.glob(f"{kind}_*.py"))


def load(name):
    """Imports a script as Python does where it is started: with those beside it in reach."""
    if str(BENCH) not in sys.path:
        sys.path.append(str(BENCH))
    return importlib.import_module(name)


def a_record(**changes):
    """What run_all.py makes of two scripts."""
    speed = [{"what": "a against b", "figure": "9.5 times"}, {"what": "c", "figure": "17 ms"}]
    lost = [{"what": "simulated: d", "figure": "0 of 4,578"}]
    return {
        "environment": {"cores": 2, "cpu": "AMD EPYC, family 26, model 2", "commit": "abc"},
        "started": "2026-11-23T04:05:06+00:00",
        "quick": False,
        "records": {"eval": {"headlines": speed}, "faults": {"headlines": lost}},
        "failed": [],
        "interrupted": False,
    } | changes
