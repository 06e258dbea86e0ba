# SPDX-License-Identifier: Apache-2.0
import hashlib
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import DatasetError, Embedder, InvalidInputError, ModelError
from mgn_fast.gallery.model import (
    described,
    description_of,
    probe_of,
    probe_picture,
    require_same_model,
)
from mgn_fast.models.contract import Contract
from support.tiny_model import write_tiny_model


@pytest.fixture
def embedder(tiny_model):
    with Embedder(tiny_model) as opened:
        yield opened


@pytest.fixture
def kept(embedder):
    """What a gallery of the tiny model keeps of it."""
    return description_of(embedder, "float32"), probe_of(embedder)


def test_the_probe_picture_is_the_same_for_ever():
    """Galleries hold its embedding, so its bytes may never change."""
    picture = probe_picture()
    assert (picture.shape, picture.dtype) == ((128, 64, 3), np.uint8)
    assert hashlib.sha256(picture.tobytes()).hexdigest() == (
        "da019d824ac7bb8e385384677a2351fed17d0f35646a152218d73cac58b7c096"
    )


def test_the_probe_picture_is_no_mirror_of_itself():
    picture = probe_picture().astype(int)
    assert np.abs(picture - picture[:, ::-1]).mean() > 40


def test_the_description_names_the_model_and_how_pictures_are_prepared(embedder, tiny_model):
    description = description_of(embedder, "float16", tiny_model.parent / "galleries")
    assert description["dtype"] == "float16"
    assert description["width"] == 2048
    assert description["model"] == "tiny.onnx"
    assert description["model_path"] == "../tiny.onnx"
    assert description["mirror"] is True
    assert Contract.from_json(description["contract"], source="") == embedder.session.contract


def test_another_dtype_is_refused():
    with pytest.raises(InvalidInputError, match=r"dtype is 'int8', expected one of"):
        described("int8", 4)


def test_the_same_model_is_taken_under_any_name(tiny_model, kept, tmp_path):
    copy = tmp_path / "other.onnx"
    copy.write_bytes(tiny_model.read_bytes())
    with Embedder(copy) as embedder:
        require_same_model(*kept, embedder, None)


def other(tmp_path, **changes):
    return write_tiny_model(tmp_path / "other.onnx", **changes)


def test_other_weights_are_refused_by_what_they_make_of_the_probe(kept, tmp_path):
    with (
        Embedder(other(tmp_path, seed=1)) as embedder,
        pytest.raises(ModelError, match=r"embeds a test picture with cosine 0\.\d+ to what tiny"),
    ):
        require_same_model(*kept, embedder, Path("a.gallery"))


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (Contract(seed=3), "has random weights of seed 3; expected the same weights"),
        (Contract(checkpoint_sha256="ab" * 32), "has the checkpoint with SHA-256 abababababababab"),
    ],
)
def test_another_origin_of_the_weights_is_refused(kept, tmp_path, contract, message):
    with (
        Embedder(other(tmp_path, contract=contract)) as embedder,
        pytest.raises(ModelError, match=message),
    ):
        require_same_model(*kept, embedder, Path("a.gallery"))


def test_the_mirror_must_be_in_both_or_in_none(kept, tiny_model):
    with (
        Embedder(tiny_model, mirror=False) as embedder,
        pytest.raises(InvalidInputError, match="was embedded with the mirrored picture, and mirr"),
    ):
        require_same_model(*kept, embedder, Path("a.gallery"))


def test_embeddings_of_an_unknown_model_take_no_pictures(embedder):
    with pytest.raises(DatasetError, match="embeddings of a model that is not known"):
        require_same_model(described("float32", 2048), np.empty(0, np.float32), embedder, None)


def test_a_probe_that_is_no_number_is_refused(kept, embedder):
    description, probe = kept
    with pytest.raises(ModelError, match="cosine nan"):
        require_same_model(description, np.full_like(probe, np.nan), embedder, None)
