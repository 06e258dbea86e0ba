# SPDX-License-Identifier: Apache-2.0
"""The compiled lane on the simulator: its memory, its order, and what is left after a failure."""

import contextlib
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import DeviceError, InvalidInputError, _core, simulator
from support import profiles
from support.simulated import TINY_WIDTH, embeddings_of


@pytest.fixture
def engine(tiny_om):
    opened = []

    def open_engine(lanes=1, **options):
        opened.append(_core.AscendEngine(str(tiny_om(**options)), 0, lanes))
        return opened[-1]

    yield open_engine
    simulator.reset_faults()
    simulator.slow_stream(0)
    while opened:
        opened[-1].wait_idle(3)
        opened.pop().close()


@pytest.fixture
def pictures(random):
    return random.standard_normal((4, 3, 2, 2), np.float32)


def run(lane, images):
    lane.input()[: len(images)] = images
    batch = lane.submit(len(images))
    assert batch.wait(5)
    return batch.embeddings()


@pytest.mark.parametrize("run_mode", ["host", "device"])
@pytest.mark.parametrize("count", [1, 3, 4])
def test_a_batch_gives_the_stand_ins_embeddings(engine, pictures, count):
    lane = engine().take_lane()
    images = pictures[:count]
    np.testing.assert_array_equal(run(lane, images), embeddings_of(images))


@pytest.mark.parametrize("run_mode", ["host", "device"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_input_is_writable_memory_of_the_lane(engine, dtype):
    lane = engine(dtype=dtype).take_lane()
    view = lane.input()
    assert view.base is lane
    assert view.flags.writeable
    assert view.dtype == dtype
    assert view.shape == (4, 3, 2, 2)
    assert view.ctypes.data % 64 == 0
    assert not view.any()
    assert lane.input().ctypes.data == view.ctypes.data


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_a_view_outlives_its_engine(engine):
    opened = engine()
    view = opened.take_lane().input()
    opened.close()
    view[:] = 7
    gc.collect()
    assert (view == 7).all()


@pytest.mark.on_chip("Ascend310P3")
def test_a_card_gets_one_copy_in_and_one_out(engine, ledger_delta, pictures):
    lane = engine().take_lane()
    with ledger_delta() as delta:
        run(lane, pictures)
    assert delta.calls["aclrtMemcpyAsync"] == 2


@pytest.mark.parametrize("run_mode", ["device"])
def test_on_a_board_the_device_reads_what_the_host_wrote(engine, ledger_delta, pictures):
    lane = engine().take_lane()
    with ledger_delta() as delta:
        run(lane, pictures)
    assert "aclrtMemcpyAsync" not in delta.calls
    assert "aclrtMemcpy" not in delta.calls


def test_half_precision_outputs_become_floats(engine, pictures):
    lane = engine(output_dtype="float16").take_lane()
    np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))


@pytest.mark.parametrize(("count", "gear"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8)])
def test_the_smallest_gear_that_fits_runs(engine, random, count, gear):
    images = random.standard_normal((count, 3, 2, 2), np.float32)
    lane = engine(batch_sizes=(1, 2, 4, 8)).take_lane()
    with simulator.trace() as tasks:
        embeddings = run(lane, images)
    notes = [task.note for task in tasks if task.engine == "compute"]
    assert notes == [f"batch {gear}"]
    np.testing.assert_array_equal(embeddings, embeddings_of(images))


def test_a_gear_is_set_only_when_it_changes(engine, ledger_delta, random):
    lane = engine(batch_sizes=(1, 4)).take_lane()
    images = random.standard_normal((4, 3, 2, 2), np.float32)
    with ledger_delta() as delta:
        for count in (4, 3, 4, 1, 1, 2):
            run(lane, images[:count])
    assert delta.calls["aclmdlSetDynamicBatchSize"] == 3


def test_after_opening_no_memory_is_taken(engine, ledger_delta, pictures, cann):
    """An old runtime is asked by an event for each batch."""
    asked_by_events = profiles.lacking(cann, ["aclrtStreamQuery"])
    lane = engine(batch_sizes=(1, 4)).take_lane()
    with ledger_delta() as delta:
        for count in (1, 4, 2, 3) * 5:
            run(lane, pictures[:count])
    assert delta.created == ({"event": 20} if asked_by_events else {})


@pytest.mark.parametrize("count", [0, 5])
def test_a_count_outside_the_batch_is_refused(engine, count):
    lane = engine().take_lane()
    with pytest.raises(InvalidInputError, match=f"count is {count}, expected 1 to 4"):
        lane.submit(count)


def test_a_lane_takes_one_batch_at_a_time(engine, pictures):
    simulator.slow_stream(0.05)
    lane = engine().take_lane()
    batch = lane.submit(1)
    assert not lane.idle()
    assert not batch.done()
    with pytest.raises(InvalidInputError, match="has a batch in flight"):
        lane.submit(1)
    with pytest.raises(InvalidInputError, match="has not ended; wait for it"):
        batch.embeddings()
    assert batch.wait(5)
    assert lane.idle()


