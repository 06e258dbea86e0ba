# SPDX-License-Identifier: Apache-2.0
import json
import shutil

import numpy as np
import pytest

from mgn_fast import Embedder, Gallery, simulator
from mgn_fast.cli import main
from mgn_fast.evaluation.body_parts import compare_parts
from support import galleries
from support.tiny_model import FOREIGN, OWN_PARTS, write_tiny_model

pytestmark = pytest.mark.usefixtures("whole_command")


@pytest.fixture
def place(searched):
    return searched


def run(place, *words):
    return main(["search", str(place / "a.gallery"), *map(str, words)])


def found(capsys):
    return json.loads(capsys.readouterr().out)


SIMULATED = "the embeddings are of a simulated NPU"
KEEP = ("--same-picture", "keep")


def test_a_picture_is_sought_without_naming_the_model_and_itself_is_no_find(place, capsys):
    picture = place / "pictures" / "004.jpg"
    assert run(place, picture, "--depth", 3, *KEEP) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith("12 pictures in ")
    assert lines[1] == str(picture)
    assert lines[2] == "   1  0.0000  004.jpg"
    assert len(lines) == 5
    assert "note: 1 query has a picture at distance 0.0000" in captured.err
    assert run(place, picture, "--depth", 2) == 0
    captured = capsys.readouterr()
    assert [line.split()[2] for line in captured.out.splitlines()[2:]] == [
        line.split()[2] for line in lines[3:]
    ]
    assert "1 picture is left out of what was found" in captured.err


def test_json_has_all_of_it(place, capsys):
    assert run(place, place / "pictures", "--depth", 2, "--json", *KEEP) == 0
    said = found(capsys)
    assert said["num_pictures"] == 12
    assert said["index"] is None
    assert said["reranked"] is False
    assert len(said["queries"]) == 12
    first = said["queries"][3]["found"][0]
    assert first == {
        "rank": 1,
        "gallery": str(place / "a.gallery"),
        "place": 3,
        "name": "003.jpg",
        "distance": 0.0,
        "person": None,
        "camera": None,
    }


def test_embeddings_are_queries_too(place, capsys):
    assert run(place, place / "rows.npy", "--depth", 1, "--json") == 0
    said = found(capsys)
    assert [query["found"][0]["name"] for query in said["queries"]] == [
        f"{number:03}.jpg" for number in range(12)
    ]
    assert said["queries"][2]["name"] == f"{place / 'rows.npy'}#2"


def test_re_ranked_on_request_among_all_or_some(place, capsys):
    rows = np.load(place / "rows.npy")
    gallery = Gallery.load(place / "a.gallery")
    for words, options in ([], {}), (["--candidates", "6"], {"candidates": 6}):
        assert run(place, place / "rows.npy", "--rerank", "--depth", 4, "--json", *words) == 0
        said = found(capsys)
        assert said["reranked"] is True
        expected = gallery.search(rows, 4, rerank=True, **options)
        assert [[entry["place"] for entry in query["found"]] for query in said["queries"]] == (
            expected.indices.tolist()
        )


def test_parts_say_where_two_pictures_are_near(place, capsys):
    rows = np.load(place / "rows.npy")
    assert run(place, place / "rows.npy", "--parts", "--depth", 2, "--json") == 0
    entry = found(capsys)["queries"][0]["found"][1]
    (look,) = compare_parts(rows[0], rows[entry["place"]][None])
    assert [part["cosine"] for part in entry["parts"]] == pytest.approx(look.cosines)
    assert [part["contribution"] for part in entry["parts"]] == pytest.approx(look.contributions)
    assert entry["parts"][4]["name"] == "f1_p2"
    assert run(place, place / "rows.npy", "--parts", "--depth", 1) == 0
    line = capsys.readouterr().out.splitlines()[3]
    ones = {"whole": 3, "halves": 2, "thirds": 3}
    assert line.split() == [x for name, n in ones.items() for x in (name, *["1.000"] * n)]


