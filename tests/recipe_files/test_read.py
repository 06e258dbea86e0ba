# SPDX-License-Identifier: Apache-2.0
import os
import re

import numpy as np
import pytest

from mgn_fast import DatasetError
from mgn_fast.recipe_files.read import read_results
from support.bins_set import named_set, rows_of_runs, write_results
from support.tool_outputs import FORMATS, content, largest_errors, name_of, npy

TEXTS = [entry for entry in FORMATS if entry[1] == "txt"]


def fused(plain, mirrored):
    """The recipe's sum and normalisation, in float64."""
    total = plain.astype(np.float64) + mirrored
    return total / np.sqrt((total**2).sum(1, keepdims=True))


def written(tmp_path, tool, suffix, rows=None, **options):
    """ToolOutputs of the named set; the runs' directories."""
    return write_results(
        tmp_path, tool, suffix, rows_of_runs() if rows is None else rows, **options
    )


def first_file(places, tool, suffix, *, run=0, index=0, number=0):
    return places[run] / name_of(tool, suffix, index, number)


def refuse(tmp_path, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read_results(tmp_path, named_set())
    return str(caught.value)


@pytest.mark.parametrize(("tool", "suffix"), FORMATS)
@pytest.mark.parametrize("seed", range(2))
def test_plain_and_mirrored_are_added_and_normalised(tmp_path, tool, suffix, seed):
    rows = rows_of_runs(seed)
    written(tmp_path, tool, suffix, rows)
    got = read_results(tmp_path, named_set())
    assert (got.tool, got.suffix, got.num_outputs) == (tool, f".{suffix}", 3)
    assert got.output == (1 if tool == "benchmark" else 0)
    assert got.notes == ()
    for found, plain, mirrored in ((got.query, *rows[::2]), (got.gallery, *rows[1::2])):
        assert found.dtype == np.float32
        # What reading back loses moves a sum of length L by at most the two errors' lengths, and
        # normalising at most doubles that over L. float32 adds 2^-24 each for sum and quotient, and
        # for the length half the 512 steps that each lane takes to sum 2048 squares in four lanes.
        errors = [largest_errors(tool, suffix, run) for run in (plain, mirrored)]
        lost = sum(np.linalg.norm(error, axis=1) for error in errors)
        length = np.linalg.norm(plain.astype(np.float64) + mirrored, axis=1)
        away = np.linalg.norm(found - fused(plain, mirrored), axis=1)
        assert (away <= 2 * lost / length + (2 + 256) * 2.0**-24).all()
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(("tool", "suffix"), FORMATS)
def test_the_output_of_the_right_width_is_taken_whatever_its_number(tmp_path, tool, suffix):
    rows = rows_of_runs()
    written(tmp_path, tool, suffix, rows, first=(751, 256))
    got = read_results(tmp_path, named_set())
    assert got.output == (3 if tool == "benchmark" else 2)
    np.testing.assert_allclose(got.query, fused(*rows[::2]), atol=1e-6)


@pytest.mark.parametrize(("tool", "suffix"), FORMATS)
def test_of_several_of_the_right_width_the_first_is_taken(tmp_path, tool, suffix):
    written(tmp_path, tool, suffix, first=(2048, 2048))
    assert read_results(tmp_path, named_set()).output == (1 if tool == "benchmark" else 0)


@pytest.mark.parametrize(("tool", "suffix"), [f for f in FORMATS if f[1] != "txt"])
def test_float16_is_read_as_it_is(tmp_path, tool, suffix):
    rows = rows_of_runs(dtype=np.float16)
    written(tmp_path, tool, suffix, rows)
    got = read_results(tmp_path, named_set())
    np.testing.assert_allclose(got.gallery, fused(*rows[1::2]), atol=1e-6)


def test_the_order_of_the_names_is_the_datasets(tmp_path):
    rows = [np.zeros((count, 2048), np.float32) for count in (3, 5, 3, 5)]
    for run in rows:
        run[np.arange(len(run)), np.arange(len(run))] = 7  # row i has only its i-th number
    written(tmp_path, "ais_bench", "bin", rows)
    got = read_results(tmp_path, named_set())
    np.testing.assert_array_equal(got.query, np.eye(3, 2048))
    np.testing.assert_array_equal(got.gallery, np.eye(5, 2048))


def test_progress_ends_at_all_files(tmp_path):
    written(tmp_path, "msame", "bin")
    seen = []
    read_results(tmp_path, named_set(), progress=lambda *words: seen.append(words))
    assert seen == [("reading outputs", 16, 16)]


def test_mirrored_outputs_equal_to_the_plain_ones_are_noticed(tmp_path):
    rows = rows_of_runs()
    written(tmp_path, "benchmark", "txt", [*rows[:2], rows[0], rows[3]])
    (note,) = read_results(tmp_path, named_set()).notes
    assert "did the mirrored pictures run?" in note
    assert "q_bin_flip" in note


@pytest.mark.parametrize(("run", "name"), [(0, "q_bin"), (3, "g_bin_flip")])
def test_a_picture_without_output_is_named(tmp_path, run, name):
    places = written(tmp_path, "benchmark", "txt")
    first_file(places, "benchmark", "txt", run=run, index=1).unlink()
    text = refuse(tmp_path, "00001 is missing")
    assert name in text.split(" has output 1 of ")[0]
    counts = "2 and 3" if run == 0 else "5 and 4"
    assert f"plain and mirrored: {counts}" in text


def test_only_the_output_that_counts_has_to_be_there(tmp_path):
    places = written(tmp_path, "benchmark", "txt")
    first_file(places, "benchmark", "txt", run=2, index=1, number=2).unlink()
    read_results(tmp_path, named_set())


def test_more_outputs_than_pictures_are_refused(tmp_path):
    written(tmp_path, "ais_bench", "txt")
    with pytest.raises(
        DatasetError, match=r"of 5 pictures .* each of the 4 gallery .*00004 is none"
    ):
        read_results(tmp_path, named_set(gallery=4))


def test_query_and_gallery_in_each_others_place_are_refused(tmp_path):
    written(tmp_path, "ais_bench", "bin", [rows_of_runs()[i] for i in (1, 0, 3, 2)])
    refuse(tmp_path, "00003 is none of them")


def test_no_output_of_the_right_width_lists_what_there_is(tmp_path):
    rows = [run[:, :1024] for run in rows_of_runs()]
    written(tmp_path, "ais_bench", "txt", rows)
    refuse(
        tmp_path, "no output 2048 wide: of picture 00000, output 0 is 1024 x float32, 1 is 256 x"
    )


@pytest.mark.parametrize("suffix", ["txt", "bin"])
def test_a_batch_in_one_file_is_refused(tmp_path, suffix):
    """msame writes what one input file gave: a batch of three here, 3 x 2048 and 3 x 256."""
    rows = [np.tile(run, (1, 3)) for run in rows_of_runs()]
    places = written(tmp_path, "msame", suffix, rows)
    for place, run in zip(places, rows, strict=True):
        for index in range(len(run)):
            (place / name_of("msame", suffix, index, 1)).unlink()
            (place / name_of("msame", suffix, index, 2)).unlink()
    refuse(tmp_path, "6144 x float32; a whole batch in one file .* run a model of batch 1")


def test_batches_of_msame_that_look_like_pictures_are_refused_by_their_number(tmp_path):
    """Eight stripes 256 wide are as long as one embedding."""
    rows = [run[:1] for run in rows_of_runs()]
    written(tmp_path, "msame", "bin", rows)
    refuse(tmp_path, "of 1 pictures .* msame writes one file per batch")


def test_raw_outputs_that_could_both_be_the_embedding_are_refused(tmp_path):
    places = written(tmp_path, "ais_bench", "bin")
    for place in places:
        for path in place.glob("*_1.bin"):
            path.write_bytes(bytes(4096))
    refuse(tmp_path, r"outputs 0 \(2048 x float32\) and 1 \(2048 x float16\) and raw files do not")


@pytest.mark.parametrize("size", [0, 8191, 8188, 8193, 8196, 4096, 65536])
def test_a_raw_file_of_another_size_is_named(tmp_path, size):
    places = written(tmp_path, "benchmark", "bin")
    path = first_file(places, "benchmark", "bin", run=1, index=4)
    path.write_bytes(bytes(size))
    refuse(tmp_path, re.escape(f"{str(path)!r} has {size} bytes, expected 8192: 2048 x float32"))


@pytest.mark.parametrize(("tool", "suffix"), FORMATS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_named(tmp_path, tool, suffix, value):
    rows = rows_of_runs()
    rows[3][2, 2047] = value
    places = written(tmp_path, tool, suffix, rows)
    path = first_file(places, tool, suffix, run=3, index=2)
    refuse(tmp_path, re.escape(f"{str(path)!r} has {value} at position 2047, expected finite"))


def test_numbers_beyond_float32_are_not_finite(tmp_path):
    places = written(tmp_path, "benchmark", "txt")
    path = first_file(places, "benchmark", "txt")
    path.write_bytes(b"1e39 " + path.read_bytes().split(b" ", 1)[1])
    refuse(tmp_path, "has inf at position 0")


def test_a_picture_of_zeros_is_named(tmp_path):
    rows = rows_of_runs()
    rows[0][1] = rows[2][1] = 0
    places = written(tmp_path, "ais_bench", "npy", rows)
    path = first_file(places, "ais_bench", "npy", index=1)
    refuse(tmp_path, re.escape(f"{str(path)!r} and its mirrored one add up to length 0.0"))


def test_embeddings_too_long_for_float32_are_named(tmp_path):
    rows = rows_of_runs()
    rows[0][1] = 1e30
    written(tmp_path, "ais_bench", "bin", rows)
    refuse(tmp_path, "add up to length inf")


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize(("tool", "suffix"), TEXTS)
@pytest.mark.parametrize("word", ["x", "1.5-3", "1,2", "0x10", "1_0", "1.5f", "#", "1.2.3", "\x00"])
def test_text_that_is_no_number_is_named_with_its_place(tmp_path, tool, suffix, word):
    places = written(tmp_path, tool, suffix)
    path = first_file(places, tool, suffix, run=2, index=1)
    words = path.read_text().split(" ")
    words[1000] = word
    path.write_text(" ".join(words))
    text = refuse(tmp_path, re.escape(f"{str(path)!r} is no list of numbers: could not convert"))
    assert "column 1001" in text


@pytest.mark.parametrize("text", ["", " \n \n"])
def test_an_empty_text_is_named(tmp_path, text):
    places = written(tmp_path, "benchmark", "txt")
    first_file(places, "benchmark", "txt", index=2).write_text(text)
    refuse(tmp_path, r"00002_1\.txt' is empty, expected numbers")


@pytest.mark.parametrize(("tool", "suffix"), TEXTS)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_text_with_a_number_more_or_less_is_named(tmp_path, tool, suffix, change):
    places = written(tmp_path, tool, suffix)
    path = first_file(places, tool, suffix, index=1)
    words = [*path.read_text().split(), "1.0"][: 2048 + change]
    path.write_text(" ".join(words) + " ")
    refuse(tmp_path, rf"00001_.*txt' holds {2048 + change} x float32, expected 2048 x float32")


@pytest.mark.parametrize(
    ("tool", "cut"), [("msame", True), ("ais_bench", True), ("benchmark", False)]
)
def test_a_text_cut_inside_its_last_number_is_refused_where_the_tool_is_known(tmp_path, tool, cut):
    places = written(tmp_path, tool, "txt")
    path = first_file(places, tool, "txt", run=1)
    path.write_bytes(path.read_bytes().rstrip()[:-2])
    if cut:
        refuse(tmp_path, f"expected a space or line end, as {tool} writes after every number")
    else:
        read_results(tmp_path, named_set())


def test_text_may_stand_in_lines_and_in_any_of_the_usual_forms(tmp_path):
    places = written(tmp_path, "msame", "txt")
    words = ["1", "+2.5", ".5", "3.", "1e-05", "2E+2", "-0", "0.125"]
    first_file(places, "msame", "txt").write_text("".join(f"{word} \n" for word in words * 256))
    expected = np.array([1, 2.5, 0.5, 3, 1e-5, 200, 0, 0.125] * 256) + rows_of_runs()[2][0]
    got = read_results(tmp_path, named_set()).query[0]
    np.testing.assert_allclose(got, expected / np.linalg.norm(expected), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("shape", [(2048,), (1, 2048, 1, 1)])
def test_npy_of_any_version_and_shape_is_read(tmp_path, version, shape):
    rows = rows_of_runs()
    places = written(tmp_path, "ais_bench", "npy", rows)
    with first_file(places, "ais_bench", "npy").open("wb") as file:
        np.lib.format.write_array(file, rows[0][0].reshape(shape), version=version)
    np.testing.assert_allclose(
        read_results(tmp_path, named_set()).query, fused(*rows[::2]), atol=1e-6
    )


def damaged_npys():
    whole = npy(np.ones((1, 2048), np.float32))
    pickled = np.array([{"a": 1}] * 2048, dtype=object)
    file = whole[:8] + whole[8:].replace(b"2048", b"9999999999999"[:4])
    return {
        "cut": (whole[:-1], "claims float32 (1, 2048) and has 8191 bytes"),
        "longer": (whole + b"\0", "claims float32 (1, 2048) and has 8193 bytes"),
        "claims more": (file, "claims float32 (1, 9999) and has 8192 bytes"),
        "no magic": (b"x" + whole[1:], "is no readable .npy file"),
        "version 9": (whole[:6] + b"\x09" + whole[7:], "is no readable .npy file"),
        "empty": (b"", "is no readable .npy file"),
        "header cut": (whole[:40], "is no readable .npy file"),
        "header is code": (whole.replace(b"'<f4'", b"f(1) "), "is no readable .npy file"),
        "pickle": (npy(pickled), "claims object (2048,)"),
        "objects of the right size": (
            whole.replace(b"'<f4'", b"'|O' ")[: -4 * 2048] + bytes(8 * 2048),
            "claims object (1, 2048)",
        ),
        "float64": (npy(np.ones((1, 2048))), "holds 2048 x float64, expected 2048 x float32"),
        "integers": (npy(np.ones((1, 2048), np.int32)), "holds 2048 x int32"),
        "big endian": (npy(np.ones((1, 2048), ">f4")), "holds 2048 x >f4"),
        "two rows": (npy(np.ones((2, 2048), np.float32)), "holds 4096 x float32"),
        "float16 among float32": (npy(np.ones((1, 2048), np.float16)), "holds 2048 x float16"),
    }


@pytest.mark.parametrize(("data", "message"), damaged_npys().values(), ids=damaged_npys().keys())
def test_a_npy_that_is_not_what_it_says_is_named(tmp_path, data, message):
    places = written(tmp_path, "ais_bench", "npy")
    path = first_file(places, "ais_bench", "npy", run=1, index=3)
    path.write_bytes(data)
    assert refuse(tmp_path, re.escape(message)).startswith(repr(str(path)))


def test_float64_is_no_embedding_of_an_om(tmp_path):
    written(tmp_path, "ais_bench", "npy", rows_of_runs(dtype=np.float64))
    refuse(tmp_path, "no output 2048 wide: of picture 00000, output 0 is 2048 x float64")


def test_what_is_no_file_is_named(tmp_path):
    places = written(tmp_path, "ais_bench", "bin")
    path = first_file(places, "ais_bench", "bin", run=1)
    path.unlink()
    os.mkfifo(path)
    refuse(tmp_path, re.escape(f"{str(path)!r} cannot be read: no regular file"))
    path.unlink()
    path.symlink_to("nowhere")
    refuse(tmp_path, re.escape(f"{str(path)!r} cannot be read: No such file"))


def test_a_file_too_large_to_be_an_output_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("mgn_fast.recipe_files.read.MAX_FILE_BYTES", 10_000)
    places = written(tmp_path, "ais_bench", "bin")
    path = first_file(places, "ais_bench", "bin", run=3)
    path.write_bytes(bytes(10_001))
    refuse(tmp_path, re.escape(f"{str(path)!r} has 10001 bytes, expected at most 10000"))


def test_the_writer_for_tests_writes_as_the_tools_do():
    """benchmark: spaces between numbers; msame: six digits, a line end; ais_bench: six decimals."""
    values = np.array([0, 1234.5678, 1e-7], np.float32)
    assert content("benchmark", "txt", values) == b"0 1234.57 1e-07 "
    assert content("msame", "txt", values) == b"0 1234.57 1e-07 \n"
    assert content("ais_bench", "txt", values) == b"0.000000 1234.567749 0.000000 \n"
    assert name_of("benchmark", "txt", 12, 0) == "00012_1.txt"
    assert name_of("msame", "bin", 12, 0) == "00012_output_0.bin"
    assert name_of("ais_bench", "npy", 12, 0) == "00012_0.npy"
