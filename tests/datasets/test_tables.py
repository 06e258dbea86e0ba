# SPDX-License-Identifier: Apache-2.0
"""One table in every form; what is none is refused with the place in it."""

import json

import pytest

from mgn_fast import DatasetError, InvalidInputError
from mgn_fast.datasets.tables import read_table
from support.late import late

hypothesis = late("hypothesis")
st = late("hypothesis.strategies")
pandas = late("pandas")
pyarrow = late("pyarrow")
parquet = late("pyarrow.parquet")

ROWS = [
    {"path": "a, b.jpg", "person": "Ann", "camera": 3},
    {"path": "c.jpg", "person": "Bé", "camera": None},
]
EXPECTED = {"path": ["a, b.jpg", "c.jpg"], "person": ["Ann", "Bé"], "camera": ["3", ""]}
TEXTS = {
    "comma.csv": 'Path, person,camera\n"a, b.jpg",Ann,3\nc.jpg,Bé,\n',
    "semicolon.csv": "path;person;camera\r\na, b.jpg;Ann;3\r\nc.jpg;Bé;\r\n",
    "tab.csv": "path\tperson\tcamera\na, b.jpg\tAnn\t3\nc.jpg\tBé\t\n",
    "tab.tsv": "path\tperson\tcamera\na, b.jpg\tAnn\t3\nc.jpg\tBé\t\n",
    "list.json": json.dumps(ROWS),
    "columns.json": json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]}),
    "lines.jsonl": "\n".join(map(json.dumps, ROWS)) + "\n\n",
    "lines.ndjson": "\n".join(map(json.dumps, ROWS)),
}


def texts(table):
    return {name: table.text(name, may_lack=True) for name in table.columns}


@pytest.mark.parametrize("name", TEXTS)
def test_every_form_of_text(tmp_path, name):
    path = tmp_path / name
    path.write_text(TEXTS[name])
    table = read_table(path)
    assert texts(table) == EXPECTED
    assert table.directory == tmp_path
    assert len(table) == 2


def test_parquet_and_dataframes(tmp_path):
    frame = pandas.DataFrame(ROWS)  # in which cameras become 3.0 and NaN
    assert texts(read_table(frame)) == EXPECTED
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "t.parquet")
    assert texts(read_table(tmp_path / "t.parquet")) == EXPECTED
    nullable = frame.assign(camera=pandas.array([3, None], "Int64"))
    assert texts(read_table(nullable)) == EXPECTED
    assert texts(read_table(pyarrow.table({"path": ["a"]}).to_pandas())) == {"path": ["a"]}


def test_blank_lines_keep_the_numbers_of_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("path\n\na\n\nb\n")
    assert list(read_table(path).row_names) == ["line 3", "line 5"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", "a", r"labels '.*t\.txt' end in '.txt', expected .csv, .tsv"),
        ("t.csv", "a,b\n1\n", "line 2, are '1', expected 2 cells, one for each of a, b"),
        ("t.csv", "a,A\n1,2\n", "two columns 'a'"),
        ("t.csv", "", "have no rows"),
        ("t.csv", b"\xff\n", "are not UTF-8 at byte 0; save the file as UTF-8"),
        ("t.json", "[", "are no JSON"),
        ("t.json", "[" * 100_000, "are no JSON"),
        ("t.json", "7", "hold a int, expected a list of objects"),
        ("t.json", "[]", "have no rows"),
        ("t.json", "[[1]]", "entry 1, hold a list, expected an object"),
        ("t.json", '{"a": [1], "b": []}', "lists of unlike lengths: a 1, b 0"),
        ("t.json", '{"a": 1}', "hold a dict, expected a list of objects"),
        ("t.jsonl", '{"a": 1}\n{', "line 2, are no JSON"),
        ("t.jsonl", '{"a": 1}\n3\n', "line 2, hold a int"),
        ("t.parquet", b"PAR1" + bytes(20), "are no readable Parquet"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=message):
        read_table(path)


def test_a_missing_file_and_no_source_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"labels .*none\.csv' cannot be read: No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(InvalidInputError, match="source is 7, expected a path"):
        read_table(7)


def test_a_cell_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "t.json"
    path.write_text('[{"path": "a"}, {"path": ["b"]}]')
    with pytest.raises(DatasetError, match=r"entry 2, have \['b'\] as path, expected text or a n"):
        read_table(path).text("path")


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl", ".parquet"])
def test_any_bytes_are_a_table_or_refused(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"

    @hypothesis.settings(max_examples=150, deadline=None)
    @hypothesis.given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
    def reads_or_refuses(content):
        path.write_bytes(content)
        try:
            table = read_table(path)
            for name in table.columns:
                assert len(table.text(name, may_lack=True)) == len(table) > 0
        except DatasetError:
            pass

    reads_or_refuses()