def test_an_index_finds_the_same_and_tells_its_recall(place, capsys, tmp_path):
    words = [place / "rows.npy", "--depth", 3, "--json"]
    assert run(place, *words) == 0
    exact = found(capsys)["queries"]
    assert run(place, *words, "--index", tmp_path / "a.faiss") == 0
    captured = capsys.readouterr()
    assert "recall at 3 is 1.0000 of exact search, measured on 12 of 12 pictures" in captured.err
    said = json.loads(captured.out)
    assert said["queries"] == exact
    assert said["index"]["kind"] == "Flat"
    assert run(place, *words, "--index", tmp_path / "a.faiss", "--rerank", "--candidates", 6) == 0
    assert found(capsys)["reranked"] is True


def test_a_query_that_cannot_be_decoded_is_named_or_skipped(place, tmp_path, capsys):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    good = place / "pictures" / "001.jpg"
    assert run(place, bad, good) == 3
    assert "bad.jpg is no readable picture" in capsys.readouterr().err
    assert run(place, bad, good, "--on-error", "skip", "--json") == 0
    captured = capsys.readouterr()
    assert [query["name"] for query in json.loads(captured.out)["queries"]] == [str(good)]
    assert "skipped: " in captured.err
    assert run(place, bad, "--on-error", "skip") == 3


def test_a_name_cannot_command_the_terminal(tiny_model, tmp_path, capsys):
    folder = galleries.write_pictures(tmp_path / "in", 1)
    (folder / "000.jpg").rename(folder / "\x1b[31mred\n.jpg")
    with Embedder(tiny_model) as embedder:
        Gallery.add(tmp_path / "a.gallery", embedder, folder)
        np.save(tmp_path / "rows.npy", embedder(folder))
    assert run(tmp_path, tmp_path / "rows.npy") == 0
    assert capsys.readouterr().out.splitlines()[2].endswith(r"\x1b[31mred\n.jpg")


def test_another_model_is_refused(place, tmp_path, capsys):
    model = write_tiny_model(tmp_path / "other.onnx", seed=1)
    assert run(place, place / "pictures" / "001.jpg", "--model", model) == 3
    assert "expected at least 0.998" in capsys.readouterr().err


def test_a_gallery_without_mirrored_pictures_is_searched_without_them(place, tmp_path, capsys):
    words = ["embed", place / "pictures", "--model", place / "tiny.onnx", "--no-mirror"]
    assert main([*map(str, words), "-o", str(tmp_path / "a.gallery")]) == 0
    assert run(tmp_path, place / "pictures" / "001.jpg", "--depth", 1, *KEEP) == 0
    assert capsys.readouterr().out.endswith("   1  0.0000  001.jpg\n")
    assert run(place, place / "pictures" / "001.jpg", "--no-mirror") == 2
    assert "was embedded with the mirrored picture" in capsys.readouterr().err
    # Also by another file that says itself that it is added, and by a contract that says so.
    copy = shutil.copy(place / "tiny.onnx", tmp_path / "copy.onnx")
    for words in (["--model", copy], ["--contract", "recipe"]):
        words = ["--output-name", "features", *words]
        assert run(tmp_path, place / "pictures" / "001.jpg", "--depth", 1, *words, *KEEP) == 0
        assert capsys.readouterr().out.endswith("   1  0.0000  001.jpg\n")
    contract = tmp_path / "c.json"
    contract.write_text('{"mirror": "none"}')
    assert run(place, place / "pictures" / "001.jpg", "--contract", contract) == 2
    assert "was embedded with the mirrored picture" in capsys.readouterr().err


