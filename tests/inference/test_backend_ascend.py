# SPDX-License-Identifier: Apache-2.0
"""The ascend backend through the public interface, on the simulator."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import (
    DeviceError,
    Embedder,
    InvalidInputError,
    ModelError,
    ModelLoadError,
    RuntimeUnavailableError,
    _core,
    open_session,
    simulator,
)
from mgn_fast.common.observer import Observer, observing
from mgn_fast.inference.backend_ascend import AscendModel, fits_chip
from mgn_fast.simulator import StaticAipp, write_om
from support.simulated import TINY, TINY_WIDTH, embeddings_of, require_clean


@pytest.fixture(autouse=True)
def on_a_profile(profile):
    """The tests leave open what they run on."""


@pytest.fixture
def enable():
    """Turns the simulator on; afterwards nothing is left and no rule was broken."""

    def turn_on(**options):
        simulator.enable(**{"timing": False, "compute": "deterministic", "guard": True} | options)

    yield turn_on
    left = simulator.ledger()
    simulator.disable()
    require_clean(left)


@pytest.fixture
def tiny(tmp_path):
    return write_om(tmp_path / "tiny.om", batch_sizes=(4,), **TINY)


@pytest.fixture
def images(random):
    return random.standard_normal((50, 3, 2, 2), np.float32)


def test_a_host_without_ascendcl_is_told_what_to_install(tiny, monkeypatch):
    monkeypatch.delenv("MGN_FAST_ASCENDCL", raising=False)
    monkeypatch.delenv("ASCEND_HOME_PATH", raising=False)
    with pytest.raises(RuntimeUnavailableError, match="install CANN") as error:
        open_session(tiny)
    assert "libascendcl.so" in error.value.tried[0]


@pytest.mark.parametrize("run_mode", ["host", "device"])
@pytest.mark.parametrize("batch_sizes", [(1,), (8,), (1, 4, 8), (3, 5)])
@pytest.mark.parametrize("lanes", [1, 3])
def test_run_takes_any_number_in_order(enable, tmp_path, images, run_mode, batch_sizes, lanes):
    enable(run_mode=run_mode)
    path = write_om(tmp_path / "m.om", batch_sizes=batch_sizes, **TINY)
    with open_session(path, lanes=lanes) as session:
        assert session.backend == "ascend"
        assert session.batch_sizes == tuple(sorted(batch_sizes))
        for count in (0, 1, 3, 4, 9, 50):
            got = session.run(images[:count])
            np.testing.assert_array_equal(got, embeddings_of(images[:count]))


def test_the_session_says_what_it_holds(enable, tiny):
    enable()
    with open_session(tiny, lanes=3) as session:
        assert session.input_shape == (3, 2, 2)
        assert session.input_dtype == np.float32
        assert session.embedding_width == TINY_WIDTH
        assert session.batch_size == 4
        assert session.lanes == 3
        assert session.model_path == tiny
        assert session.contract is None


@pytest.mark.parametrize(
    ("run_mode", "stages"), [("host", ["h2d", "compute", "d2h"]), ("device", ["compute"])]
)
def test_an_observer_is_told_the_devices_stages(enable, tiny, images, run_mode, stages):
    enable(run_mode=run_mode)
    with observing(Observer()):
        session = open_session(tiny, lanes=2)
    with session, session.acquire() as lane:
        started_s = time.perf_counter()
        ticket = lane.submit(4)
        ticket.result(5)
        spans = ticket.spans()
        ended_s = time.perf_counter()
        assert [span.stage for span in spans] == stages
        within = [at for span in spans for at in (span.started_s, span.ended_s)]
        times = [started_s, *within, ended_s]
        assert times == sorted(times)
    with open_session(tiny) as session, session.acquire() as lane:
        ticket = lane.submit(4)
        ticket.result(5)
        assert ticket.spans() == []


@pytest.mark.parametrize("devices", [[0], [0, 1]])
def test_a_model_says_what_it_takes_of_all_its_devices(enable, tiny, devices):
    enable(device_count=2)
    model = AscendModel(tiny, device=devices, lanes=3, batch_size=None)
    of_a_lane = 4 * (3 * 2 * 2 * 4 + TINY_WIDTH * 4)
    work = model.device_bytes - 3 * of_a_lane - len(devices) * TINY["weight_bytes"]
    assert work >= 0
    assert work % 3 == 0
    taken = simulator.ledger()
    rounding = taken["live_bytes"]["device_memory"] - model.device_bytes
    assert 0 <= rounding <= 64 * taken["live"]["device_memory"]
    model.close()


def test_a_smaller_gear_may_be_the_largest_in_use(enable, tmp_path, images):
    enable()
    path = write_om(tmp_path / "m.om", batch_sizes=(1, 4, 8), **TINY)
    with open_session(path, batch_size=4) as session:
        assert session.batch_sizes == (1, 4)
        assert session.acquire().input.shape == (4, 3, 2, 2)
        np.testing.assert_array_equal(session.run(images), embeddings_of(images))
    with pytest.raises(InvalidInputError, match=r"batch_size is 5; .* compiled for 1 or 4 or 8"):
        open_session(path, batch_size=5)


def test_several_devices_share_the_lanes(enable, tiny, images):
    enable(device_count=3)
    with open_session(tiny, device=[0, 2], lanes=5) as session, simulator.trace() as tasks:
        np.testing.assert_array_equal(session.run(images), embeddings_of(images))
        assert simulator.ledger()["live"]["context"] == 2
        held = [session.acquire() for _ in range(5)]
        for lane in held:
            lane.submit(1).result(5)
    per_device = [len({t.stream for t in tasks if t.device == d}) for d in (0, 1, 2)]
    assert per_device == [3, 0, 2]


@pytest.mark.parametrize("device", [-1, True, "0", [], [0, 0], [0, 1, 2], [0, -1], 1.0, None])
def test_devices_that_make_no_sense_are_refused(enable, tiny, device):
    enable(device_count=4)
    with pytest.raises(InvalidInputError, match="device is "):
        open_session(tiny, device=device, lanes=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"threads": 2}, "threads is 2; the ascend"), ({"precision": "float32"}, "precision is 'fl")],
)
def test_options_of_the_cpu_are_refused(enable, tiny, options, message):
    enable()
    with pytest.raises(InvalidInputError, match=message):
        open_session(tiny, **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", r"starts with b'' and has 0 bytes, expected an \.om file"),
        (b"IMOD", "has 4 bytes"),
        (b"\x08\x07" * 200, "starts with .* at least 256 bytes"),
    ],
)
def test_what_is_no_om_is_refused_by_name(enable, tmp_path, content, message):
    enable()
    path = tmp_path / "other.om"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as error:
        open_session(path)
    assert "other.om" in str(error.value)


@pytest.mark.parametrize("cut", [300, -1])
def test_a_file_that_was_cut_is_a_model_error_with_call_and_code(enable, tiny, cut):
    enable()
    tiny.write_bytes(tiny.read_bytes()[:cut])
    with pytest.raises(ModelError, match=r"tiny\.om' cannot be loaded") as error:
        open_session(tiny)
    assert isinstance(error.value, DeviceError)
    assert error.value.code == 145006
    assert error.value.call == "aclmdlQuerySize"
    assert "context" not in error.value.detail  # nor anything else that was no failure


def test_names_and_texts_need_not_be_utf_8(enable, tiny, images):
    enable()
    path = tiny.rename(os.fsdecode(os.fsencode(tiny.parent) + b"/\xff.om"))
    with open_session(path) as session:
        np.testing.assert_array_equal(session.run(images), embeddings_of(images))
    with pytest.raises(DeviceError, match="\ufffd\\.om': No such file") as error:
        _core.AscendEngine(os.fsencode(path) + b"\xff.om", 0, 1)
    assert "\ufffd.om" in error.value.detail


@pytest.mark.on_chip("Ascend310P3")
def test_a_model_for_another_chip_is_a_model_error(enable, tmp_path):
    enable()
    path = write_om(tmp_path / "m.om", soc_version="Ascend910B4", **TINY)
    say_chip(path, "Ascend910B4")
    with pytest.raises(ModelLoadError, match="compiled for Ascend910B4") as error:
        open_session(path)
    assert error.value.code == 500002
    assert "Ascend" not in error.value.detail


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"contract": {"height": 1}}', '{"contract": 5}', "[" * 10**5]
)
def test_a_damaged_contract_is_refused_by_name(enable, tiny, text):
    enable()
    tiny.with_name("tiny.om.json").write_text(text)
    with pytest.raises(ModelError, match=r"tiny\.om\.json"):
        open_session(tiny)


def test_embedders_give_what_the_onnx_gives(enable, tiny_model, tmp_path, random):
    """Real embeddings: the simulator runs the network that the .om carries."""
    pictures = [random.integers(0, 256, (80, 40, 3), dtype=np.uint8) for _ in range(21)]
    with Embedder(tiny_model) as embedder:
        wanted = embedder(pictures)
    enable(compute="onnx")
    for batch_sizes in ((8,), (1, 4)):
        path = write_om(tmp_path / "tiny.om", onnx=tiny_model, batch_sizes=batch_sizes)
        with Embedder(path, lanes=3) as embedder:
            assert embedder.session.contract is not None
            np.testing.assert_allclose(embedder(pictures), wanted, atol=1e-6)


def test_embedders_feed_bytes_where_the_device_normalises(enable, tiny_model, tmp_path, random):
    pictures = [random.integers(0, 256, (80, 40, 3), dtype=np.uint8) for _ in range(9)]
    with Embedder(tiny_model) as embedder:
        wanted = embedder(pictures)
    enable(compute="onnx")
    path = write_om(
        tmp_path / "aipp.om", onnx=tiny_model, aipp=StaticAipp(), output_dtype="float16"
    )
    with Embedder(path) as embedder:
        assert embedder.session.input_dtype == np.uint8
        cosines = np.sum(embedder(pictures) * wanted, axis=1)
    assert cosines.min() > 0.9999


def test_eight_threads_on_one_session_get_their_own_results(enable, tiny, random):
    enable(task_delay_s=0.0005)
    inputs = [random.standard_normal((n, 3, 2, 2), np.float32) for n in range(40)]
    with open_session(tiny, lanes=3) as session, ThreadPoolExecutor(8) as threads:
        results = threads.map(session.run, inputs, timeout=60)
        for batch, got in zip(inputs, results, strict=True):
            np.testing.assert_array_equal(got, embeddings_of(batch))


def chip_here():
    return _core.ascend_info()["soc_name"]


def say_chip(path, chip):
    """A sidecar as compiling leaves it."""
    path.with_name(path.name + ".json").write_text(
        json.dumps({"contract": None, "soc_version": chip})
    )


@pytest.mark.parametrize("code", [500002, 507008, 507009, 545001, 507899])
def test_a_model_for_another_chip_is_named_as_such_whatever_the_code(enable, tiny, code):
    """The vendor's text names no chip."""
    enable()
    here = chip_here()
    say_chip(tiny, "Ascend910A")
    simulator.fail("aclmdlLoadFromFileWithMem", 1, code)
    with pytest.raises(ModelLoadError, match=f"compiled for Ascend910A.* is {here};") as error:
        open_session(tiny)
    assert (error.value.call, error.value.code) == ("aclmdlLoadFromFileWithMem", code)


