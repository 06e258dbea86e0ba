# SPDX-License-Identifier: Apache-2.0
"""The simulator under every test here; after each, nothing may be left alive and no rule broken."""

import gc

import pytest

from mgn_fast import simulator
from mgn_fast.simulator import TensorSpec
from support import profiles
from support.simulated import TINY, require_clean


@pytest.fixture
def run_mode(profile):
    return profiles.run_mode_of(profile)


@pytest.fixture
def settings():
    """Further settings of the simulator; tests override it."""
    return {}


@pytest.fixture
def simulated(profile, run_mode, settings):
    """A simulated NPU without time model; yields the module that controls it."""
    options = {"timing": False, "compute": "deterministic", "guard": True, "run_mode": run_mode}
    if settings.get("timing") and profile != profiles.TIMED:
        pytest.skip(f"times are published for {profiles.TIMED} only, this is {profile}")
    simulator.enable(**options | settings)
    yield simulator
    gc.collect()
    left = simulator.ledger()
    simulator.disable()
    require_clean(left)


@pytest.fixture
def tiny_om(tmp_path, simulated):
    """Writes a model of a few bytes; keyword arguments as `simulator.write_om` takes them."""

    def write(name="tiny.om", *, batch_sizes=(4,), dtype="float32", **options):
        image = TensorSpec("image", dtype, (3, 2, 2), "NCHW")
        described = TINY | {"inputs": [image]} | options
        return simulator.write_om(tmp_path / name, batch_sizes=batch_sizes, **described)

    return write


@pytest.fixture
def simulator_library():
    return simulator.library_path()


@pytest.fixture
def ledger_delta(simulated):
    """What a block creates: {kind: count}."""

    class Delta:
        def __enter__(self):
            self.before = simulator.ledger()
            return self

        def __exit__(self, *_):
            after = simulator.ledger()
            self.created = {
                kind: count - self.before["created"].get(kind, 0)
                for kind, count in after["created"].items()
                if count != self.before["created"].get(kind, 0)
            }
            self.calls = {
                name: count - self.before["calls"].get(name, 0)
                for name, count in after["calls"].items()
                if count != self.before["calls"].get(name, 0)
            }

    return Delta