@pytest.mark.usefixtures("own_process")
def test_a_gallery_of_a_compiled_model_is_searched_on_the_simulator(place, tmp_path, capsys):
    compiled = tmp_path / "tiny.om"
    words = ["compile", place / "tiny.onnx", "-o", compiled, "--batch-sizes", "4", "--simulate"]
    assert main([*map(str, words)]) == 0
    words = ["embed", place / "pictures", "--model", compiled, "--simulate"]
    try:
        assert main([*map(str, words), "-o", str(tmp_path / "a.gallery")]) == 0
        words = ["--depth", 1, *KEEP, "--simulate"]
        page = tmp_path / "page.html"
        words += ["--html", page, "--pictures", place / "pictures"]
        assert run(tmp_path, place / "pictures" / "001.jpg", *words) == 0
        told = capsys.readouterr()
        assert "1  0.0000  001.jpg" in told.out
        assert f"note: {SIMULATED}\n" in told.err
        assert SIMULATED[4:] in page.read_text()
    finally:
        simulator.disable()


def test_a_model_that_moved_away_is_asked_for(place, tmp_path, capsys):
    (tmp_path / "a.gallery").write_bytes((place / "a.gallery").read_bytes())
    picture = place / "pictures" / "001.jpg"
    assert run(tmp_path, picture) == 2
    assert "give --model with the path of tiny.onnx" in capsys.readouterr().err
    assert run(tmp_path, picture, "--model", place / "tiny.onnx") == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["missing.jpg"], 3, "'missing.jpg' cannot be read"),
        (["rows.npy", "--depth", "0"], 2, "depth is 0"),
        ([], 2, "is the last word, expected queries behind the galleries"),
        (["rows.npy", "--threshold", "-1"], 2, "threshold is -1.0, expected a Euclidean distance"),
        (["rows.npy", "--threshold", "1", "--rerank"], 2, "leave one of --threshold and --rerank"),
        (["rows.npy", "--expand", "-1"], 2, "expand is -1"),
        (["rows.npy", "--csv", "x.txt"], 2, "expected '.csv'"),
        (["rows.npy", "--labels", "no.csv"], 3, "no.csv"),
        (["rows.npy", "--candidates", "5"], 2, "which only re-ranking takes; add --rerank"),
        (["rows.npy", "--rerank", "--index", "x.faiss"], 2, "expected --candidates too"),
        (["rows.npy", "--index", "x.faiss", "--recall", "2"], 2, "least_recall is 2.0"),
        (["rows.npy", "--index", "x.faiss", "--index-kind", "no"], 2, "FAISS does not take"),
        (["eye.npy"], 2, "'eye.npy' is 5 wide and the gallery 2048"),
    ],
)
def test_bad_arguments_end_with_their_code(
    place, capsys, monkeypatch, tmp_path, words, code, message
):
    np.save(tmp_path / "eye.npy", np.eye(2, 5))
    np.save(tmp_path / "rows.npy", np.load(place / "rows.npy"))
    monkeypatch.chdir(tmp_path)
    assert run(place, *words) == code
    assert message in capsys.readouterr().err


def test_other_galleries_are_refused_by_name(place, tmp_path, capsys):
    assert main(["search", str(tmp_path / "no.gallery"), "x.jpg"]) == 3
    assert "no.gallery' cannot be read" in capsys.readouterr().err
    assert main(["search", str(place / "rows.npy"), "x.jpg"]) == 3
    assert "rows.npy' is no gallery" in capsys.readouterr().err
    Gallery.of(np.eye(3, 5), ["x", "y", "z"]).save(tmp_path / "eye.gallery")
    assert main(["search", str(tmp_path / "eye.gallery"), str(place / "pictures" / "001.jpg")]) == 2
    assert "does not say which model made it" in capsys.readouterr().err
    Gallery.of(np.empty((0, 5)), []).save(tmp_path / "empty.gallery")
    assert main(["search", str(tmp_path / "empty.gallery"), str(place / "rows.npy")]) == 3
    assert "holds no pictures" in capsys.readouterr().err


