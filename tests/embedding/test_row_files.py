# SPDX-License-Identifier: Apache-2.0
import csv
import json

import numpy as np
import pytest

from mgn_fast.embedding.row_files import (
    PARQUET_KEY,
    CsvFile,
    NpyFile,
    ParquetFile,
    csv_header,
)
from support.late import late

parquet = late("pyarrow.parquet")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "rows").touch()
    return tmp_path / "rows"


@pytest.fixture
def rows(random):
    values = random.standard_normal((2100, 7), np.float32)
    values[0] = [0, -0.0, 1e-38, 3.4028235e38, 1 / 3, 1e-45, 16777217]
    return values


def fill(file, rows):
    for number, row in enumerate(rows):
        file.add(f"{number}.jpg", row)
    file.finish()
    file.close()


@pytest.mark.parametrize("count", [0, 1, 1023, 2100])
def test_npy_is_read_by_numpy(path, rows, count):
    fill(NpyFile(path, 7), rows[:count])
    np.testing.assert_array_equal(np.load(path), rows[:count])


def test_npy_is_whole_again_after_a_row_that_was_cut(path, rows):
    file = NpyFile(path, 7)
    for row in rows[:5]:
        file.add("a", row)
    with path.open("ab") as other:
        other.write(b"half a row")
    file.finish()
    np.testing.assert_array_equal(np.load(path), rows[:5])
    file.cut(3)
    file.close()
    np.testing.assert_array_equal(np.load(path), rows[:3])


@pytest.mark.parametrize("count", [0, 1, 50])
def test_csv_gives_the_same_floats_back(path, rows, count):
    fill(CsvFile(path, 7), rows[:count])
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header == ["name", *map(str, range(7))]
    assert [line[0] for line in lines] == [f"{number}.jpg" for number in range(count)]
    got = np.array([line[1:] for line in lines], np.float64).astype(np.float32)
    np.testing.assert_array_equal(got.reshape(-1, 7), rows[:count])


def test_a_line_of_csv_that_was_cut_is_taken_away(path, rows):
    file = CsvFile(path, 7, {"a": "ann"})
    file.add("a", rows[0])
    file.add("b", rows[1])
    with path.open("ab") as other:
        other.write(b"half,a,li")
    file.finish()
    file.close()
    lines = path.read_text().splitlines()
    assert [line.split(",")[:2] for line in lines] == [["name", "person"], ["a", "ann"], ["b", ""]]
    assert csv_header(2, with_person=True) == ["name", "person", "0", "1"]


@pytest.mark.parametrize("count", [0, 1, 1024, 2100])
def test_parquet_has_names_rows_and_what_they_are(path, rows, count):
    fill(ParquetFile(path, 7, {"width": 7}), rows[:count])
    table = parquet.read_table(path)
    assert table.column_names == ["name", "embedding"]
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[7]"
    assert table["name"].to_pylist() == [f"{number}.jpg" for number in range(count)]
    numbers = table["embedding"].combine_chunks().flatten().to_numpy()
    np.testing.assert_array_equal(numbers.reshape(-1, 7), rows[:count])
    assert json.loads(table.schema.metadata[PARQUET_KEY]) == {"width": 7}


def test_parquet_has_persons_where_they_are_known(path, rows):
    file = ParquetFile(path, 7, {}, {"b\udcff": "bob"})
    for name in ("a", "b\udcff"):
        file.add(name, rows[0])
    file.finish()
    file.close()
    file.close()
    table = parquet.read_table(path)
    assert table.column_names == ["name", "person", "embedding"]
    assert table["person"].to_pylist() == [None, "bob"]
    assert table["name"].to_pylist() == ["a", "b\\udcff"]  # which no UTF-8 can say


@pytest.mark.parametrize("count", [5, 1024, 1030])
def test_parquet_is_not_called_whole_after_a_write_that_failed(path, rows, monkeypatch, count):
    file = ParquetFile(path, 7, {})

    def full(table):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file._writer, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        fill(file, rows[:count])
    with pytest.raises(OSError, match="without its footer"):
        file.finish()
    file.close()
