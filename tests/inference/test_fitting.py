# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from mgn_fast import ModelError
from mgn_fast.inference.fitting import fitted
from mgn_fast.models.presets import contract_of
from support.fake_model import FakeModel


def model(contract, shape=(3, 256, 128), dtype=np.float32):
    opened = FakeModel(8)
    opened.contract, opened.input_shape, opened.input_dtype = contract, shape, np.dtype(dtype)
    return opened


def test_the_width_that_a_contract_leaves_to_the_model_is_the_models():
    assert fitted(model(None)) is None
    found = fitted(model(contract_of("bot")))
    assert (found.embedding_width, found.origin) == (3, "preset 'bot'")
    assert fitted(model(replace(found, embedding_width=3))) == found


@pytest.mark.parametrize(
    ("change", "shape", "dtype", "message"),
    [
        ({}, (3, 384, 128), "float32", "expected layout 'NCHW', height 384 and width 128"),
        ({}, (256, 128, 3), "float32", "expected layout 'NHWC', height 256 and width 128"),
        ({}, (3, 256, 128), "uint8", "expected input 'uint8'"),
        ({}, (1, 256, 128), "float32", "expected a model of pictures with three channels"),
        ({}, (256,), "float32", "expected a model of pictures with three channels"),
        ({"embedding_width": 4}, (3, 256, 128), "float32", "3 wide, .* says embedding_width 4"),
    ],
)
def test_a_contract_of_another_model_is_refused_with_what_to_state(change, shape, dtype, message):
    contract = replace(contract_of("bot"), **change)
    with pytest.raises(ModelError, match=message) as error:
        fitted(model(contract, shape, dtype))
    assert "preset 'bot'" in str(error.value)
