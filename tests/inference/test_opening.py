# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast import InvalidInputError, ModelError, open_session


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lanes": 0}, "lanes is 0, expected a whole number from 1 to 64"),
        ({"lanes": True}, "lanes is True"),
        ({"lanes": None}, "lanes is None"),
        ({"batch_size": 1025}, "batch_size is 1025, expected a whole number from 1 to 1024"),
        ({"lanes": 1.5}, "lanes is 1.5"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"threads": 0}, "threads is 0"),
        ({"device": 1}, "device is 1; the onnxruntime backend has device 0 only"),
        ({"device": [0, 1]}, r"device is \[0, 1\]; the onnxruntime"),
        ({"device": False}, "device is False; the onnxruntime"),
        ({"precision": "bf16"}, "precision is 'bf16'; the onnxruntime backend runs"),
        ({"precision": "int8"}, "precision is 'int8', but .* run `mgn-fast quantize"),
        ({"precision": "half"}, "precision is 'half', expected one of"),
        ({"precision": "fp8", "backend": "openvino"}, "precision is 'fp8', expected one of"),
        ({"device": 1, "backend": "openvino"}, "the openvino backend has device 0 only"),
    ],
)
def test_options_out_of_range_are_refused(tiny_model, options, message):
    with pytest.raises(InvalidInputError, match=message):
        open_session(tiny_model, **options)


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"ends in '\.pt', expected '\.onnx', '\.om' or '\.xml'"):
        open_session(tmp_path / "model.pt")
    with pytest.raises(
        InvalidInputError, match="'tensorrt', expected one of None, 'ascend', 'onnxruntime'"
    ):
        open_session(tmp_path / "model.onnx", backend="tensorrt")


def test_a_named_backend_opens_a_file_of_any_ending(tiny_model, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(tiny_model.read_bytes())
    for backend in ("onnxruntime", "openvino"):
        with open_session(path, backend=backend, precision="float32") as session:
            assert session.backend == backend


def test_what_is_no_path_is_refused():
    with pytest.raises(InvalidInputError, match="model is None, expected a path"):
        open_session(None)
    with pytest.raises(ModelError, match="cannot be read"):
        open_session("x" * 5000 + ".onnx")
