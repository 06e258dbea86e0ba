# SPDX-License-Identifier: Apache-2.0
"""Where float16 loses inside a network, against arithmetic by hand."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from mgn_fast import compile_om, open_session, simulator
from mgn_fast.cann import aipp
from mgn_fast.models.contract import Contract
from mgn_fast.simulator import write_om
from mgn_fast.simulator.float16 import rounded
from mgn_fast.verification import float16_layers
from mgn_fast.verification.float16_layers import _opened, predict
from mgn_fast.verification.run import verify
from support.late import late
from support.small_network import write_small_network
from support.tiny_model import seeded_weights

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")

pytestmark = pytest.mark.usefixtures("own_process")


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (4, 8, 4, 3), dtype=np.uint8)
    return list(np.ascontiguousarray(coarse.repeat(48, 1).repeat(32, 2)))


@pytest.fixture
def simulated():
    simulator.enable(timing=False)
    yield
    simulator.disable()


def predicted(path, pictures):
    with open_session(path) as session:
        return predict(session, pictures)


def relative(got, exact):
    return np.linalg.norm(got.astype(float) - exact) / np.linalg.norm(exact)


def test_errors_are_those_worked_out_in_numpy(simulated, tiny_model, tmp_path, pictures):
    path = compile_om(tiny_model, tmp_path / "t.om", simulate=True, aipp=True)
    found = predicted(path, pictures)
    assert (found.mode, found.saturates, found.num_pictures) == ("float16", True, 4)
    told = {layer.kind: layer for layer in found.layers}
    given = aipp.normalise(np.stack(pictures)).astype(np.float32)
    cells = given.reshape(4, 3, 24, 16, 8, 16).mean((3, 5), dtype=np.float64).reshape(4, -1)
    half = rounded(cells.astype(np.float32))
    assert told["AveragePool"].error == pytest.approx(relative(half, cells), rel=1e-2)
    weights = seeded_weights(2048, 0)
    exact = np.maximum(cells @ weights.astype(float), 0)
    got = np.maximum(half.astype(float) @ rounded(weights), 0).astype(np.float32)
    # A sum that lies between two float16 numbers goes to the other one now and then.
    assert told["MatMul"].error == pytest.approx(relative(rounded(got), exact), rel=1e-2)
    assert told["MatMul"].added == pytest.approx(told["MatMul"].error - told["Flatten"].error)
    assert told["Transpose"].error == 0  # AIPP's numbers are float16 already


def test_the_layers_that_lose_most_come_first(simulated, tmp_path, pictures):
    onnx = tmp_path / "s.onnx"
    write_small_network(onnx)
    found = predicted(compile_om(onnx, tmp_path / "s.om", simulate=True), pictures)
    worst = found.losing_most(3)
    assert [one.added for one in worst] == sorted(one.added for one in found.layers)[:-4:-1]
    assert all(0 <= one.error < 1e-2 for one in found.layers)
    assert {one.kind for one in found.layers} >= {"Conv", "Add", "MaxPool"}


@pytest.mark.parametrize("batch_size", [None, 4])
def test_an_operator_that_is_spoilt_is_named(simulated, tmp_path, pictures, batch_size):
    onnx, keep = tmp_path / "s.onnx", tmp_path / "keep.cfg"
    write_small_network(onnx, batch_size=batch_size)
    keep.write_text("first\nplain_1\n")
    words = {"batch_sizes": (4,), "extra_args": [f"--keep_dtype={keep}"]}
    found = predicted(compile_om(onnx, tmp_path / "k.om", simulate=True, **words), pictures)
    told = {layer.name: layer for layer in found.layers}
    assert (told["first"].computes, told["plain_2"].computes) == ("float32", "float16")
    assert told["first"].error < 1e-6 < told["plain_2"].error


def test_nothing_is_predicted_of_what_computes_in_float32(
    simulated, tiny_model, tmp_path, pictures
):
    origin = compile_om(tiny_model, tmp_path / "o.om", simulate=True, precision="origin")
    unsaid = write_om(tmp_path / "u.om", onnx=tiny_model)
    for path in (origin, unsaid, tiny_model):
        assert predicted(path, pictures) is None


def written(path, change):
    model = onnx.load(path)
    change(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def all_half(graph):
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for end in (*graph.input, *graph.output):
        end.type.tensor_type.elem_type = TensorProto.FLOAT16


def overflowing(graph):
    """Grows what the second convolution takes by a million, and shrinks it again."""
    put_before_the_second(
        graph,
        [
            ("Mul", "grown", ["taken", constant(graph, 1e6)], {}),
            ("Mul", "given", ["grown", constant(graph, 1e-6)], {}),
        ],
    )


def splitting(graph):
    """Parts the first convolution's channels, changes the latter half, and joins them again."""
    same, other = constant(graph, 1.0), constant(graph, 1.0007)
    put_before_the_second(
        graph,
        [
            ("Mul", "same", ["taken", same], {}),
            ("Split", "left right", ["same"], {"axis": 1}),
            ("Mul", "scaled", ["right", other], {}),
            ("Concat", "given", ["left", "scaled"], {"axis": 1}),
        ],
    )


def constant(graph, value):
    name = f"by_{value:g}"
    graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    return name


def put_before_the_second(graph, steps):
    place = next(n for n, node in enumerate(graph.node) if node.name == "plain_1")
    taken, graph.node[place].input[0] = graph.node[place].input[0], "given"
    made = [
        helper.make_node(
            kind,
            [taken if name == "taken" else name for name in inputs],
            outputs.split(),
            name=outputs,
            **attributes,
        )
        for kind, outputs, inputs, attributes in steps
    ]
    nodes = [*graph.node[:place], *made, *graph.node[place:]]
    del graph.node[:]
    graph.node.extend(nodes)