@pytest.fixture(scope="module")
def foreign(tmp_path_factory, whole_command):
    """`m.onnx` that says nothing, `m.json` that states its contract, `a.gallery` by both."""
    place = tmp_path_factory.mktemp("foreign")
    write_tiny_model(place / "m.onnx", contract=OWN_PARTS, stored=False)
    (place / "m.json").write_text(OWN_PARTS.to_json())
    galleries.write_pictures(place / "pictures", 12)
    words = ["embed", place / "pictures", "--model", place / "m.onnx", "-o", place / "a.gallery"]
    assert main([*map(str, words), "--contract", str(place / "m.json")]) == 0
    return place


def test_a_gallery_remembers_the_contract_of_its_model(foreign, capsys):
    assert run(foreign, foreign / "pictures" / "004.jpg", "--depth", 2, "--json", *KEEP) == 0
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert said["queries"][0]["found"][0]["place"] == 4
    assert said["contract"]["colour"] == "BGR"
    assert said["contract_origin"].endswith(f"a.gallery' (there from {foreign / 'm.json'})")
    assert "m.onnx is from gallery" in captured.err


def test_a_stated_contract_must_be_the_gallerys(foreign, capsys):
    query, words = foreign / "pictures" / "004.jpg", ["--contract", foreign / "m.json"]
    assert run(foreign, query, *words, "--depth", 1) == 0
    assert "is from gallery" not in capsys.readouterr().err
    assert run(foreign, query, *words, "--colour", "RGB") == 3
    err = capsys.readouterr().err
    assert "embeds a test picture with cosine 0." in err
    assert "and has colour RGB instead of BGR" in err
    assert run(foreign, query, *words, "--size", "32x64") == 3
    assert "expected layout 'NCHW', height 64 and width 32" in capsys.readouterr().err


def test_parts_of_ones_own_are_told_by_name(foreign, capsys):
    query = foreign / "pictures" / "004.jpg"
    assert run(foreign, query, "--parts", "--depth", 1, *KEEP) == 0
    assert capsys.readouterr().out.splitlines()[3].split() == ["halves", "1.000", "upper", "1.000"]
    assert run(foreign, query, "--parts", "--depth", 1, "--json", *KEEP) == 0
    parts = found(capsys)["queries"][0]["found"][0]["parts"]
    assert [part["name"] for part in parts] == ["upper", "f1_p2"]
    assert sum(part["contribution"] for part in parts) == pytest.approx(1)


def test_parts_are_refused_where_there_are_none(tmp_path, capsys):
    """Before queries are embedded: the one given here is not there."""
    model = write_tiny_model(tmp_path / "m.onnx", contract=FOREIGN)
    with Embedder(model) as embedder:
        pictures = galleries.write_pictures(tmp_path / "pictures", 2)
        Gallery.add(tmp_path / "a.gallery", embedder, pictures)
    assert run(tmp_path, "missing.jpg", "--parts") == 2
    assert (
        f"a.gallery' has no parts by its contract, from gallery '{tmp_path}"
        in capsys.readouterr().err
    )
    Gallery.of(np.eye(3, 2048), ["x", "y", "z"]).save(tmp_path / "a.gallery")
    assert run(tmp_path, "missing.npy", "--parts") == 2
    assert "has no contract that would say what its parts are; only" in capsys.readouterr().err


def test_queries_of_an_unlike_contract_are_told_of(foreign, tmp_path, capsys):
    words = ["embed", foreign / "pictures", "--model", foreign / "m.onnx", "--colour", "RGB"]
    words += ["--contract", foreign / "m.json", "-o", tmp_path / "q.npy"]
    assert main([*map(str, words)]) == 0
    assert run(foreign, tmp_path / "q.npy") == 0
    assert "q.npy has colour RGB instead of BGR of " in capsys.readouterr().err