@pytest.mark.usefixtures("simulated_time")
def test_a_timeout_leaves_the_lane_in_use_until_the_device_is_through(engine):
    simulator.slow_stream(0.1)
    lane = engine().take_lane()
    batch = lane.submit(4)
    started = time.monotonic()
    assert not batch.wait(0.02)
    assert time.monotonic() - started < 0.09
    assert not lane.idle()
    with pytest.raises(InvalidInputError, match="in flight"):
        lane.submit(1)
    assert batch.wait(5)
    assert batch.embeddings().shape == (4, TINY_WIDTH)


def test_a_wait_of_no_time_finds_out_what_is_done(engine):
    batch = engine().take_lane().submit(4)
    deadline = time.monotonic() + 5
    while not batch.wait(0):
        assert time.monotonic() < deadline
    assert batch.embeddings().shape == (4, TINY_WIDTH)


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("aclrtMemcpyAsync", 507013),
        ("aclmdlExecuteAsync", 145003),
        ("aclrtStreamQuery", 107017),
        ("aclrtSynchronizeStreamWithTimeout", 507011),
    ],
)
def test_a_failed_call_is_an_error_with_its_name_and_the_next_batch_works(
    engine, pictures, cann, call, code
):
    call = profiles.call_of(cann, call)
    lane = engine().take_lane()
    simulator.fail(call, 1, code)

    def use():
        batch = lane.submit(4)
        while not batch.done():  # asks, then synchronises
            time.sleep(0.001)
        batch.embeddings()

    with pytest.raises(DeviceError) as error:
        use()
    assert (error.value.call, error.value.code) == (call, code)
    assert f"{call} failed with {code} (ACL_ERROR_" in str(error.value)
    deadline = time.monotonic() + 5
    while not lane.idle():
        assert time.monotonic() < deadline
    np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))


def test_a_task_that_fails_on_the_device_shows_at_the_synchronise(engine, pictures, cann):
    call = profiles.call_of(cann, "aclrtSynchronizeStreamWithTimeout")
    lane = engine().take_lane()
    simulator.fail("aclmdlExecuteAsync", 1, 507011, when="sync")
    batch = lane.submit(4)
    assert batch.wait(5)
    with pytest.raises(DeviceError, match=f"{call} failed with 507011"):
        batch.embeddings()
    np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize("code", [507015, 507899, 107017])
def test_a_lane_whose_question_failed_is_not_idle_while_its_batch_runs(engine, cann, code):
    """Its input would be given out and written while the device still reads it."""
    call = profiles.call_of(cann, "aclrtStreamQuery")
    simulator.slow_stream(0.05)
    lane = engine().take_lane()
    batch = lane.submit(4)
    simulator.fail(call, 1, code)
    assert batch.done()
    assert not lane.idle()
    with pytest.raises(DeviceError, match=f"{call} failed with {code}"):
        batch.embeddings()
    deadline = time.monotonic() + 5
    while not lane.idle():
        assert time.monotonic() < deadline
    lane.input()[:] = 1


# Without it only an event tells that a lane is through, and a lost device records none.
@pytest.mark.needs_call("aclrtStreamQuery")
def test_after_the_device_is_lost_every_lane_says_so_at_once(engine):
    lane = engine().take_lane()
    simulator.lose_device(0)
    for _ in range(3):
        with pytest.raises(DeviceError):
            lane.submit(1).embeddings()


LOST = [507010, *range(507014, 507019), *range(507034, 507037), *range(507042, 507046)]
LOST += [*range(507048, 507051), *range(507053, 507058), 507899]


@pytest.mark.parametrize("code", LOST)
def test_a_code_of_a_lost_device_is_what_every_further_submit_says(engine, code):
    """Those of vector cores too, which a 310P has besides."""
    lane = engine().take_lane()
    simulator.fail("aclmdlExecuteAsync", 1, code)
    for _ in range(3):
        with pytest.raises(DeviceError, match=f"aclmdlExecuteAsync failed with {code}"):
            lane.submit(4)
        with pytest.raises(DeviceError, match=f"aclmdlExecuteAsync failed with {code}"):
            lane.require_alive()


@pytest.mark.parametrize("code", [107017, 507000, 507034, 507035])
def test_three_failed_answers_in_a_row_are_those_of_a_lost_device(engine, code):
    lane = engine().take_lane()
    batch = lane.submit(4)
    time.sleep(0.05)  # so that the stream is through whatever it answers
    for nth in range(1, 30):
        for call in ("aclrtStreamQuery", "aclrtQueryEventStatus"):  # older CANN has this one
            simulator.fail(call, nth, code)
    assert batch.done()
    # After a code of a lost device nothing runs; after any other the input is still the device's.
    assert [lane.idle() for _ in range(2)] == [False, code in (507034, 507035)]
    simulator.reset_faults()
    with pytest.raises(DeviceError, match=f"Query.* failed with {code}"):
        lane.submit(4)


