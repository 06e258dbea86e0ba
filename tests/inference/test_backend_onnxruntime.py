# SPDX-License-Identifier: Apache-2.0
import threading
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import DeviceError, InvalidInputError, ModelError, open_session
from mgn_fast.inference.backend_onnxruntime import OnnxruntimeModel
from mgn_fast.models.contract import METADATA_KEY, Contract
from support.late import late
from support.rows import cosine
from support.small_network import write_small_network
from support.tiny_model import tiny_embedding, write_tiny_model

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
onnx = late("onnx")
FloatGraph = late("mgn_fast.quantize.blocks.FloatGraph")
onnxruntime = late("onnxruntime")


def prepared(random, count):
    return random.standard_normal((count, 3, 384, 128), np.float32)


@pytest.mark.parametrize("count", [0, 1, 8, 9, 20])
def test_a_session_gives_what_numpy_gives(tiny_model, random, count):
    images = prepared(random, count)
    with open_session(tiny_model) as session:
        got = session.run(images)
    np.testing.assert_allclose(got, tiny_embedding(images), rtol=1e-3, atol=1e-3)


def test_a_session_says_what_it_opened(tiny_model):
    with open_session(tiny_model, lanes=3, batch_size=5) as session:
        assert session.backend == "onnxruntime"
        assert session.model_path == tiny_model
        assert session.contract == Contract()
        assert session.input_shape == (3, 384, 128)
        assert session.input_dtype == np.float32
        assert session.embedding_width == 2048
        assert session.batch_size == 5
        assert session.batch_sizes == (1, 2, 3, 4, 5)
        assert session.lanes == 3


def test_a_fixed_batch_is_padded(tmp_path, random):
    images = prepared(random, 7)
    path = write_tiny_model(tmp_path / "fixed.onnx", batch_size=4)
    with open_session(path) as session:
        assert session.batch_sizes == (4,)
        np.testing.assert_allclose(
            session.run(images), tiny_embedding(images), rtol=1e-3, atol=1e-3
        )
    with pytest.raises(InvalidInputError, match=r"batch_size is 2; .* has the fixed batch size 4"):
        open_session(path, batch_size=2)


def test_nothing_is_copied_between_the_input_and_the_runtime(tiny_model):
    """The runtime reads the lane's own memory: what is written there late is what it computes."""
    with open_session(tiny_model, lanes=1) as session, session.acquire() as lane:
        address = lane.input.ctypes.data
        assert address % 64 == 0
        for value in (0.5, 1.5):
            lane.input[:] = value
            assert lane.input.ctypes.data == address
            expected = tiny_embedding(np.full((1, 3, 384, 128), value, np.float32))
            np.testing.assert_allclose(lane.submit(1).result(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("cores", "lanes", "threads", "expected"),
    [(8, 2, None, 4), (8, 3, None, 2), (2, 2, None, 1), (2, 5, None, 1), (8, 2, 7, 7)],
)
def test_lanes_times_threads_stay_within_the_cores(
    tiny_model, monkeypatch, cores, lanes, threads, expected
):
    monkeypatch.setenv("MGN_FAST_THREADS", str(cores))
    opened = OnnxruntimeModel(tiny_model, lanes=lanes, batch_size=None, threads=threads)
    assert opened.threads == expected
    options = opened._runtime.get_session_options()
    # The pool helps every lane's own thread.
    assert options.intra_op_num_threads == 1 + lanes * (expected - 1)


def test_idle_sessions_stop_spinning(tiny_model):
    opened = OnnxruntimeModel(tiny_model, lanes=1, batch_size=None, threads=2)
    options = opened._runtime.get_session_options()
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"


def test_closing_ends_every_thread(tiny_model):
    before = threading.active_count()
    with open_session(tiny_model, lanes=4) as session:
        session.run(np.zeros((30, 3, 384, 128), np.float32))
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_opening_and_closing_again_and_again_leaves_nothing_behind(tiny_model):
    def resources():
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    images = np.zeros((3, 3, 384, 128), np.float32)
    with open_session(tiny_model) as session:
        session.run(images)
    before = resources()
    for _ in range(30):
        with open_session(tiny_model) as session:
            session.run(images)
    assert resources() == before


def broken(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"garbage", "cannot load"), (b"\x08\x06" * 50, "cannot load")],
    ids=["empty", "garbage", "almost"],
)
def test_a_file_that_is_no_model_is_named(tmp_path, content, message):
    with pytest.raises(ModelError, match=message) as error:
        open_session(broken(tmp_path, content))
    assert "model.onnx" in str(error.value)


