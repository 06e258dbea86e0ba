# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import (
    DeviceError,
    Embedder,
    InvalidInputError,
    ModelError,
    RuntimeUnavailableError,
    open_session,
)
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.inference import backend_openvino
from mgn_fast.inference.backend_openvino import OpenvinoModel
from mgn_fast.models.contract import Contract
from mgn_fast.pictures.pixels import resize_pack
from support.late import late
from support.rows import cosine
from support.small_network import write_small_network
from support.tiny_model import tiny_embedding, write_tiny_model

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")
FloatGraph = late("mgn_fast.quantize.blocks.FloatGraph")

pytestmark = pytest.mark.usefixtures("second_runtime")

# Where this CPU lacks bfloat16 its use cannot be tested, only its refusal.
CPU = Path("/proc/cpuinfo").read_text()
HAS_BF16 = "avx512_bf16" in CPU or "amx_bf16" in CPU
needs_bf16 = pytest.mark.skipif(not HAS_BF16, reason="/proc/cpuinfo has no bfloat16 instructions")


def prepared(random, count):
    return random.standard_normal((count, 3, 384, 128), np.float32)


def openvino_session(path, **options):
    return open_session(path, backend="openvino", **options)


@pytest.fixture(scope="module")
def int8_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8")
    graph = FloatGraph(write_small_network(folder / "float.onnx"))
    images = np.random.default_rng(1).standard_normal((4, 3, 384, 128), np.float32)
    graph.write(folder / "int8.onnx", graph.ranges(iter([images]), folder), [], {})
    return folder / "int8.onnx"


@pytest.mark.parametrize("count", [0, 1, 8, 9, 20])
def test_a_session_gives_what_numpy_gives(tiny_model, random, count):
    """float32 without being asked: bfloat16, OpenVINO's own default, would be off by 1e-2."""
    images = prepared(random, count)
    with openvino_session(tiny_model) as session:
        got = session.run(images)
    np.testing.assert_allclose(got, tiny_embedding(images), rtol=1e-3, atol=1e-3)


def test_every_batch_size_gives_the_same(tiny_model, random):
    images = prepared(random, 8)
    with openvino_session(tiny_model, lanes=1) as session:
        for count in (8, 1, 7, 2, 6, 3, 5, 4, 8):
            np.testing.assert_allclose(
                session.run(images[:count]), tiny_embedding(images[:count]), rtol=1e-3, atol=1e-3
            )


def test_a_session_says_what_it_opened(tiny_model):
    with openvino_session(tiny_model, lanes=3, batch_size=5) as session:
        assert session.backend == "openvino"
        assert session.model_path == tiny_model
        assert session.contract == Contract()
        assert (session.input_shape, session.input_dtype) == ((3, 384, 128), np.float32)
        assert session.embedding_width == 2048
        assert session.batch_sizes == (1, 2, 3, 4, 5)


def test_a_fixed_batch_is_padded(tmp_path, random):
    images = prepared(random, 7)
    path = write_tiny_model(tmp_path / "fixed.onnx", batch_size=4)
    with openvino_session(path) as session:
        assert session.batch_sizes == (4,)
        got = session.run(images)
    np.testing.assert_allclose(got, tiny_embedding(images), rtol=1e-3, atol=1e-3)


def test_nothing_is_copied_between_the_input_and_the_runtime(tiny_model):
    """What is written into the lane's own memory late is what it computes."""
    with openvino_session(tiny_model, lanes=1) as session, session.acquire() as lane:
        results = []
        for value in (0.5, 1.5):
            lane.input[:] = value
            results.append(lane.submit(1).result())
        for value, result in zip((0.5, 1.5), results, strict=True):  # the first one stayed
            expected = tiny_embedding(np.full((1, 3, 384, 128), value, np.float32))
            np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("precision", "hint"),
    [(None, "f32"), ("float32", "f32"), pytest.param("bf16", "bf16", marks=needs_bf16)],
)
def test_the_precision_is_always_said(tiny_model, precision, hint):
    opened = OpenvinoModel(tiny_model, lanes=1, batch_size=None, threads=1, precision=precision)
    got = opened._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    assert got == hint


@needs_bf16
def test_bf16_is_near_float32_and_not_the_same(random, tmp_path):
    path = write_small_network(tmp_path / "float.onnx")
    images = prepared(random, 4)
    with openvino_session(path) as exact, openvino_session(path, precision="bf16") as near:
        expected, got = exact.run(images), near.run(images)
    assert 0.999 < cosine(got, expected).min() < 0.9999999


def test_bf16_is_refused_where_the_cpu_has_none(tiny_model, monkeypatch):
    monkeypatch.setattr(backend_openvino, "_capabilities", lambda core: ["FP32", "INT8"])
    with pytest.raises(InvalidInputError, match=r"no bfloat16 instructions .*FP32, INT8"):
        openvino_session(tiny_model, precision="bf16")