def test_failed_answers_that_are_not_in_a_row_are_no_lost_device(engine, pictures):
    lane = engine().take_lane()
    for _ in range(5):
        simulator.fail("aclmdlExecuteAsync", 1, 507011, when="sync")
        batch = lane.submit(4)
        assert batch.wait(5)
        with pytest.raises(DeviceError, match="507011"):
            batch.embeddings()
        lane.require_alive()
    np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))


@pytest.mark.usefixtures("simulated_time")
@pytest.mark.parametrize(
    "settings",
    [{"cann": "6.3"}, {"cann": "6.0"}, {"calls_missing": ["aclrtSynchronizeStreamWithTimeout"]}],
    ids=["no aclrtStreamQuery", "neither", "no aclrtSynchronizeStreamWithTimeout"],
)
def test_older_cann_is_asked_by_events(tiny_om, pictures):
    engine = _core.AscendEngine(str(tiny_om()), 0, 2)
    lane = engine.take_lane()
    for _ in range(3):
        np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))
    simulator.slow_stream(0.05)
    batch = lane.submit(4)
    assert not batch.done()
    assert not batch.wait(0.01)
    assert batch.wait(5)
    assert batch.done()
    simulator.slow_stream(0)
    for call in ("aclrtRecordEvent", "aclmdlExecuteAsync", "aclrtCreateEventWithFlag"):
        simulator.fail(call, 1, 507000)
        with contextlib.suppress(DeviceError):
            lane.submit(4)
        simulator.reset_faults()
        deadline = time.monotonic() + 5
        while not lane.idle():
            assert time.monotonic() < deadline
        np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))
    engine.close()


def test_older_cann_that_refuses_the_flag_gets_an_event_without(
    tiny_om, simulated, pictures, ledger_delta
):
    _core.ascend_stop()
    _core.ascend_use_library(str(simulator.library_path()), ["aclrtStreamQuery"])
    engine = _core.AscendEngine(str(tiny_om()), 0, 1, True)
    lane = engine.take_lane()
    with ledger_delta() as delta:
        np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))
    assert delta.calls["aclrtCreateEventWithFlag"] == 1
    assert "aclrtCreateEvent" not in delta.calls
    for code in (107000, 207000, 200001, 200006):
        simulator.fail("aclrtCreateEventWithFlag", 1, code)
        with ledger_delta() as delta:
            np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))
        assert delta.calls["aclrtCreateEvent"] == 1
    engine.close()


def test_a_lane_without_any_event_to_ask_is_not_waited_for_for_ever(tiny_om, simulated, pictures):
    """Whose stream is through or not cannot be said, now or the next times."""
    _core.ascend_stop()
    _core.ascend_use_library(str(simulator.library_path()), ["aclrtStreamQuery"])
    engine = _core.AscendEngine(str(tiny_om()), 0, 1)
    lane = engine.take_lane()
    for failures, lost in ((2, False), (30, True)):
        for nth in range(1, failures + 1):
            simulator.fail("aclrtRecordEvent", nth, 207007)
        with pytest.raises(DeviceError, match="207007"):
            lane.submit(4)
        time.sleep(0.05)
        deadline = time.monotonic() + 5
        while not lane.idle():
            assert time.monotonic() < deadline
        simulator.reset_faults()
        if lost:
            with pytest.raises(DeviceError, match="207007"):
                lane.submit(4)
        else:
            np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))
    engine.close()


@pytest.mark.usefixtures("simulated_time")
def test_several_threads_may_wait_for_one_batch(engine):
    simulator.slow_stream(0.02)
    lane = engine().take_lane()
    for _ in range(5):
        batch = lane.submit(4)
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(batch.wait, [5] * 6))
        assert answers == [True] * 6


@pytest.mark.usefixtures("simulated_time")
def test_other_threads_run_while_one_waits(engine):
    simulator.slow_stream(0.1)
    lane = engine().take_lane()
    batch = lane.submit(4)
    counted = [0]
    stop = threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    assert batch.wait(5)
    stop.set()
    thread.join()
    assert counted[0] > 1000


def test_a_dropped_batch_does_no_harm(engine, pictures):
    lane = engine().take_lane()
    for _ in range(20):
        lane.submit(4)
        while not lane.idle():
            pass
    np.testing.assert_array_equal(run(lane, pictures), embeddings_of(pictures))


def test_embeddings_outlive_their_engine(engine, pictures):
    opened = engine()
    embeddings = run(opened.take_lane(), pictures)
    opened.close()
    np.testing.assert_array_equal(embeddings, embeddings_of(pictures))