def test_a_truncated_model_is_refused(tmp_path, tiny_model):
    data = tiny_model.read_bytes()
    with pytest.raises(ModelError, match="cannot load"):
        open_session(broken(tmp_path, data[: len(data) // 2]))


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"nowhere\.onnx' cannot be read"):
        open_session(tmp_path / "nowhere.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        open_session(tmp_path / "folder.onnx")


def write_graph(path, inputs, outputs):
    """A graph with these inputs; each output is the first input's sum over all but the batch axis,
    spread to the output's shape."""
    nodes, initial = [], []
    for name, kind, shape in outputs:
        nodes += [
            helper.make_node("Flatten", [inputs[0][0]], [name + "_flat"]),
            helper.make_node("Cast", [name + "_flat"], [name + "_cast"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", [name + "_cast"], [name + "_mean"], axes=[1]),
            helper.make_node("Expand", [name + "_mean", name + "_shape"], [name + "_wide"]),
            helper.make_node("Cast", [name + "_wide"], [name], to=kind),
        ]
        target = np.array([1, *[n for n in shape[1:] if isinstance(n, int)]], np.int64)
        initial.append(onnx.numpy_helper.from_array(target, name + "_shape"))
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info(*entry) for entry in inputs],
        [helper.make_tensor_value_info(*entry) for entry in outputs],
        initial,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.save(model, path)
    return path


FLOAT, INT64, DOUBLE = 1, 7, 11  # of TensorProto
PICTURES = ("image", FLOAT, ["n", 3, 8, 8])


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([PICTURES, ("more", FLOAT, [1])], [("features", FLOAT, ["n", 4])], "has inputs"),
        ([("image", DOUBLE, ["n", 3])], [("f", FLOAT, ["n", 4])], "tensor.double"),
        ([("image", FLOAT, ["n", "c", 8])], [("f", FLOAT, ["n", 4])], "fixed other sizes"),
        ([("image", FLOAT, ["n"])], [("f", FLOAT, ["n", 4])], "fixed other sizes"),
        ([PICTURES], [("a", FLOAT, ["n", 4]), ("b", FLOAT, ["n", 4])], "has 2 outputs"),
        ([PICTURES], [("features", INT64, ["n", 4])], "has output features"),
    ],
    ids=["inputs", "double", "symbolic size", "no size", "two outputs", "integers"],
)
def test_models_that_are_not_from_pictures_to_embeddings_are_refused(
    tmp_path, inputs, outputs, message
):
    with pytest.raises(ModelError, match=message):
        open_session(write_graph(tmp_path / "odd.onnx", inputs, outputs))


def test_the_output_is_found_by_name_among_several(tmp_path):
    outputs = [("logits", FLOAT, ["n", 9]), ("features", FLOAT, ["n", 4])]
    path = write_graph(tmp_path / "two.onnx", [PICTURES], outputs)
    with open_session(path) as session:
        assert session.run(np.ones((3, 3, 8, 8), np.float32)).tolist() == [[1] * 4] * 3


def test_the_only_output_needs_no_name(tmp_path):
    path = write_graph(tmp_path / "one.onnx", [PICTURES], [("whatever", FLOAT, ["n", 4])])
    with open_session(path) as session:
        assert session.contract is None
        assert session.embedding_width == 4


def test_a_failure_while_running_is_a_device_error(tmp_path):
    """Six numbers do not make rows of four; that shows only at run time."""
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["image", "bad"], ["features"])],
        "fails",
        [helper.make_tensor_value_info("image", FLOAT, ["n", 6])],
        [helper.make_tensor_value_info("features", FLOAT, ["n", 4])],
        [onnx.numpy_helper.from_array(np.array([-1, 4], np.int64), "bad")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.save(model, tmp_path / "fails.onnx")
    with open_session(tmp_path / "fails.onnx") as session:
        with pytest.raises(DeviceError, match="ONNX Runtime failed") as error:
            session.run(np.ones((1, 6), np.float32))
        assert error.value.call == "run_with_iobinding"


def test_a_contract_this_version_cannot_keep_is_refused(tmp_path):
    model = onnx.load(write_tiny_model(tmp_path / "other.onnx"))
    helper.set_model_props(model, {METADATA_KEY: '{"interpolation": "nearest"}'})
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"other\.onnx.*interpolation is 'nearest'"):
        open_session(tmp_path / "other.onnx")


def test_a_quantised_file_runs_as_int8_and_as_nothing_else(tmp_path, random):
    graph = FloatGraph(write_small_network(tmp_path / "float.onnx"))
    images = prepared(random, 4)
    ranges = graph.ranges(iter([images]), tmp_path)
    graph.write(tmp_path / "int8.onnx", ranges, [], {})
    with open_session(tmp_path / "float.onnx", precision="float32") as session:
        expected = session.run(images)
    for precision in ("int8", None):
        with open_session(tmp_path / "int8.onnx", precision=precision) as session:
            assert 0.98 < cosine(session.run(images), expected).min() < 0.99999
    with pytest.raises(InvalidInputError, match=r"'float32', but .*int8\.onnx is quantised"):
        open_session(tmp_path / "int8.onnx", precision="float32")


def test_an_embedding_does_not_depend_on_batch_position_lane_or_threads(mgn_model, random):
    """MGN itself: the same pictures in another order, split in other ways, by other threads."""
    images = prepared(random, 7)
    reference = onnxruntime.InferenceSession(str(mgn_model)).run(None, {"image": images})[0]
    order = random.permutation(len(images))
    for lanes, batch_size, threads in [(1, 8, 2), (2, 3, 1), (3, 1, 1)]:
        with open_session(
            mgn_model, lanes=lanes, batch_size=batch_size, threads=threads
        ) as session:
            got = session.run(images[order])
        assert cosine(got, reference[order]).min() >= 0.999999
