# SPDX-License-Identifier: Apache-2.0
import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mgn_fast import DatasetError, Embedder, InvalidInputError, ModelError
from mgn_fast.gallery.model import (
    contract_for,
    described,
    description_of,
    probe_of,
    probe_picture,
    require_comparable,
    require_same_model,
)
from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import kept_contract
from support.tiny_model import FOREIGN, write_tiny_model


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
    assert description["contract_origin"] == f"the metadata of {str(tiny_model)!r}"


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
    ("ours", "theirs", "message"),
    [
        (
            {"seed": 3},
            {"seed": 4},
            r"\(random weights of seed 4\).* has random weights of seed 3; exp",
        ),
        (
            {"checkpoint_sha256": "ab" * 32},
            {"seed": 4},
            "has the checkpoint with SHA-256 abababababab",
        ),
        (
            {"checkpoint_sha256": "weights:" + "ab" * 32},
            {"checkpoint_sha256": "weights:" + "cd" * 32},
            "has weights with SHA-256 abababababababab",
        ),
    ],
)
def test_other_weights_are_refused_by_name(tmp_path, ours, theirs, message):
    with Embedder(other(tmp_path, contract=Contract(**theirs))) as embedder:
        kept = description_of(embedder, "float32"), probe_of(embedder)
    with (
        Embedder(other(tmp_path, contract=Contract(**ours))) as embedder,
        pytest.raises(ModelError, match=message),
    ):
        require_same_model(*kept, embedder, Path("a.gallery"))


@pytest.mark.parametrize(
    "named",
    [{"seed": 3}, {"checkpoint_sha256": "ab" * 32}, {"checkpoint_sha256": "weights:" + "ab" * 32}],
)
def test_weights_that_one_side_does_not_name_are_told_by_the_probe(kept, tmp_path, named):
    """As of a model that was adopted, and an export of the same weights."""
    with Embedder(other(tmp_path, contract=Contract(**named))) as embedder:
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


@pytest.fixture
def foreign(tmp_path):
    """A model that says nothing of itself."""
    return write_tiny_model(tmp_path / "foreign.onnx", contract=FOREIGN, stored=False)


@pytest.fixture
def kept_of_foreign(foreign):
    with Embedder(foreign, contract=FOREIGN) as embedder:
        return description_of(embedder, "float32"), probe_of(embedder)


def test_a_model_of_any_size_and_width_is_known_again(foreign, kept_of_foreign):
    description, probe = kept_of_foreign
    assert (description["width"], len(probe), description["mirror"]) == (48, 48, False)
    with Embedder(foreign, contract=FOREIGN) as embedder:
        require_same_model(description, probe, embedder, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "RGB"}, "colour RGB instead of BGR"),
        ({"mean": (0, 0, 0)}, "mean 0 0 0 instead of 0.485 0.456 0.406"),
        (
            {"scale": 1.0, "mean": (9, 99, 0), "deviation": (1, 2, 1)},
            "scale 1 instead of 128, mean 9 99 0 instead of 0.485 0.456 0.406, deviation 1 2 1 "
            "instead of 0.229 0.224 0.225",
        ),
    ],
    ids=["colour", "mean", "scale"],
)
def test_another_preparation_is_refused_with_what_is_different(
    foreign, kept_of_foreign, changes, said
):
    with (
        Embedder(foreign, contract=replace(FOREIGN, **changes)) as embedder,
        pytest.raises(
            ModelError, match=f"its contract is from the contract given and has {said}; make"
        ),
    ):
        require_same_model(*kept_of_foreign, embedder, None)


def test_a_preparation_that_makes_no_difference_is_taken(tmp_path):
    """Without a mean, another scale changes lengths alone: the network has no biases."""
    contract = replace(FOREIGN, mean=(0, 0, 0))
    model = write_tiny_model(tmp_path / "m.onnx", contract=contract)
    with Embedder(model) as one, Embedder(model, contract=replace(contract, scale=1)) as other:
        require_same_model(description_of(one, "float32"), probe_of(one), other, None)


def test_another_width_is_refused_with_both(kept, foreign):
    with (
        Embedder(foreign, contract=FOREIGN) as embedder,
        pytest.raises(ModelError, match=r"holds embeddings 2048 wide of tiny\.onnx, .* gives 48;"),
    ):
        require_same_model(*kept, embedder, None)


def test_embeddings_that_are_not_of_length_1_are_refused(foreign, kept_of_foreign):
    contract = replace(FOREIGN, normalise=False)
    with Embedder(foreign, contract=contract) as embedder:
        for refused in (
            lambda: description_of(embedder, "float32"),
            lambda: require_same_model(*kept_of_foreign, embedder, None),
        ):
            with pytest.raises(InvalidInputError, match="has normalise False, and a gallery"):
                refused()