@pytest.mark.parametrize("code", [500002, 507008, 507009])
def test_a_model_for_this_chip_is_not_blamed_for_its_chip(enable, tiny, code):
    enable()
    here = chip_here()
    for is_said in (False, True):
        if is_said:
            say_chip(tiny, here)
        simulator.fail("aclmdlLoadFromFileWithMem", 1, code)
        with pytest.raises(ModelLoadError, match=f"this device is {here}") as error:
            open_session(tiny)
        assert "compile it for this one" not in str(error.value)


def test_a_driver_error_while_loading_is_none_of_the_files(enable, tiny):
    enable()
    say_chip(tiny, chip_here())
    simulator.fail("aclmdlLoadFromFileWithMem", 1, 507899)
    with pytest.raises(DeviceError, match="507899") as error:
        open_session(tiny)
    assert not isinstance(error.value, ModelError)


@pytest.mark.parametrize(
    ("version", "chip", "device", "fits"),
    [
        ("1.16.0", "Ascend310P1", "Ascend310P3", False),
        ("1.17.0", "Ascend310P1", "Ascend310P3", True),
        ("1.17.0", "Ascend310P3", "Ascend310B4", False),
        ("1.17.0", "Ascend310", "Ascend310P3", False),
        ("1.17.0", "Ascend910B4", "Ascend910B2C", True),
        ("1.17.0", "Ascend910B4", "Ascend910_9391", True),
        ("1.17.0", "Ascend910ProA", "Ascend910A", True),
        ("1.17.0", "Ascend910A", "Ascend910B4", False),
        ("1.17.0", "Ascend310P3", "Ascend310P3", True),
        ("2.0.0", "Ascend310P1", "Ascend310P3", True),
        ("", "Ascend310P1", "Ascend310P3", False),
        ("1.17.0", "Unknown1", "Unknown2", False),
    ],
)
def test_since_cann_9_1_the_same_architecture_is_enough(version, chip, device, fits):
    assert fits_chip(chip, device, version) is fits


