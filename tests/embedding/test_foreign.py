# SPDX-License-Identifier: Apache-2.0
"""Rows and names in every form; hostile and damaged files are refused by what they are."""

import json
import pickle
import zipfile

import numpy as np
import pytest

from mgn_fast.embedding.foreign import read_rows
from mgn_fast.errors import InvalidInputError
from support.late import late

torch = late("torch")
pyarrow = late("pyarrow")
parquet = late("pyarrow.parquet")

ROWS = np.arange(6, dtype=np.float32).reshape(3, 2) / 3
NAMES = ("a/1.jpg", "a, 2.jpg", "é.png")


def saved_npy(path, beside=None, content=""):
    np.save(path / "q.npy", ROWS)
    if beside:
        (path / f"q{beside}").write_text(content)
    return path / "q.npy"


@pytest.mark.parametrize(
    ("beside", "content"),
    [
        (".txt", "a/1.jpg\r\na, 2.jpg\né.png\n"),
        (".csv", 'person,Name\n1,a/1.jpg\n1,"a, 2.jpg"\n\n2,é.png\n'),
        (".csv", 'path\na/1.jpg\n"a, 2.jpg"\né.png\n'),
        (".json", json.dumps({"names": NAMES, "other": 1})),
        (".json", json.dumps(NAMES)),
    ],
)
def test_names_beside_an_npy(tmp_path, beside, content):
    read = read_rows(saved_npy(tmp_path, beside, content))
    np.testing.assert_array_equal(read.rows, ROWS)
    assert read.names == NAMES


def test_an_npy_alone_has_no_names(tmp_path):
    assert read_rows(saved_npy(tmp_path)).names is None


@pytest.mark.parametrize("called", ["embeddings", "features"])
def test_an_npz(tmp_path, called):
    np.savez(tmp_path / "q.npz", other=np.ones((3, 5)), names=np.array(NAMES), **{called: ROWS})
    read = read_rows(tmp_path / "q.npz")
    np.testing.assert_array_equal(read.rows, ROWS)
    assert read.names == NAMES
    np.savez_compressed(tmp_path / "one.npz", whatever=ROWS)
    assert read_rows(tmp_path / "one.npz").names is None


@pytest.mark.parametrize("width", [-1, 2])
def test_a_parquet(tmp_path, width):
    lists = pyarrow.array(ROWS.tolist(), pyarrow.list_(pyarrow.float32(), width))
    table = pyarrow.table({"name": list(NAMES), "embedding": lists})
    parquet.write_table(table, tmp_path / "q.parquet", row_group_size=2)
    read = read_rows(tmp_path / "q.parquet")
    np.testing.assert_array_equal(read.rows, ROWS)
    assert (read.names, read.rows.dtype) == (NAMES, np.float32)


def test_a_csv(tmp_path):
    lines = [f'"{n}",ann,{a:.9g},{b:.9g}' for n, (a, b) in zip(NAMES, ROWS, strict=True)]
    (tmp_path / "q.csv").write_text("\n".join(["name,person,0,1", *lines, ""]))
    read = read_rows(tmp_path / "q.csv")
    np.testing.assert_array_equal(read.rows, ROWS)
    assert read.names == NAMES


def test_torch_files(tmp_path):
    torch.save(torch.tensor(ROWS, requires_grad=True), tmp_path / "q.pt")
    np.testing.assert_array_equal(read_rows(tmp_path / "q.pt").rows, ROWS)
    halves = torch.tensor(ROWS).bfloat16()
    torch.save({"feats": halves, "paths": list(NAMES), "pids": torch.ones(3)}, tmp_path / "q.pth")
    read = read_rows(tmp_path / "q.pth")
    np.testing.assert_array_equal(read.rows, halves.float().numpy())
    assert read.names == NAMES