@pytest.fixture(scope="module")
def two(searched, tmp_path_factory):
    """`a.gallery` of six pictures with persons and `b.gallery` of six without."""
    place = tmp_path_factory.mktemp("two")
    pictures = sorted((searched / "pictures").iterdir())
    labels = {str(path): {"person": f"p{number}"} for number, path in enumerate(pictures)}
    with Embedder(searched / "tiny.onnx") as embedder:
        Gallery.add(place / "a.gallery", embedder, pictures[:6], labels=labels)
        Gallery.add(place / "b.gallery", embedder, pictures[6:])
    return place


def test_several_galleries_are_searched_as_one(place, two, capsys, tmp_path):
    file, words = tmp_path / "found.csv", [place / "rows.npy", "--depth", 4, "--json"]
    assert run(place, *words) == 0
    whole = found(capsys)["queries"]
    assert run(two, two / "b.gallery", *words, "--csv", file) == 0
    said = found(capsys)
    assert said["gallery"] is None
    assert said["galleries"] == [str(two / f"{name}.gallery") for name in "ab"]
    assert said["num_pictures"] == 12
    for query, alone in zip(said["queries"], whole, strict=True):
        for entry, other in zip(query["found"], alone["found"], strict=True):
            number = int(entry["name"][-7:-4])
            assert (number, entry["distance"]) == (other["place"], other["distance"])
            assert entry["gallery"] == said["galleries"][number >= 6]
            assert entry["place"] == number % 6
            assert entry["person"] == (f"p{number}" if number < 6 else None)
    lines = file.read_text().splitlines()
    assert lines[0] == "query,rank,gallery,name,distance,person,camera"
    assert len(lines) == 1 + 12 * 4
    assert run(two, two / "b.gallery", place / "pictures" / "001.jpg", "--depth", 1, *KEEP) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("   1  0.0000  ")
    assert line.endswith(f"001.jpg  (in {two / 'a.gallery'}, person p1)")


def test_an_index_is_of_one_gallery(place, two, capsys, tmp_path):
    words = [two / "b.gallery", place / "rows.npy", "--index", tmp_path / "a.faiss"]
    assert run(two, *words) == 2
    assert "--index is given and 2 galleries, and an index is of one" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_galleries_of_two_models_are_refused_by_name(place, two, capsys, tmp_path):
    Gallery.of(np.eye(2, 2048), ["x", "y"]).save(tmp_path / "rows.gallery")
    assert run(two, tmp_path / "rows.gallery", place / "rows.npy") == 3
    assert "the model is known of one only" in capsys.readouterr().err


def test_pictures_of_one_person_are_one_query(place, capsys):
    pictures = [place / "pictures" / f"{number:03}.jpg" for number in (1, 2, 3)]
    assert run(place, *pictures, "--together", "--depth", 12) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[1] == f"{pictures[0]} and 2 more"
    assert lines[2] == f"      of {', '.join(map(str, pictures))}"
    assert len(lines) == 3 + 9  # not the three themselves
    assert "1 query is of several pictures" in captured.err
    assert "3 pictures are left out" in captured.err


def test_a_threshold_ends_the_lists(place, capsys):
    words = [place / "pictures" / "001.jpg", "--json"]
    assert run(place, *words, "--depth", 12) == 0
    distances = [entry["distance"] for entry in found(capsys)["queries"][0]["found"]]
    assert len(distances) == 11
    assert run(place, *words, "--depth", 12, "--threshold", distances[4]) == 0
    said = found(capsys)
    assert [entry["distance"] for entry in said["queries"][0]["found"]] == distances[:5]
    assert said["threshold"] == distances[4]
    assert run(place, *words[:1], "--threshold", 0.0) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "      no picture within 0"


def test_a_table_is_there_whole_or_not_at_all(place, capsys, tmp_path):
    assert run(place, tmp_path / "no.jpg", "--csv", tmp_path / "a.csv") == 3
    assert run(place, place / "rows.npy", "--csv", tmp_path / "no" / "a.csv") == 2
    assert "cannot be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
