# SPDX-License-Identifier: Apache-2.0
"""When a batch's stages ended: the simulator's own record of its tasks is the judge."""

import gc
import time

import numpy as np
import pytest

from mgn_fast import DeviceError, _core, open_session, simulator
from mgn_fast.common.observer import Observer, observing
from support.simulated import TINY_WIDTH, embeddings_of

RECORD, ELAPSED = "aclrtRecordEvent", "aclrtEventElapsedTime"
# One picture takes a millisecond to the device, and its embedding another one back.
SLOW_COPIES = {"timing": True, "copy_in_bytes_per_s": 48e3, "copy_out_bytes_per_s": 64e3}


@pytest.fixture
def engine(tiny_om):
    opened = []

    def open_engine(lanes=1, timed=True, **options):
        opened.append(_core.AscendEngine(str(tiny_om(**options)), 0, lanes, timed))
        return opened[-1]

    yield open_engine
    simulator.reset_faults()
    simulator.slow_stream(0)
    while opened:
        opened[-1].wait_idle(3)
        opened.pop().close()


def ended(batch):
    assert batch.wait(20)
    return batch


def run_all(lanes, count, rounds):
    """Every lane's batches, all lanes at once."""
    batches = []
    for _ in range(rounds):
        under_way = [lane.submit(count) for lane in lanes]
        batches.append([ended(batch) for batch in under_way])
    return list(zip(*batches, strict=True))


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("settings", [SLOW_COPIES | {"guard": False}])
@pytest.mark.parametrize("count", [1, 8, 64])
@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_times_are_those_of_the_tasks(engine, lanes, count):
    opened = engine(lanes, batch_sizes=(count,))
    taken = [opened.take_lane() for _ in range(lanes)]
    rounds = 8 if count == 1 else 2
    before_s = time.perf_counter()
    with simulator.trace() as tasks:
        begun_s = time.perf_counter()
        batches = run_all(taken, count, rounds)
    offsets, lags, waits = [], [], []
    for stream, of_lane in zip(sorted({task.stream for task in tasks}), batches, strict=True):
        own = [task for task in tasks if task.stream == stream]
        for place, batch in enumerate(of_lane):
            # Where streams cannot be asked an eighth task records that all others are done.
            begin = place * (len(own) // len(of_lane))
            mine = own[begin : begin + 7]
            assert [task.name == RECORD for task in mine] == [True, False] * 3 + [True]
            passed = np.array([task.end_s for task in mine[::2]])
            ends = np.array([task.end_s for task in mine[1::2]])
            times = np.array(batch.times())
            np.testing.assert_allclose(np.diff(times[1:]), np.diff(passed[1:]), rtol=0, atol=1e-6)
            lags.append(passed[1:] - ends)
            offsets.append(times[1] - passed[1])
            waits.append(mine[1].start_s - (times[0] - offsets[-1]))
    # An event is passed when the task before it ends, unless the host was late in recording it.
    assert np.min(lags) > -1e-8
    assert np.median(lags) < 2e-6
    # A copy begins when it is called for, within some microseconds, under a sanitizer some hundred;
    # other lanes' copies, which take a millisecond, are waited for.
    assert abs(np.min(waits)) < 500e-6
    # Never later than true, and not much earlier where the host was not interrupted in between.
    assert max(offsets) <= begun_s + 1e-6
    assert max(offsets) >= before_s - 1e-4


@pytest.mark.parametrize("settings", [SLOW_COPIES])
@pytest.mark.parametrize(("run_mode", "num_times"), [("host", 4), ("device", 2)])
def test_times_lie_between_submit_and_the_end_that_was_seen(engine, run_mode, num_times):
    lane = engine(batch_sizes=(1,)).take_lane()
    last_s = time.perf_counter()
    for _ in range(5):
        times = ended(lane.submit(1)).times()
        assert len(times) == num_times
        assert last_s <= times[0]
        assert np.all(np.diff(times) > 0.5e-3)
        last_s = time.perf_counter()
        assert times[-1] <= last_s


@pytest.mark.needs_call("aclrtStreamQuery")
@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_an_untimed_lane_makes_no_call_for_times(engine, ledger_delta):
    with ledger_delta() as delta:
        batch = ended(engine(timed=False).take_lane().submit(4))
    assert batch.times() == []
    assert not [name for name in delta.calls if "Event" in name]


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_record_that_fails_costs_one_batch_its_times_only(engine, random, nth):
    lane = engine().take_lane()
    images = random.standard_normal((4, 3, 2, 2), np.float32)
    lane.input()[:] = images
    simulator.fail(RECORD, nth, 207007)
    batch = ended(lane.submit(4))
    assert batch.times() == []
    np.testing.assert_array_equal(batch.embeddings(), embeddings_of(images))
    assert len(ended(lane.submit(4)).times()) == 4


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.needs_call("aclrtStreamQuery")
@pytest.mark.parametrize(
    ("call", "nth"),
    # The context is asked for by the synchronise, then for the times.
    [(ELAPSED, 1), (ELAPSED, 3), ("aclrtGetCurrentContext", 2)],
)
def test_times_that_cannot_be_read_cost_one_batch_its_times_only(engine, call, nth):
    lane = engine().take_lane()
    batch = lane.submit(4)
    simulator.fail(call, nth, 507899)
    assert ended(batch).embeddings().shape == (4, TINY_WIDTH)
    assert batch.times() == []
    assert len(ended(lane.submit(4)).times()) == 4


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.parametrize("call", [RECORD, ELAPSED])
def test_a_failure_that_cost_times_leaves_no_text_before_the_next_ones(engine, call):
    lane = engine().take_lane()
    simulator.fail(call, 1, 207007)
    assert ended(lane.submit(4)).times() == []
    simulator.fail("aclrtMemcpyAsync", 1, 107000)
    with pytest.raises(DeviceError) as error:
        lane.submit(4)
    assert "aclrtMemcpyAsync" in error.value.detail
    assert call not in error.value.detail


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.needs_call("aclrtStreamQuery")
@pytest.mark.parametrize("settings", [{"events_per_device": 6}])
def test_where_events_run_out_batches_go_without_times(engine):
    opened = engine(lanes=2)
    lanes = [opened.take_lane() for _ in range(2)]
    assert [[len(b.times()) for b in of_lane] for of_lane in run_all(lanes, 4, 2)] == [
        [4, 4],
        [0, 0],
    ]


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.usefixtures("simulated_time")
def test_a_batch_that_runs_or_failed_has_no_times(engine):
    lane = engine().take_lane()
    simulator.slow_stream(0.05)
    batch = lane.submit(4)
    assert batch.times() == []
    assert len(ended(batch).times()) == 4
    simulator.slow_stream(0)
    for call in (RECORD, "aclmdlExecuteAsync"):
        simulator.fail(call, 1, 507011, when="sync")
        batch = ended(lane.submit(4))
        assert batch.times() == []
        with pytest.raises(DeviceError, match="507011"):
            batch.embeddings()
    assert len(ended(lane.submit(4)).times()) == 4


@pytest.mark.on_chip("Ascend310P3")
def test_a_submit_that_failed_half_way_does_not_spoil_the_next_times(engine):
    lane = engine().take_lane()
    simulator.slow_stream(0.02)
    simulator.fail("aclmdlExecuteAsync", 1, 145003)
    with pytest.raises(DeviceError, match="aclmdlExecuteAsync"):
        lane.submit(4)
    deadline = time.monotonic() + 5
    while not lane.idle():
        assert time.monotonic() < deadline
    before_s = time.perf_counter()
    times = ended(lane.submit(4)).times()
    assert len(times) == 4
    assert before_s <= times[0] <= times[-1] <= time.perf_counter()


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.parametrize(
    ("without", "num_times"),
    [([ELAPSED], 0), (["aclrtStreamQuery", "aclrtSynchronizeStreamWithTimeout"], 4)],
)
def test_cann_without_some_functions(tiny_om, without, num_times):
    path = tiny_om()
    _core.ascend_stop()
    _core.ascend_use_library(str(simulator.library_path()), without)
    engine = _core.AscendEngine(str(path), 0, 1, True)
    lane = engine.take_lane()
    for _ in range(3):
        assert len(ended(lane.submit(4)).times()) == num_times
    engine.close()


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.parametrize("code", [107000, 207000])
def test_where_the_flag_is_not_known_events_without_one_tell_times(tiny_om, code):
    path = tiny_om()
    for nth in range(1, 5):
        simulator.fail("aclrtCreateEventWithFlag", nth, code)
    engine = _core.AscendEngine(str(path), 0, 1, True)
    assert len(ended(engine.take_lane().submit(4)).times()) == 4
    assert simulator.ledger()["calls"]["aclrtCreateEvent"] == 4
    engine.close()


def test_a_device_lost_in_the_middle_leaves_nothing(engine):
    opened = engine(lanes=2)
    lanes = [opened.take_lane() for _ in range(2)]
    simulator.slow_stream(0.05)
    batches = [lane.submit(4) for lane in lanes]
    simulator.lose_device(0)
    for batch in batches:
        assert ended(batch).times() == []


@pytest.mark.on_chip("Ascend910B")
@pytest.mark.needs_call("aclrtStreamAbort")
def test_an_abort_leaves_nothing(engine):
    opened = engine()
    simulator.slow_stream(30)
    batch = opened.take_lane().submit(4)
    assert not opened.wait_idle(0.05)
    opened.close()
    assert ended(batch).times() == []


@pytest.mark.needs_call("aclrtStreamQuery")
@pytest.mark.parametrize("run_mode", ["host", "device"])
@pytest.mark.parametrize("code", [107002, 207007, 507899])
def test_a_failure_of_any_call_is_an_error_or_costs_times_and_leaves_nothing(
    tiny_om, random, run_mode, code
):
    """The calls for times only; all others fail in test_owned.py."""
    path = tiny_om()
    images = random.standard_normal((7, 3, 2, 2), np.float32)

    def use():
        with observing(Observer()), open_session(path, lanes=2) as session:
            return session.run(images)

    use()
    simulator.reset_ledger()
    use()
    calls = simulator.ledger()["calls"]
    assert (calls["aclrtCreateEventWithFlag"], calls[RECORD]) == (
        (8, 8) if run_mode == "host" else (4, 4)
    )
    for name in ("aclrtCreateEventWithFlag", RECORD, ELAPSED, "aclrtDestroyEvent"):
        for nth in range(1, calls[name] + 1):
            simulator.fail(name, nth, code)
            if name in (RECORD, ELAPSED):
                np.testing.assert_array_equal(use(), embeddings_of(images))
            else:
                with pytest.raises(DeviceError, match=f"{name} failed with {code}"):
                    use()
            simulator.reset_faults()
            gc.collect()
            assert simulator.ledger()["live"] == {}, (name, nth)
            assert simulator.ledger()["violations"] == [], (name, nth)