def test_a_quantised_file_gives_what_onnx_runtime_gives(int8_model, random):
    images = prepared(random, 3)
    with openvino_session(int8_model) as ours, open_session(int8_model) as other:
        got, expected = ours.run(images), other.run(images)
    # Steps of int8 fall differently where two libraries add in another order.
    assert cosine(got, expected).min() > 0.999
    assert OpenvinoModel(int8_model, lanes=1, batch_size=1, threads=1).precision == "int8"


def test_int8_and_a_quantised_file_belong_together(tiny_model, int8_model):
    with pytest.raises(InvalidInputError, match="run `mgn-fast quantize"):
        openvino_session(tiny_model, precision="int8")
    for precision in ("float32", "bf16"):
        with pytest.raises(InvalidInputError, match=f"'{precision}', but .* is quantised"):
            openvino_session(int8_model, precision=precision)
    openvino_session(int8_model, precision="int8").close()


def test_lanes_times_threads_is_what_openvino_uses(tiny_model, monkeypatch):
    monkeypatch.setenv("MGN_FAST_THREADS", "2")
    opened = OpenvinoModel(tiny_model, lanes=2, batch_size=None, threads=None)
    assert opened._compiled.get_property("NUM_STREAMS") == 2
    assert opened._compiled.get_property("INFERENCE_NUM_THREADS") == 2
    assert not opened._compiled.get_property("ENABLE_CPU_PINNING")


def test_closing_ends_every_thread_of_ours(tiny_model):
    before = threading.active_count()
    with openvino_session(tiny_model, lanes=4) as session:
        session.run(np.zeros((30, 3, 384, 128), np.float32))
    assert threading.active_count() == before


@pytest.mark.parametrize("fuse_mirror", [False, True])
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_an_embedder_gives_what_it_gives_on_onnx_runtime(tmp_path, kind, fuse_mirror):
    contract = Contract(input=kind, mirror="inside" if fuse_mirror else "add")
    path = write_small_network(tmp_path / "m.onnx", contract=contract)
    pictures = draw_pictures(5, seed=0)
    with Embedder(path) as expected, Embedder(path, backend="openvino") as got:
        assert cosine(got(pictures), expected(pictures)).min() > 0.99999


def test_mgn_itself_gives_the_same_embeddings(mgn_model):
    images = np.empty((2, 3, 384, 128), np.float32)
    for image, drawing in zip(images, draw_pictures(2, seed=0), strict=True):
        resize_pack(drawing, image)
    with open_session(mgn_model) as session:
        expected = session.run(images)
    with openvino_session(mgn_model) as session:
        assert cosine(session.run(images), expected).min() > 0.99999
    if HAS_BF16:
        with openvino_session(mgn_model, precision="bf16") as session:
            assert cosine(session.run(images), expected).min() > 0.998


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"garbage", "OpenVINO cannot load"), (b"\x08\x06" * 50, "has inputs")],
    ids=["empty", "garbage", "almost"],
)
def test_a_file_that_is_no_model_is_named(tmp_path, content, message, capfd):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        openvino_session(path)
    assert capfd.readouterr() == ("", "")


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"nowhere\.onnx' cannot be read"):
        openvino_session(tmp_path / "nowhere.onnx")


def test_a_device_number_is_refused(tiny_model):
    with pytest.raises(InvalidInputError, match="the openvino backend has device 0 only"):
        openvino_session(tiny_model, device=1)


def test_a_contract_is_optional(tmp_path):
    path = write_tiny_model(tmp_path / "plain.onnx", contract=None)
    with openvino_session(path) as session:
        assert session.contract is None


def test_a_failure_while_running_is_a_device_error(tmp_path):
    """Six numbers do not make rows of four; that shows only at run time."""
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["image", "bad"], ["features"])],
        "fails",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 6])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.array([-1, 4], np.int64), "bad")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.save(model, tmp_path / "fails.onnx")
    with openvino_session(tmp_path / "fails.onnx") as session:
        with pytest.raises(DeviceError, match="OpenVINO failed on") as error:
            session.run(np.ones((1, 6), np.float32))
        assert error.value.call == "infer"


def test_without_openvino_the_extra_is_named(tiny_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'mgn-fast\[openvino\]'"):
        openvino_session(tiny_model)


OPEN_AND_LIST = """
import sys
seen = []
names = ("socket.", "subprocess.", "os.fork", "os.posix_spawn", "os.exec")
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(names) else None)
import mgn_fast
mgn_fast.open_session(sys.argv[1], backend="openvino").close()
print(seen, "openvino_telemetry" in sys.modules)
"""


@pytest.mark.usefixtures("own_process")
def test_openvino_tells_nobody_that_it_is_used(tiny_model, tmp_path):
    """Its package, imported as it is, writes an identifier and starts a process that sends it."""
    quiet = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD")}
    done = subprocess.run(
        [sys.executable, "-c", OPEN_AND_LIST, str(tiny_model)],
        env=quiet | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] False"
    assert list(tmp_path.iterdir()) == []