def test_a_model_that_says_nothing_is_opened_as_the_gallery_says(foreign):
    assert contract_for(FOREIGN, foreign, is_own=False) is FOREIGN
    assert contract_for(None, foreign, is_own=True) is None


def test_a_models_own_contract_is_used_where_the_gallery_says_the_same(tmp_path):
    contract = replace(FOREIGN, checkpoint_sha256="ab", input="uint8", layout="NHWC")
    model = write_tiny_model(tmp_path / "m.onnx", contract=contract)
    assert contract_for(FOREIGN, model, is_own=True) is None
    other = replace(FOREIGN, colour="RGB")
    assert contract_for(other, model, is_own=False) is None


def test_the_galleries_own_model_is_opened_by_what_was_stated_for_it(tmp_path):
    """How its input is given, and whose weights it has, the file knows better."""
    own = replace(FOREIGN, checkpoint_sha256="ab", input="uint8", layout="NHWC", seed=2)
    model = write_tiny_model(tmp_path / "m.onnx", contract=own)
    kept = replace(FOREIGN, colour="RGB", mean=(0, 0, 0), mirror="add", origin="gallery")
    got = contract_for(kept, model, is_own=True)
    assert got == replace(own, colour="RGB", mean=(0, 0, 0), mirror="add")
    assert got.origin == "gallery"


@pytest.mark.parametrize(
    ("own", "kept", "expected"),
    [("inside", "add", "inside"), ("none", "inside", "add"), ("add", "none", "none")],
)
def test_a_graph_that_mirrors_keeps_doing_so(tmp_path, own, kept, expected):
    model = write_tiny_model(tmp_path / "m.onnx", contract=replace(FOREIGN, mirror=own))
    gallery = replace(FOREIGN, colour="RGB", mirror=kept)
    assert contract_for(gallery, model, is_own=True).mirror == expected


def test_what_was_kept_opens_the_model_again(foreign, kept_of_foreign):
    description, probe = kept_of_foreign
    kept = kept_contract(description, where="a.gallery")
    with Embedder(foreign, contract=contract_for(kept, foreign, is_own=True)) as embedder:
        require_same_model(description, probe, embedder, None)


def made(width, *, mirror=None, contract=None, probe=None):
    known = {} if contract is None else {"contract": contract.to_json()}
    description = described("float32", width, mirror=mirror, **known)
    probe = np.empty(0, np.float32) if probe is None else np.asarray(probe, np.float32)
    return SimpleNamespace(path=Path(f"{width}.gallery"), description=description, probe=probe)


def test_galleries_that_compare_are_of_one_model_as_far_as_anybody_says():
    contract, probe = Contract(embedding_width=4), np.eye(1, 4)[0]
    known = made(4, mirror=True, contract=contract, probe=probe)
    keys = ("width", "mirror")
    require_comparable(known, known, alike=keys)
    require_comparable(made(4), made(4), alike=keys)
    other_contract = replace(contract, colour="BGR")
    for one, other, message in (
        (made(4), made(5), "have width 4 and 5"),
        (known, made(4), "is known of one only"),
        (made(4), known, "is known of one only"),
        (
            known,
            made(4, mirror=False, contract=contract, probe=probe),
            "have mirror True and False",
        ),
        (
            known,
            made(5, mirror=True, contract=contract, probe=np.eye(1, 5)[0]),
            "have width 4 and 5",
        ),
        (known, made(4, mirror=True, contract=contract, probe=np.eye(1, 4, 1)[0]), "cosine 0.0000"),
        (known, made(4, mirror=True, contract=other_contract, probe=probe), "embedded with colour"),
    ):
        with pytest.raises(ModelError, match=message):
            require_comparable(one, other, alike=keys)
    require_comparable(known, made(4, contract=contract, probe=probe), alike=())


def test_pictures_turned_by_exif_and_those_as_stored_are_not_mixed(kept, tiny_model):
    """The probe does not see it: it lies in no file."""
    with Embedder(tiny_model, exif="apply") as turning:
        message = "was embedded with exif 'ignore', and this model's contract has 'apply'"
        with pytest.raises(InvalidInputError, match=message):
            require_same_model(*kept, turning, None)
        description = description_of(turning, "float32")
        require_same_model(description, kept[1], turning, None)
    assert kept_contract(description, where="a").exif == "apply"
    own = contract_for(kept_contract(description, where="a"), tiny_model, is_own=True)
    assert own.exif == "apply"
    assert contract_for(kept_contract(description, where="a"), tiny_model, is_own=False) is None