class Code:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize("name", ["q.pt", "q.npz", "q.npy"])
def test_no_code_of_a_file_runs(tmp_path, name, capsys):
    path = tmp_path / name
    if name == "q.pt":
        torch.save({"embeddings": torch.ones(1, 1), "x": Code()}, path)
    elif name == "q.npz":
        np.savez(path, embeddings=np.array([[Code()]], object))
    else:
        path.write_bytes(pickle.dumps(Code()))
    with pytest.raises(InvalidInputError):
        read_rows(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.bin", b"", "ends in '.bin', expected embeddings in .npy, .npz"),
        ("q.npy", b"", r"q\.npy' is no readable \.npy file"),
        ("q.npz", b"PK", r"is no readable \.npz file"),
        ("q.parquet", b"PAR1", "is no readable Parquet"),
        ("q.csv", b"0,1\n2,3\n", "begins with '0, 1', expected a line of names"),
        ("q.csv", b"name,0\na\n", "line 2, has 1 cells, expected a name and 1 numbers"),
        ("q.csv", b"name,0\na,x\n", "line 2, has could not convert .* a name and 1 numbers"),
        ("q.csv", b"\xff", "is not UTF-8 at byte 0"),
        ("q.pt", b"\x80", r"^'.*q\.pt' is damaged, or not of torch.save"),
    ],
)
def test_what_holds_no_rows_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError, match=message):
        read_rows(tmp_path / name)


@pytest.mark.parametrize(
    ("beside", "content", "message"),
    [
        (".txt", "a\nb\n", r"q\.txt has 2 names for 3 rows"),
        (".txt", "a\n\nc\n", "has '' as a name, expected words"),
        (".csv", "person\n1\n2\n3\n", "has the columns 'person', expected one called 'name'"),
        (".json", '{"persons": []}', "has no list 'names'"),
        (".json", '{"names": "abc"}', "has 'abc' as names, expected a list"),
        (".json", '{"names": [1, 2, 3]}', "has 1 as a name, expected words"),
        (".json", "{", "is no JSON: .* remove it to read the rows without names"),
    ],
)
def test_names_that_do_not_fit_are_refused(tmp_path, beside, content, message):
    with pytest.raises(InvalidInputError, match=message):
        read_rows(saved_npy(tmp_path, beside, content))


def test_two_files_of_names_are_refused(tmp_path):
    (tmp_path / "q.csv").write_text("name\na\nb\nc\n")
    with pytest.raises(InvalidInputError, match=r"q\.csv' and '.*q\.txt' could name the rows"):
        read_rows(saved_npy(tmp_path, ".txt", "a\nb\nc\n"))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"a": np.ones((2, 2)), "b": np.ones((2, 2))},
            r"holds a \(2, 2\), b \(2, 2\), expected one",
        ),
        ({"a": np.ones(3)}, r"holds a \(3,\), expected one array"),
        ({"embeddings": np.ones((2, 2), int)}, "holds int64"),
        ({"embeddings": np.ones((2, 2)), "names": np.array(["a"])}, "has 1 names for 2 rows"),
    ],
)
def test_archives_that_do_not_say_what_is_meant_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "q.npz", **arrays)
    with pytest.raises(InvalidInputError, match=message):
        read_rows(tmp_path / "q.npz")


def test_lists_of_unlike_lengths_are_refused(tmp_path):
    table = pyarrow.table({"name": ["a", "b"], "embedding": [[1.0], [1.0, 2.0]]})
    parquet.write_table(table, tmp_path / "q.parquet")
    with pytest.raises(InvalidInputError, match="lists of 1 to 2 numbers, expected one length"):
        read_rows(tmp_path / "q.parquet")


def test_a_bomb_is_refused_by_what_it_claims(tmp_path, monkeypatch):
    monkeypatch.setattr("mgn_fast.embedding.foreign._MAX_FILE_BYTES", 1000)
    np.savez_compressed(tmp_path / "q.npz", embeddings=np.zeros((100, 100), np.float32))
    assert (tmp_path / "q.npz").stat().st_size < 1000
    with pytest.raises(InvalidInputError, match="claims 40128 bytes, expected at most 1000"):
        read_rows(tmp_path / "q.npz")
    assert zipfile.is_zipfile(tmp_path / "q.npz")
