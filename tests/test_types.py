# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError


def test_identities_become_int32():
    identities = Identities([1, 2, 3], np.array([4, 5, 6], np.int64))
    assert identities.person.dtype == identities.camera.dtype == np.int32
    assert len(identities) == 3
    assert len(Identities([], [])) == 0


@pytest.mark.parametrize(
    ("person", "camera", "message"),
    [
        ([1, 2], [1], "person has 2 entries and camera 1"),
        ([1.5], [1], r"person is float64 \(1,\), expected integers"),
        ([[1]], [1], r"person is int64 \(1, 1\)"),
        ([1], ["a"], "camera is <U1"),
        ([2**31], [1], "person has values from 2147483648"),
    ],
)
def test_other_identities_are_refused(person, camera, message):
    with pytest.raises(InvalidInputError, match=message):
        Identities(person, camera)
