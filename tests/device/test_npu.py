# SPDX-License-Identifier: Apache-2.0
"""The paths that the simulator tests walk, on the chip itself."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgn_fast import DeviceError, Embedder, ModelError, open_session
from mgn_fast.datasets.scenes import draw_pictures


@pytest.fixture(scope="module")
def pictures():
    return draw_pictures(21, seed=3)


@pytest.fixture(scope="module")
def wanted(mgn_onnx, pictures):
    with Embedder(mgn_onnx) as embedder:
        return embedder(pictures)


def test_embeddings_are_those_of_the_onnx(mgn_om, pictures, wanted):
    with Embedder(mgn_om, lanes=3) as embedder:
        got = embedder(pictures)
    assert np.sum(got * wanted, axis=1).min() >= 0.999  # half precision on the device


def test_results_do_not_depend_on_lanes_batches_or_position(mgn_om, pictures):
    with Embedder(mgn_om, lanes=1) as one, Embedder(mgn_om, lanes=3) as three:
        expected = one(pictures)
        np.testing.assert_array_equal(three(pictures), expected)
        np.testing.assert_array_equal(three(pictures[::-1])[::-1], expected)


def test_threads_share_a_session(mgn_om, random):
    with open_session(mgn_om, lanes=3) as session:
        shape = session.input_shape
        images = [random.integers(0, 2, (n, *shape)).astype(session.input_dtype) for n in range(9)]
        expected = [session.run(batch) for batch in images]
        with ThreadPoolExecutor(8) as threads:
            for got, batch in zip(threads.map(session.run, images), expected, strict=True):
                np.testing.assert_array_equal(got, batch)


def test_a_timeout_leaves_the_batch_to_be_asked_for_again(mgn_om):
    with open_session(mgn_om, lanes=1) as session:
        ticket = session.acquire().submit(session.batch_size)
        deadline = time.monotonic() + 10
        while True:
            try:
                assert len(ticket.result(timeout_s=0)) == session.batch_size
                return
            except TimeoutError:
                assert time.monotonic() < deadline


def test_sessions_open_and_close_many_times(mgn_om):
    for _ in range(20):
        with open_session(mgn_om, lanes=2) as session:
            session.run(np.zeros((3, *session.input_shape), session.input_dtype))


def test_lanes_spread_over_all_devices(mgn_om, npu, pictures, wanted):
    with Embedder(mgn_om, device=list(range(npu)), lanes=max(2, npu)) as embedder:
        assert np.sum(embedder(pictures) * wanted, axis=1).min() >= 0.999


def test_a_device_that_is_not_there_is_refused(mgn_om, npu):
    with pytest.raises(DeviceError):
        open_session(mgn_om, device=npu)


def test_a_file_that_was_cut_is_refused(mgn_om, tmp_path):
    path = tmp_path / "cut.om"
    path.write_bytes(mgn_om.read_bytes()[:-1])
    with pytest.raises(ModelError):
        open_session(path)