HUNG = """
import sys, time
from mgn_fast import DeviceError, open_session, simulator
simulator.enable(timing=False, compute="deterministic", device_count=4)
session = open_session(sys.argv[1], device=[0, 1, 2, 3], lanes=4)
simulator.slow_stream(60)
tickets = [session.acquire().submit(1) for _ in range(4)]
for nth in range(1, 5):
    simulator.fail("aclrtStreamAbort", nth, int(sys.argv[2]))
started = time.monotonic()
try:
    session.close()
except DeviceError as error:
    print("still runs" in str(error), time.monotonic() - started < 3.7)
for ticket in tickets:
    try:
        ticket.result(1)
    except DeviceError as error:
        print(error)
"""


@pytest.mark.on_chip("Ascend310P3")
@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("code", [207000, 507046])
def test_several_hung_devices_close_together(tiny, code):
    done = subprocess.run(
        [sys.executable, "-c", HUNG, tiny, str(code)],
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "True True", done.stderr
    assert len(lines) == 5


def test_acquire_fails_at_once_when_every_lane_is_dead(enable, tiny, images):
    enable()
    with open_session(tiny, lanes=2) as session:
        for nth in (1, 2):
            simulator.fail("aclmdlExecuteAsync", nth, 507034)
        held = [session.acquire() for _ in range(2)]
        for lane in held:
            with pytest.raises(DeviceError, match="507034"):
                lane.submit(1)
        started = time.monotonic()
        for use in (session.acquire, lambda: session.run(images)):
            with pytest.raises(DeviceError, match="507034"):
                use()
        assert time.monotonic() - started < 1


@pytest.mark.parametrize("code", [507034, 507035, 107017])
def test_acquire_does_not_wait_for_ever_for_a_stream_that_only_fails(enable, tiny, code):
    enable()
    with open_session(tiny, lanes=1) as session:
        lane = session.acquire()
        lane.submit(1)
        lane.release()
        time.sleep(0.05)
        for nth in range(1, 100):
            for call in ("aclrtStreamQuery", "aclrtQueryEventStatus"):  # older CANN has this one
                simulator.fail(call, nth, code)
        with pytest.raises(DeviceError, match=f"Query.* failed with {code}"):
            session.acquire(timeout_s=5)
        simulator.reset_faults()


def test_the_lanes_of_a_device_that_is_there_go_on(enable, tiny, images):
    enable(device_count=2)
    with open_session(tiny, device=[0, 1], lanes=2) as session:
        simulator.fail("aclmdlExecuteAsync", 1, 507899)
        with pytest.raises(DeviceError, match="507899"):
            session.acquire().submit(1)
        np.testing.assert_array_equal(session.run(images), embeddings_of(images))


@pytest.mark.usefixtures("simulated_time")
def test_a_late_batch_keeps_its_lane_from_others(enable, tiny, images):
    enable()
    with open_session(tiny, lanes=1) as session:
        simulator.slow_stream(0.2)
        ticket = session.acquire().submit(4)
        with pytest.raises(TimeoutError, match=r"not done after 0\.01 s"):
            ticket.result(timeout_s=0.01)
        with pytest.raises(TimeoutError, match="none of 1 lanes became free"):
            session.acquire(timeout_s=0.01)
        simulator.slow_stream(0)
        assert ticket.result(5).shape == (4, TINY_WIDTH)
        np.testing.assert_array_equal(session.run(images), embeddings_of(images))


def test_a_submit_that_fails_leaves_no_lane_behind(enable, tiny, images):
    """What it had queued still runs; no signal says when that has ended."""
    enable()
    with open_session(tiny, lanes=1) as session:
        simulator.slow_stream(0.05)
        simulator.fail("aclmdlExecuteAsync", 1, 145003)
        with pytest.raises(DeviceError, match="aclmdlExecuteAsync failed with 145003"):
            session.run(images)
        with session.acquire(timeout_s=5) as lane:
            lane.submit(4).result(5)


def test_closing_while_others_run_ends_them_with_an_error(enable, tiny, images):
    enable(task_delay_s=0.002)
    session = open_session(tiny, lanes=2)
    started = threading.Event()

    def run():
        while True:
            started.set()
            session.run(images)

    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(run) for _ in range(4)]
        started.wait(5)
        session.close()
        for future in runs:
            with pytest.raises(InvalidInputError, match="closed"):
                future.result(10)


