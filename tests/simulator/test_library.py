# SPDX-License-Identifier: Apache-2.0
import ctypes

import pytest

from mgn_fast import InvalidInputError, RuntimeUnavailableError
from mgn_fast.simulator import library, library_path
from support import acl_models


def test_the_library_lies_in_the_package():
    path = library_path()
    assert path.name == "libascendcl.so"
    assert path.parent.name == "simulator"
    assert path.parent.parent.name == "mgn_fast"


def test_it_is_loaded_once():
    path = acl_models.library_path()
    assert library.load(path) is library.load(path)
    assert library.load(path).mgnsim_is_simulator() == 1


@pytest.mark.parametrize("what", ["missing", "garbage", "another library"])
def test_what_is_no_simulator_is_refused(tmp_path, what):
    path = tmp_path / "libascendcl.so"
    if what == "garbage":
        path.write_bytes(b"no library")
    elif what == "another library":
        import _ctypes

        path = type(path)(_ctypes.__file__)
    with pytest.raises(RuntimeUnavailableError, match=r"reinstall with"):
        library.load(path)


def test_the_executors_tensor_is_laid_out_as_in_c():
    offsets = {name: getattr(library.ExecutorTensor, name).offset for name, _ in _fields()}
    assert offsets == {
        "name": 0,
        "data_type": 8,
        "num_dims": 12,
        "dims": 16,
        "data": 80,
        "bytes": 88,
    }
    assert ctypes.sizeof(library.ExecutorTensor) == 96


def _fields():
    return library.ExecutorTensor._fields_


def test_errors_become_exceptions():
    library.check(None)
    with pytest.raises(InvalidInputError, match=r"^wrong$"):
        library.check(b"wrong")


@pytest.mark.parametrize("length", [0, 1, 65535, 65536, 300000])
def test_text_of_any_length_is_read_whole(length):
    text = b"x" * length

    def write(buffer, capacity):
        part = text[: capacity - 1] + b"\0"
        ctypes.memmove(buffer, part, len(part))
        return len(text) + 1

    assert library.read_text(write) == text.decode()


def test_text_that_grows_while_it_is_read_is_read_again():
    sizes = iter([70000, 150000, 150000])

    def write(buffer, capacity):
        size = next(sizes)
        part = b"x" * min(size, capacity - 1) + b"\0"
        ctypes.memmove(buffer, part, len(part))
        return size + 1

    assert len(library.read_text(write)) == 150000
