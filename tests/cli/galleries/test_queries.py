# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import Gallery, InvalidInputError
from mgn_fast.cli import main
from mgn_fast.cli.galleries.queries import queries_of
from mgn_fast.cli.program import build_parser
from mgn_fast.gallery import mean_embedding


def parsed(place, *words):
    words = ["search", str(place / "a.gallery"), *map(str, words)]
    arguments = build_parser().parse_args(words)
    arguments.queries = arguments.words[1:]
    return arguments


@pytest.fixture
def gallery(searched):
    return Gallery.load(searched / "a.gallery")


@pytest.fixture
def seek(searched, gallery):
    return lambda *words: queries_of(parsed(searched, *words), gallery)


@pytest.fixture
def rows(searched):
    return np.load(searched / "rows.npy")


def test_embeddings_come_first_then_pictures_in_order(searched, seek, rows):
    pictures = [searched / "pictures" / name for name in ("007.jpg", "002.jpg")]
    queries = seek(*pictures, searched / "rows.npy")
    assert queries.names[0] == f"{searched / 'rows.npy'}#0"
    assert queries.names[12:] == [str(path) for path in pictures]
    assert [one.path for (one,) in queries.pictures[11:]] == [None, *pictures]
    np.testing.assert_allclose(queries.rows[12:], rows[[7, 2]], atol=1e-6)


def test_a_picture_is_known_by_its_bytes_and_an_embedding_is_not(searched, seek, gallery):
    queries = seek(searched / "pictures" / "003.jpg", searched / "rows.npy")
    assert queries.pictures[12][0].sha256 == gallery.sha256(3)
    assert queries.pictures[0][0].sha256 is None


def test_embeddings_with_names_keep_them(searched, seek, tmp_path):
    words = ["embed", searched / "pictures", "--model", searched / "tiny.onnx"]
    assert main([*map(str, words), "-o", str(tmp_path / "named.npy")]) == 0
    assert seek(tmp_path / "named.npy").names == [f"{number:03}.jpg" for number in range(12)]


def test_embeddings_of_another_width_are_refused(seek, tmp_path):
    np.save(tmp_path / "narrow.npy", np.ones((2, 5)))
    with pytest.raises(InvalidInputError, match=r"narrow.npy' is 5 wide and the gallery 2048"):
        seek(tmp_path / "narrow.npy")


def labels(tmp_path, searched, *lines):
    path = tmp_path / "labels.csv"
    folder = searched / "pictures"
    path.write_text("\n".join(["path,person,camera", *(f"{folder}/{line}" for line in lines)]))
    return path


def test_labels_of_a_file_are_known_by_path(searched, seek, tmp_path):
    file = labels(tmp_path, searched, "001.jpg,ann,2", "002.jpg,bob,1")
    (tmp_path / "link").symlink_to(searched / "pictures")
    pictures = [tmp_path / "link" / "002.jpg", searched / "pictures" / "005.jpg"]
    queries = seek(*pictures, "--labels", file)
    assert queries.known(0) == {"person": "bob", "camera": "1"}
    assert queries.known(1) == {}


def test_labels_that_list_no_query_are_said_to(searched, seek, tmp_path, capsys):
    file = labels(tmp_path, searched, "001.jpg,ann,2")
    seek(searched / "pictures" / "002.jpg", "--labels", file)
    assert "labels.csv lists none of the queries" in capsys.readouterr().err


def test_labels_of_parts_of_pictures_are_refused(searched, seek, tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("path,person,x,y,w,h\na.jpg,ann,0,0,9,9\n")
    with pytest.raises(InvalidInputError, match="has boxes, parts of pictures"):
        seek(searched / "pictures" / "002.jpg", "--labels", path)


@pytest.fixture
def folders(searched, tmp_path):
    """Two directories with two pictures each."""
    for name, numbers in (("ann", (1, 2)), ("bob", (5, 6))):
        (tmp_path / name).mkdir()
        for number in numbers:
            path = tmp_path / name / f"{number:03}.jpg"
            path.write_bytes((searched / "pictures" / path.name).read_bytes())
    return tmp_path


def test_together_a_directory_is_a_query_and_so_are_pictures_named_themselves(
    searched, seek, folders, rows
):
    alone = [searched / "pictures" / name for name in ("009.jpg", "010.jpg", "011.jpg")]
    queries = seek(folders / "bob", folders / "ann", *alone, searched / "rows.npy", "--together")
    assert queries.names == [
        str(searched / "rows.npy"),
        str(folders / "bob"),
        str(folders / "ann"),
        f"{alone[0]} and 2 more",
    ]
    assert [len(pictures) for pictures in queries.pictures] == [12, 2, 2, 3]
    assert [one.name for one in queries.pictures[3]] == [str(path) for path in alone]
    for row, places in zip(queries.rows, (range(12), (5, 6), (1, 2), (9, 10, 11)), strict=True):
        np.testing.assert_allclose(row, mean_embedding(rows[list(places)]), atol=1e-6)


def test_together_one_picture_is_itself(searched, seek, rows):
    picture = searched / "pictures" / "004.jpg"
    queries = seek(picture, "--together")
    assert queries.names == [str(picture)]
    np.testing.assert_allclose(queries.rows[0], rows[4], atol=1e-6)


def test_together_with_labels_a_person_is_a_query(searched, seek, tmp_path, rows):
    file = labels(tmp_path, searched, "001.jpg,ann,2", "002.jpg,bob,1", "003.jpg,ann,1")
    pictures = [searched / "pictures" / f"{number:03}.jpg" for number in (1, 2, 3)]
    queries = seek(*pictures, "--labels", file, "--together")
    assert queries.names == ["person ann", "person bob"]
    assert queries.known(0) == {"person": "ann"}  # by two cameras
    assert queries.known(1) == {"person": "bob", "camera": "1"}
    np.testing.assert_allclose(queries.rows[0], mean_embedding(rows[[1, 3]]), atol=1e-6)
    with pytest.raises(InvalidInputError, match=r"does not list '.*004.jpg'; list it"):
        seek(pictures[0], searched / "pictures" / "004.jpg", "--labels", file, "--together")
