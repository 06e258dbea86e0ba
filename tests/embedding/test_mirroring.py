# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import InvalidInputError, ModelError
from mgn_fast.embedding.mirroring import fused, pack_rows, picture_rows
from mgn_fast.models.contract import Contract


@pytest.mark.parametrize(
    ("contract", "mirror", "rows"),
    [
        (Contract(), True, (False, True)),
        (Contract(), False, (False,)),
        (Contract(mirror="inside"), True, (False,)),
        (None, True, (False, True)),
        (None, False, (False,)),
    ],
)
def test_a_picture_has_its_plain_row_first_and_a_mirrored_one_unless_the_graph_fuses(
    contract, mirror, rows
):
    assert picture_rows(contract, "m.onnx", mirror=mirror) == rows


def test_a_graph_that_fuses_cannot_leave_the_mirror_out():
    message = "mirror is False, but m.onnx adds the mirrored embedding inside its graph"
    with pytest.raises(InvalidInputError, match=message):
        picture_rows(Contract(mirror="inside"), "m.onnx", mirror=False)


@pytest.mark.parametrize("mirrors", [(False,), (True,), (False, True)])
def test_a_pictures_rows_go_to_the_first_places_of_the_batch_and_no_further(mirrors):
    picture = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
    target = np.zeros((3, 6, 4, 3), np.uint8)
    pack_rows(picture, target, mirrors)
    for row, mirror in zip(target, mirrors, strict=False):
        np.testing.assert_array_equal(row, picture[:, ::-1] if mirror else picture)
    assert not target[len(mirrors) :].any()


def test_a_sum_worked_by_hand():
    """(1, 0, 2) and (2, 0, 2) add up to (3, 0, 4), of length 5."""
    plain, mirrored = np.array([[1, 0, 2], [2, 0, 2]], np.float32)
    embedding = fused(plain + mirrored, ModelError, "the embedding of a.jpg has")
    assert embedding.dtype == np.float32
    np.testing.assert_array_equal(embedding, np.array([0.6, 0, 0.8], np.float32))


@pytest.mark.parametrize(("number", "length"), [(0, "0.0"), (np.inf, "inf"), (np.nan, "nan")])
def test_a_sum_without_a_direction_is_refused_in_the_callers_words(number, length):
    message = f"^the embedding of a.jpg has length {length}, expected a finite one above 0; train$"
    with pytest.raises(ModelError, match=message):
        fused(np.full(4, number, np.float32), ModelError, "the embedding of a.jpg has", "; train")