def small(tmp_path, change, **words):
    onnx_path = write_small_network(tmp_path / "s.onnx")
    written(onnx_path, change)
    return compile_om(onnx_path, tmp_path / "s.om", simulate=True, **words)


def test_a_network_that_is_float16_throughout_has_no_layers(simulated, tmp_path, pictures):
    path = write_small_network(tmp_path / "h.onnx", contract=Contract(input="float16"))
    written(path, all_half)
    om = compile_om(path, tmp_path / "h.om", simulate=True)
    assert predicted(om, pictures) is None
    assert verify(path, om, pictures).prediction is None


def test_what_takes_an_operators_second_result_is_not_blamed_for_it(simulated, tmp_path, pictures):
    found = predicted(small(tmp_path, splitting), pictures)
    told = {layer.name: layer for layer in found.layers}
    assert told["left right"].error > 0
    assert told["left right"].added == pytest.approx(0, abs=1e-7)
    right = told["scaled"].error - told["scaled"].added
    assert right == pytest.approx(told["left right"].error, rel=0.2)


@pytest.mark.parametrize("soc", ["Ascend310P3", "Ascend910B3"])
def test_what_overflows_says_so_and_comes_first(simulated, tmp_path, pictures, soc):
    simulator.disable()
    simulator.enable(soc, timing=False)
    found = predicted(small(tmp_path, overflowing, soc_version=soc), pictures)
    told = {layer.name: layer for layer in found.layers}
    if found.saturates:
        assert not any(layer.overflows for layer in found.layers)
        assert told["grown"].error > 0.5
        return
    assert (told["grown"].overflows, told["grown"].error, told["grown"].added) == (True, None, None)
    assert not told["first"].overflows
    assert found.losing_most(1)[0].name == "grown"
    json.dumps([asdict(layer) for layer in found.layers], allow_nan=False)


@pytest.mark.parametrize(("batch_size", "at_once"), [(None, 12), (4, 3), (8, 2)])
def test_few_results_are_held_at_a_time(
    simulated, tmp_path, pictures, monkeypatch, batch_size, at_once
):
    onnx_path = write_small_network(tmp_path / "s.onnx", batch_size=batch_size)
    sizes = {"batch_sizes": (batch_size or 1,)}
    path = compile_om(onnx_path, tmp_path / "s.om", simulate=True, **sizes)
    expected = predicted(path, pictures)
    opened = []

    def counted(content, names):
        opened.append(tuple(names))
        return _opened(content, names)

    monkeypatch.setattr(float16_layers, "_opened", counted)
    monkeypatch.setattr(float16_layers, "RESULTS_AT_ONCE", 12)
    monkeypatch.setattr(float16_layers, "LEAST_NAMES_AT_ONCE", 2)
    found = predicted(path, pictures)
    assert max(map(len, opened)) == at_once
    assert len(opened) == 2 * -(-len(found.layers) // at_once)
    for ours, theirs in zip(found.layers, expected.layers, strict=True):
        assert ours.error == pytest.approx(theirs.error, rel=1e-2)


def test_of_a_batch_of_one_picture_the_first_row_is_compared(
    simulated, tmp_path, pictures, monkeypatch
):
    path = write_small_network(tmp_path / "b.onnx", batch_size=4)
    om = compile_om(path, tmp_path / "b.om", simulate=True, batch_sizes=(4,))
    rows = set()
    add = float16_layers._Loss.add

    def seen(loss, exact, got):
        rows.add(len(exact))
        add(loss, exact, got)

    monkeypatch.setattr(float16_layers._Loss, "add", seen)
    assert predicted(om, pictures)
    assert rows == {1}


def test_only_references_in_float32_make_a_prediction_of_cosines(simulated, tmp_path, pictures):
    onnx_path = write_small_network(tmp_path / "r.onnx")
    half = compile_om(onnx_path, tmp_path / "half.om", simulate=True)
    origin = compile_om(onnx_path, tmp_path / "o.om", simulate=True, precision="origin")
    for reference, whole in ((onnx_path, True), (origin, True), (half, False)):
        found = verify(reference, half, pictures)
        told = found.to_dict()["prediction"]
        assert found.prediction.whole is told["whole"] is whole
        assert (told["cosine_min"] is None) == (told["map_drop"] is None) == (not whole)
        assert found.prediction.layers
    written(onnx_path, one_weight_in_half)
    assert not verify(onnx_path, half, pictures).prediction.whole


def one_weight_in_half(graph):
    node = next(node for node in graph.node if node.name == "first")
    weight = next(tensor for tensor in graph.initializer if tensor.name == node.input[1])
    values = numpy_helper.to_array(weight).astype(np.float16)
    weight.CopyFrom(numpy_helper.from_array(values, "in_half"))
    cast = helper.make_node("Cast", ["in_half"], [node.input[1]], to=TensorProto.FLOAT)
    graph.node.insert(0, cast)


def test_verify_says_that_it_is_a_prediction(simulated, tiny_model, tmp_path, pictures):
    path = compile_om(tiny_model, tmp_path / "t.om", simulate=True)
    found = verify(tiny_model, path, pictures)
    told = found.to_dict()["prediction"]
    assert told["simulated"] is True
    assert told["cosine_mean"] == found.agreement.cosine_mean < 1
    assert told["layers_losing_most"][0] == found.prediction.losing_most(1)[0].name
    assert verify(tiny_model, tiny_model, pictures).to_dict()["prediction"] is None
