# SPDX-License-Identifier: Apache-2.0
import io

import numpy as np
import pytest

from mgn_fast.gallery.arrays import ALIGNMENT, array_bytes, array_header, read_array, text_bytes

ARRAYS = [
    np.arange(5, dtype=np.uint8),
    np.zeros((0, 3), np.float32),
    np.ones((2, 2048), np.float16),
    np.arange(16, dtype="<u4"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_are_what_numpy_writes_and_are_found_again(array):
    content = array_bytes(array)
    saved = io.BytesIO()
    np.save(saved, array)
    assert content == saved.getvalue()
    place = read_array(memoryview(b"x" * 7 + content), 7)
    assert (place.dtype, place.shape) == (array.dtype, array.shape)
    assert place.end == 7 + len(content)
    np.testing.assert_array_equal(
        np.frombuffer(content, array.dtype, offset=place.begin - 7).reshape(array.shape), array
    )


@pytest.mark.parametrize("offset", [0, 1, 63, 1000])
@pytest.mark.parametrize("length", [0, 1, 8, 9, 99, 100, 4095])
def test_text_is_filled_up_so_that_what_follows_is_aligned(offset, length):
    for alignment in (ALIGNMENT, 512):
        content = text_bytes(b"x" * length, offset, 192, alignment)
        assert (offset + len(content) + 192) % alignment == 0
        text = np.load(io.BytesIO(content)).tobytes()
        assert text.rstrip(b" ") == b"x" * length


DAMAGED = {
    "empty": b"",
    "not an array": b"\x93NUMPX" + array_bytes(ARRAYS[0])[6:],
    "a pickle": array_header(np.uint8, (3,)).replace(b"|u1", b"|O8"),
    "fortran order": array_bytes(ARRAYS[0]).replace(b"False", b"True "),
    "three sizes": array_bytes(np.zeros((1, 1, 1), np.uint8)),
    "no size": array_bytes(np.zeros((), np.uint8)),
    "an expression": array_bytes(ARRAYS[0]).replace(b"(5,)", b"f()5"),
    "cut": array_bytes(ARRAYS[0])[:-1],
    "huge": array_header(np.float32, (10**17, 10**17)),
    "cut in the header": array_bytes(ARRAYS[0])[:40],
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_anything_else_is_no_array(content):
    with pytest.raises(ValueError, match=r"no array begins at byte 0|would end at byte"):
        read_array(memoryview(content), 0)
