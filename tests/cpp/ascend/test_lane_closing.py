# SPDX-License-Identifier: Apache-2.0
"""Lanes that do not become idle by themselves: what their batches get when the engine closes."""

import numpy as np
import pytest

from mgn_fast import DeviceError, _core, simulator
from support.profiles import lacking
from support.simulated import embeddings_of


def opened(path, lanes):
    return _core.AscendEngine(str(path), 0, lanes)


@pytest.fixture
def pictures(random):
    return random.standard_normal((4, 3, 2, 2), np.float32)


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("code", [207000, 200001, 200006])
def test_where_streams_cannot_be_aborted_a_batch_that_ends_keeps_its_embeddings(
    tiny_om, cann, pictures, code
):
    """And closing tells of no failure, because there was none."""
    engine = opened(tiny_om(), lanes=2)
    lanes = [engine.take_lane() for _ in range(2)]
    simulator.slow_stream(0.1)
    for lane in lanes:
        lane.input()[:] = pictures
    batches = [lane.submit(4) for lane in lanes]
    for nth in (1, 2):
        simulator.fail("aclrtStreamAbort", nth, code)
    assert not engine.wait_idle(0.02)
    engine.close()
    simulator.slow_stream(0)
    asked = 0 if lacking(cann, ["aclrtStreamAbort"]) else 2
    assert simulator.ledger()["calls"].get("aclrtStreamAbort", 0) == asked
    for batch in batches:
        assert batch.done()
        np.testing.assert_array_equal(batch.embeddings(), embeddings_of(pictures))


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.needs_call("aclrtStreamAbort")
def test_an_abort_that_times_out_is_no_failure_where_the_stream_ends(tiny_om):
    engine = opened(tiny_om(), lanes=1)
    simulator.slow_stream(0.1)
    batch = engine.take_lane().submit(4)
    simulator.fail("aclrtStreamAbort", 1, 507046)
    assert not engine.wait_idle(0.02)
    engine.close()
    simulator.slow_stream(0)
    with pytest.raises(DeviceError, match="dropped, because its session was closed"):
        batch.embeddings()
    assert simulator.ledger()["live"] == {}


@pytest.mark.needs_call("aclrtStreamAbort")
def test_any_other_failure_of_an_abort_is_told_and_the_batch_is_dropped(tiny_om):
    engine = opened(tiny_om(), lanes=1)
    simulator.slow_stream(0.1)
    batch = engine.take_lane().submit(4)
    simulator.fail("aclrtStreamAbort", 1, 507000)
    with pytest.raises(DeviceError, match="aclrtStreamAbort failed with 507000"):
        engine.close()
    simulator.slow_stream(0)
    with pytest.raises(DeviceError, match="dropped, because its session was closed"):
        batch.embeddings()
    assert simulator.ledger()["live"] == {}
