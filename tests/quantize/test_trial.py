# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import Embedder, ModelError
from mgn_fast.common.progress import no_progress
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.models.contract import Contract
from mgn_fast.models.onnx_file import read_onnx
from mgn_fast.pictures.pixels import resize
from mgn_fast.quantize.trial import QuantizeTrial, TrialSetup
from support.depthwise_network import MOBILE, write_mobile_network
from support.late import late
from support.small_network import write_small_network

onnx = late("onnx")
FloatGraph = late("mgn_fast.quantize.blocks.FloatGraph")

DRAWINGS = draw_pictures(14, seed=0)
RESIZED = [resize(pixels) for pixels in DRAWINGS]


def setting(path, scratch, progress=no_progress):
    described = read_onnx(path)
    size = described.inputs[0].shape[0]
    fixed = size if isinstance(size, int) else None
    return TrialSetup(Path(path), fixed, described.contract, FloatGraph(path), scratch, 1, progress)


@pytest.fixture
def trial(tmp_path):
    path = write_small_network(tmp_path / "float.onnx")
    return QuantizeTrial(setting(path, tmp_path), RESIZED)


def test_every_third_picture_is_held_out(trial):
    expected = [RESIZED[place] for place in (2, 5, 8, 11)]
    assert all(a is b for a, b in zip(trial.held_out, expected, strict=True))
    assert len(trial.calibration) == 10
    assert not any(a is b for a in trial.calibration for b in trial.held_out)


def test_a_trial_with_everything_in_float32_loses_nothing(trial):
    blocks = trial._setup.graph.blocks
    found = trial.accuracy(blocks)
    assert found.agreement.cosine_min == 1
    assert found.same_nearest == 1
    assert trial.loss(blocks) == 0


def test_accuracy_is_that_of_an_embedder(trial, tmp_path):
    """Plain and mirrored added, on the held-out pictures."""
    found = trial.accuracy([]).agreement
    trial._setup.graph.write(tmp_path / "int8.onnx", trial.ranges, [], {})
    pictures = [DRAWINGS[place] for place in (2, 5, 8, 11)]
    with Embedder(tmp_path / "float.onnx") as exact, Embedder(tmp_path / "int8.onnx") as near:
        cosines = (exact(pictures) * near(pictures)).sum(1)
    assert cosines.min() < 0.99999
    np.testing.assert_allclose(found.cosine_min, cosines.min(), rtol=1e-5)
    np.testing.assert_allclose(found.cosine_mean, cosines.mean(), rtol=1e-5)
    np.testing.assert_allclose(trial.loss([]), 1 - cosines.mean(), rtol=1e-3)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize(
    ("kind", "fuse_mirror", "batch_size"),
    [
        ("float32", False, 4),
        ("float32", True, None),
        ("uint8", False, None),
        ("uint8", False, 4),
        ("uint8", True, None),
    ],
)
def test_every_form_of_input_has_the_same_ranges(trial, tmp_path, kind, fuse_mirror, batch_size):
    """Ten pictures plain and mirrored; four by four the last batch is filled up with the first."""
    contract = Contract(input=kind, mirror="inside" if fuse_mirror else "add")
    path = write_small_network(tmp_path / "other.onnx", contract=contract, batch_size=batch_size)
    other = QuantizeTrial(setting(path, tmp_path), RESIZED)
    tolerance = 0.05 if batch_size else 1e-4  # a picture counted twice moves the quantile
    for tensor in ("first_relu", "plain_3", "projected_add_relu"):
        np.testing.assert_allclose(other.ranges[tensor], trial.ranges[tensor], rtol=tolerance)
    assert other.accuracy([]).agreement.cosine_min > 0.95


def test_progress_is_told(tmp_path):
    path = write_small_network(tmp_path / "float.onnx")
    told = []
    found = QuantizeTrial(setting(path, tmp_path, lambda *stage: told.append(stage)), RESIZED)
    found.accuracy([])
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == ["float32", "ranges", "int8, 0 blocks in float32"]
    assert all(0 <= done < total for _, done, total in told)


def test_channels_are_brought_to_one_size_before_the_ranges_are_taken(tmp_path):
    path = write_mobile_network(tmp_path / "theirs.onnx")
    resized = [resize(pixels, height=64, width=32) for pixels in DRAWINGS]
    told = []
    graph = FloatGraph(path)
    setup = TrialSetup(path, None, MOBILE, graph, tmp_path, 1, lambda *stage: told.append(stage[0]))
    found = QuantizeTrial(setup, resized)
    assert list(dict.fromkeys(told)) == ["float32", "channels", "ranges"]
    untouched = FloatGraph(path).ranges(found._batches("ranges"), tmp_path)
    narrow = "narrow_norm"  # what the depthwise convolution takes
    assert found.ranges[narrow] != untouched[narrow]
    assert found.ranges["cut"] == untouched["cut"]


def test_a_dead_network_is_refused(tmp_path):
    path = write_small_network(tmp_path / "float.onnx")
    model = onnx.load(path)
    for entry in model.graph.initializer:
        if entry.name.startswith("last."):
            entry.CopyFrom(
                onnx.numpy_helper.from_array(np.zeros(entry.dims, np.float32), entry.name)
            )
    onnx.save(model, path)
    with pytest.raises(ModelError, match="gives an embedding of zeros"):
        QuantizeTrial(setting(path, tmp_path), RESIZED)
