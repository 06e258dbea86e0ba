# SPDX-License-Identifier: Apache-2.0
import json
import os

import numpy as np
import pytest

from mgn_fast import Embedder, InvalidInputError
from mgn_fast.common.cache import file_sha256
from mgn_fast.embedding.embeddings_file import (
    read_embeddings,
    sidecar_path,
)
from mgn_fast.embedding.writing import write_embeddings
from mgn_fast.models.contract import Contract
from support.late import late
from support.tiny_model import FOREIGN, write_tiny_model

parquet = late("pyarrow.parquet")


@pytest.mark.parametrize("count", [0, 1, 300])
def test_what_is_written_is_read_back(tmp_path, embedder, rows, count):
    path = tmp_path / "a.npy"
    assert write_embeddings(path, iter(rows[:count]), embedder) == count
    got = read_embeddings(path)
    assert got.names == tuple(name for name, _ in rows[:count])
    assert got.rows.shape == (count, 2048)
    np.testing.assert_array_equal(
        got.rows, np.array([r for _, r in rows[:count]]).reshape(-1, 2048)
    )
    np.testing.assert_array_equal(np.load(path), got.rows)


def test_the_description_says_where_the_rows_come_from(tmp_path, embedder, rows, tiny_model):
    write_embeddings(tmp_path / "a.npy", iter(rows), embedder)
    description = json.loads(sidecar_path(tmp_path / "a.npy").read_text())
    assert description["schema"] == "mgn_fast.embeddings/1"
    assert description["count"] == 300
    assert description["model"] == {"name": "tiny.onnx", "sha256": file_sha256(tiny_model)}
    assert description["mirror"] is True
    assert description["contract"]["interpolation"] == "pillow-bicubic"
    assert description["contract_origin"] == f"the metadata of {str(tiny_model)!r}"
    assert description["embeddings_sha256"] == file_sha256(tmp_path / "a.npy")


def test_the_contract_is_read_back_as_it_was_used(tmp_path, tiny_model, rows):
    with Embedder(tiny_model, mirror=False, contract={"colour": "BGR"}) as embedder:
        write_embeddings(tmp_path / "a.npy", iter(rows), embedder)
    got = read_embeddings(tmp_path / "a.npy").contract
    assert got == Contract(colour="BGR", mirror="none")
    assert got.origin == f"{tmp_path / 'a.json'} (there from the contract given)"


def test_a_file_without_a_description_has_no_contract(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 2048), np.float32))
    assert read_embeddings(tmp_path / "a.npy").contract is None


def test_any_width_is_written(tmp_path):
    model = write_tiny_model(tmp_path / "m.onnx", contract=FOREIGN, stored=False)
    with Embedder(model, contract=FOREIGN) as embedder:
        rows = [("a", np.ones(48, np.float32))]
        write_embeddings(tmp_path / "a.npy", rows, embedder)
    got = read_embeddings(tmp_path / "a.npy")
    assert got.rows.shape == (1, 48)
    assert got.contract == FOREIGN


def test_a_description_with_no_models_contract_is_refused(tmp_path, embedder, rows):
    write_embeddings(tmp_path / "a.npy", iter(rows[:3]), embedder)
    sidecar = sidecar_path(tmp_path / "a.npy")
    description = json.loads(sidecar.read_text())
    description["contract"]["deviation"] = [1, 0, 1]
    sidecar.write_text(json.dumps(description))
    with pytest.raises(InvalidInputError, match=r"does not describe embeddings.*deviation is"):
        read_embeddings(tmp_path / "a.npy")


def test_a_description_of_another_file_is_refused(tmp_path, embedder, rows):
    path = tmp_path / "a.npy"
    write_embeddings(path, iter(rows[:3]), embedder)
    np.save(path, np.zeros((3, 2048), np.float32))
    with pytest.raises(InvalidInputError, match="describes 3 rows of another file"):
        read_embeddings(path)
    sidecar_path(path).write_text("[" * 200_000)
    with pytest.raises(InvalidInputError, match="does not describe embeddings"):
        read_embeddings(path)
    sidecar_path(path).write_text('{"names": 3}')
    with pytest.raises(InvalidInputError, match=r"a\.json' does not describe embeddings"):
        read_embeddings(path)
    sidecar_path(path).unlink()
    assert read_embeddings(path).names is None


HUGE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 2)}" % 10**25


def npy_header(text):
    """A .npy file that is a header only, whatever it says."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (lambda path: None, r"a\.npy' is no readable \.npy file"),
        (lambda path: path.write_bytes(b""), "is no readable"),
        (lambda path: path.write_bytes(b"\x93NUMPY"), "is no readable"),
        (lambda path: np.save(path, np.zeros((2, 3), int)), r"holds int64 \(2, 3\), expected"),
        (os.mkfifo, "no regular file"),
        (lambda path: path.write_bytes(npy_header(b"(" * 100)), "is no readable"),
        (lambda path: path.write_bytes(npy_header(b"{'descr': '<f4', ")), "is no readable"),
        (lambda path: path.write_bytes(npy_header(HUGE)), "is no readable"),
        (lambda path: np.save(path, np.zeros(3, np.float32)), r"holds float32 \(3,\)"),
        (lambda path: np.save(path, np.array([{}]), allow_pickle=True), "is no readable"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(40)), "is no readable"),
    ],
    ids=[
        "missing",
        "empty",
        "cut",
        "integers",
        "pipe",
        "nested",
        "half",
        "huge",
        "one axis",
        "pickle",
        "archive",
    ],
)
def test_other_files_are_refused(tmp_path, save, message):
    path = tmp_path / "a.npy"
    save(path)
    with pytest.raises(InvalidInputError, match=message):
        read_embeddings(path)


def test_a_file_that_claims_more_rows_than_it_has_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 8)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(64))
    with pytest.raises(InvalidInputError, match="is no readable"):
        read_embeddings(path)