def test_several_threads_may_close_at_once(enable, tiny):
    enable(task_delay_s=0.01)
    for _ in range(10):
        session = open_session(tiny, lanes=2)
        for _ in range(2):
            session.acquire().submit(4)
        with ThreadPoolExecutor(4) as threads:
            for future in [threads.submit(session.close) for _ in range(4)]:
                future.result(10)


def test_a_closed_session_keeps_views_and_results_alive_but_no_device(enable, tiny, images):
    enable()
    with open_session(tiny) as session:
        lane = session.acquire()
        view = lane.input
        view[:] = images[:4]
        embeddings = lane.submit(4).result()
    with pytest.raises(InvalidInputError, match="closed"):
        lane.submit(1)
    np.testing.assert_array_equal(embeddings, embeddings_of(images[:4]))
    np.testing.assert_array_equal(view, images[:4])
    assert simulator.ledger()["live"] == {"context": 1, "pinned_memory": 1}
    del view, lane, embeddings
    assert simulator.ledger()["live"] == {}


def test_a_sidecar_with_a_contract_is_read(enable, tiny):
    from mgn_fast.models.contract import Contract

    enable()
    said = Contract(height=2, width=2, embedding_width=None, seed=3)
    contract = json.loads(said.to_json())
    tiny.with_name("tiny.om.json").write_text(json.dumps({"contract": contract}))
    with open_session(tiny) as session:
        assert session.contract == replace(said, embedding_width=session.embedding_width)
