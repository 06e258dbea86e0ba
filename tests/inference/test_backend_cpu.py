# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import InvalidInputError, ModelError
from mgn_fast.inference.backend_cpu import CpuLane, CpuModel, require_readable, threads_per_lane
from mgn_fast.models.contract import Contract
from mgn_fast.models.onnx_file import OnnxTensor

PICTURE = OnnxTensor("image", "float32", ("n", 2, 3))
FEATURES = OnnxTensor("features", "float32", ("n", 4))


def opened(inputs=(PICTURE,), outputs=(FEATURES,), *, lanes=2, **options):
    options = {"batch_size": None} | options
    return CpuModel(Path("m.onnx"), (inputs, outputs), lanes=lanes, **options)


def test_a_model_says_what_it_takes_and_gives():
    model = opened(batch_size=3)
    assert (model.input_name, model.input_shape, model.input_dtype) == ("image", (2, 3), np.float32)
    assert (model.output_name, model.embedding_width) == ("features", 4)
    assert (model.batch_size, model.batch_sizes) == (3, (1, 2, 3))
    assert (model.num_engines, model.device_bytes) == (2, None)
    assert opened().batch_size == 8


def test_a_fixed_batch_runs_whole():
    model = opened([OnnxTensor("image", "uint8", (4, 2))])
    assert model.batch_sizes == (4,)
    assert [model.rows_of(count) for count in (1, 4)] == [4, 4]
    assert opened().rows_of(3) == 3
    with pytest.raises(InvalidInputError, match=r"batch_size is 2; .* fixed batch size 4"):
        opened([OnnxTensor("image", "uint8", (4, 2))], batch_size=2)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], r"has inputs \[\], expected one"),
        ([PICTURE, PICTURE], "expected one"),
        ([OnnxTensor("image", "int64", ("n", 3))], "of int64"),
        ([OnnxTensor("image", "float32", ("n", "c"))], "fixed other sizes"),
        ([OnnxTensor("image", "float32", ("n",))], "fixed other sizes"),
        ([OnnxTensor("image", "float32", ())], "fixed other sizes"),
    ],
)
def test_inputs_that_are_no_pictures_are_refused(inputs, message):
    with pytest.raises(ModelError, match=message):
        opened(inputs)


def out(name, *shape, dtype="float32"):
    return OnnxTensor(name, dtype, ("n", *shape))


@pytest.mark.parametrize(
    ("outputs", "wanted", "name", "width"),
    [
        ([out("a", 4)], "", "a", 4),
        ([out("a", 4, 1, 1)], "", "a", 4),
        ([out("a", 4, dtype="float16")], "", "a", 4),
        ([out("logits", 9), out("features", 4)], "", "features", 4),
        ([out("map", 9, 2, 2), out("a", 4), out("ids", 4, dtype="int64")], "", "a", 4),
        ([out("logits", 9), out("features", 4)], "logits", "logits", 9),
    ],
)
def test_the_output_of_embeddings_is_the_one_named_or_the_only_one(outputs, wanted, name, width):
    model = opened(outputs=outputs, said=(None, wanted))
    assert (model.output_name, model.embedding_width) == (name, width)
    assert model.output_shape == (width, *outputs[0].shape[2:])[: len(model.output_shape)]
    assert model.output_widths == tuple(
        e.shape[1] if e.shape[2:] in ((), (1, 1)) else 0 for e in outputs
    )


@pytest.mark.parametrize(
    ("outputs", "wanted", "message"),
    [
        ([], "", "has 0 outputs"),
        ([out("a", 4), out("b", 4)], "", "has 2 outputs: a float32 .*--output-name on the command"),
        ([out("features", 4, dtype="int64"), out("b", 4)], "", "has output features int64"),
        ([out("a", "d")], "", r"has output a float32 \['n', 'd'\], expected float32 or float16"),
        ([out("a", 4, 2)], "", "expected float32 or float16"),
        ([out("a", 4)], "b", r"has no output 'b', expected one of: a float32 \['n', 4\]"),
        ([OnnxTensor("a", "float32", ())], "", "expected float32 or float16"),
    ],
)
def test_outputs_that_are_no_embeddings_are_refused(outputs, wanted, message):
    with pytest.raises(ModelError, match=message):
        opened(outputs=outputs, said=(None, wanted))


def test_a_contract_says_the_sizes_that_a_file_leaves_free():
    contract = Contract(height=6, width=5, embedding_width=7)
    free = [OnnxTensor("image", "float32", ("n", 3, "h", -1))]
    model = opened(free, [out("a", "d")], said=(contract, ""))
    assert (model.input_shape, model.embedding_width) == ((3, 6, 5), 7)


def test_embeddings_are_float32_rows_whatever_the_output_is():
    model = opened(outputs=[out("a", 4, 1, 1, dtype="float16")])
    output = model.new_output(2)
    assert (output.shape, output.dtype) == ((2, 4, 1, 1), np.float16)
    output[:] = 1.5
    rows = model.as_embeddings(output)
    assert (rows.dtype, rows.tolist()) == (np.float32, [[1.5] * 4] * 2)


def test_a_lane_runs_the_first_rows_and_gives_as_many():
    seen = []

    def run(images):
        seen.append(images)
        return np.repeat(images.reshape(len(images), -1)[:, :1], 4, axis=1)

    lane = CpuLane(opened([OnnxTensor("image", "float32", (4, 2))]), run)
    lane.input[:] = np.arange(8).reshape(4, 2)
    assert lane.submit(3).embeddings().tolist() == [[0] * 4, [2] * 4, [4] * 4]
    assert seen[0].shape == (4, 2)
    assert seen[0].base is not None
    assert np.shares_memory(seen[0], lane.input)
    assert lane.idle()
    lane.close()


def test_the_input_starts_at_a_cache_line_and_is_zero():
    lane = CpuLane(opened(batch_size=5), lambda images: images)
    assert lane.input.shape == (5, 2, 3)
    assert lane.input.ctypes.data % 64 == 0
    assert not lane.input.any()
    lane.close()


def test_threads_are_shared_by_the_lanes(monkeypatch):
    monkeypatch.setenv("MGN_FAST_THREADS", "8")
    assert [threads_per_lane(lanes, None) for lanes in (1, 3, 9)] == [8, 2, 1]
    assert threads_per_lane(3, 5) == 5
    with pytest.raises(InvalidInputError, match="threads is 0"):
        threads_per_lane(1, 0)


def test_files_that_cannot_be_models_are_named(tmp_path):
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelError, match=r"empty\.onnx' is empty"):
        require_readable(tmp_path / "empty.onnx")
    with pytest.raises(ModelError, match="cannot be read"):
        require_readable(tmp_path)
    (tmp_path / "some.onnx").write_bytes(b"x")
    require_readable(tmp_path / "some.onnx")
