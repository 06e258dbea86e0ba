# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import Gallery, InvalidInputError, datasets
from mgn_fast.cli import evaluated_rows
from mgn_fast.cli.evaluated_rows import embeddings_of, rows_in
from mgn_fast.cli.program import build_parser
from mgn_fast.common import memory


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, whole_command):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=2)


def parsed(drawn, *words):
    return build_parser().parse_args(["evaluate", str(drawn.root), *map(str, words)])


def saved(drawn, folder, width=4):
    words = []
    for name, split in (("query", drawn.query), ("gallery", drawn.gallery)):
        rows = np.arange(len(split) * width, dtype=np.float32).reshape(len(split), width)
        np.save(folder / f"{name}.npy", rows[::-1])
        (folder / f"{name}.txt").write_text("\n".join(reversed(split.names)))
        words += [f"--{name}", folder / f"{name}.npy"]
    return words


def test_rows_of_files_come_in_the_order_of_the_pictures(drawn, tmp_path):
    rows = embeddings_of(parsed(drawn, *saved(drawn, tmp_path)), drawn)
    assert rows.query[:, 0].tolist() == [4 * place for place in range(len(drawn.query))]
    assert rows.gallery[:, 0].tolist() == [4 * place for place in range(len(drawn.gallery))]
    assert (rows.contract, rows.notes) == (None, ())


def test_files_without_names_are_noted(drawn, tmp_path):
    words = saved(drawn, tmp_path)
    for name in ("query", "gallery"):
        (tmp_path / f"{name}.txt").unlink()
    notes = embeddings_of(parsed(drawn, *words), drawn).notes
    assert len(notes) == 2
    assert all("has no names; its rows are taken in order" in note for note in notes)


def test_a_model_embeds_a_set_that_is_not_split_once(tmp_path, drawn, tiny_model):
    for place, path in enumerate(drawn.gallery.paths[:4]):
        (tmp_path / str(place % 2)).mkdir(exist_ok=True)
        (tmp_path / str(place % 2) / path.name).write_bytes(path.read_bytes())
    own = datasets.load_dataset(tmp_path, "folders")
    rows = embeddings_of(parsed(drawn, "--model", tiny_model), own)
    assert rows.query is rows.gallery
    assert rows.contract.embedding_width == rows.query.shape[1]


def test_what_does_not_fit_is_refused(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 1 << 20)
    monkeypatch.setattr(evaluated_rows, "available_bytes", lambda: 1 << 20)
    with pytest.raises(InvalidInputError, match="plain evaluation needs about"):
        embeddings_of(parsed(drawn, *saved(drawn, tmp_path)), drawn)


def test_a_gallerys_rows_are_named_by_their_paths(tmp_path):
    rows = np.eye(3, dtype=np.float32)
    gallery = Gallery.of(rows, ["c", "a", "b"])
    gallery.save(tmp_path / "g.gallery")
    read = rows_in(tmp_path / "g.gallery")
    np.testing.assert_array_equal(read.rows, rows)
    assert [Path(name).name for name in read.names] == ["c", "a", "b"]
    np.save(tmp_path / "q.npy", rows)
    assert rows_in(tmp_path / "q.npy").names is None
