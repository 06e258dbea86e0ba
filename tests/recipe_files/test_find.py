# SPDX-License-Identifier: Apache-2.0
import re
import shutil
from pathlib import Path

import pytest

from mgn_fast import DatasetError
from mgn_fast.recipe_files.find import find_outputs
from mgn_fast.recipe_files.runs import RUNS
from support.bins_set import COUNTS, rows_of_runs, write_results
from support.tool_outputs import FORMATS, folders


@pytest.fixture(scope="module")
def rows():
    return [run[:, :8] for run in rows_of_runs()]  # narrow: only names count here


@pytest.fixture
def benchmark(tmp_path, rows):
    write_results(tmp_path, "benchmark", "txt", rows)
    return tmp_path


@pytest.mark.parametrize(("tool", "suffix"), FORMATS)
def test_each_tool_is_known_by_its_names(tmp_path, rows, tool, suffix):
    places = write_results(tmp_path, tool, suffix, rows)
    found = find_outputs(tmp_path)
    first = 1 if tool == "benchmark" else 0
    for outputs, run, place in zip(found, RUNS, places, strict=True):
        assert outputs.run is run
        assert (outputs.tool, outputs.suffix) == (tool, f".{suffix}")
        assert sorted(outputs.files) == [first, first + 1, first + 2]
        for files in outputs.files.values():
            assert sorted(files) == list(range(COUNTS[run.split]))
            for index, path in files.items():
                assert Path(path).parent == place
                assert Path(path).name.startswith(f"{index:05d}_")
                assert Path(path).is_file()


def test_the_directory_above_result_will_do(tmp_path, rows):
    write_results(tmp_path / "result", "benchmark", "txt", rows)
    assert find_outputs(tmp_path) == find_outputs(tmp_path / "result")


def test_flip_may_be_spelled_right(tmp_path, rows):
    write_results(tmp_path, "ais_bench", "bin", rows)
    for split in "qg":
        (tmp_path / f"{split}_filp").rename(tmp_path / f"{split}_flip")
    assert [outputs.place.name for outputs in find_outputs(tmp_path)] == [
        "q_out",
        "g_out",
        "q_flip",
        "g_flip",
    ]


def test_a_directory_by_time_and_several_devices_are_joined(tmp_path, rows):
    for place in write_results(tmp_path, "ais_bench", "bin", rows):
        for index, path in enumerate(sorted(place.glob("*.bin"))):
            folder = place / "2026_11_23-01_02_03" / f"device{index // 3 % 2}"
            folder.mkdir(parents=True, exist_ok=True)
            path.rename(folder / path.name)
    found = find_outputs(tmp_path)
    assert [len(outputs.files[0]) for outputs in found] == [3, 5, 3, 5]


def test_other_files_beside_the_outputs_are_left_alone(benchmark):
    for name in (
        "sumary.json",
        "notes.txt",
        "0000_1.txt",
        "000000_1.txt",
        "00000_x.txt",
        "1_1.txt",
    ):
        (benchmark / "q_bin" / "dumpOutput_device0" / name).write_text("nothing")
    assert [len(outputs.files[1]) for outputs in find_outputs(benchmark)] == [3, 5, 3, 5]


def test_a_part_that_is_missing_is_named(benchmark):
    shutil.rmtree(benchmark / "g_bin_flip")
    with pytest.raises(DatasetError, match="has no g_bin_flip or g_filp or g_flip, expected the "):
        find_outputs(benchmark)


def test_a_part_that_is_there_twice_is_refused(benchmark):
    (benchmark / "q_out").mkdir()
    with pytest.raises(DatasetError, match="has q_bin and q_out, expected one for query plain"):
        find_outputs(benchmark)


def test_a_part_without_outputs_shows_the_tools_names(benchmark):
    shutil.rmtree(benchmark / "q_bin" / "dumpOutput_device0")
    with pytest.raises(DatasetError, match=r"holds no outputs, expected files like 00000_1\.txt"):
        find_outputs(benchmark)


def test_no_directory_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"'.*missing' is no directory"):
        find_outputs(tmp_path / "missing")


def test_two_runs_under_one_part_are_refused(tmp_path, rows):
    place = write_results(tmp_path, "msame", "bin", rows)[0]
    shutil.copytree(place, place.parent / "2026113_9_9_9_9")
    with pytest.raises(
        DatasetError, match=r"holds outputs of 2 runs .*9_9_9_9.* remove the others"
    ):
        find_outputs(tmp_path)


def test_devices_of_two_runs_are_refused(tmp_path, rows):
    for place in write_results(tmp_path, "ais_bench", "bin", rows):
        for index, path in enumerate(sorted(place.glob("*.bin"))):
            folder = place / f"2026_11_23-01_02_0{index // 3 % 2}" / "device0"
            folder.mkdir(parents=True, exist_ok=True)
            path.rename(folder / path.name)
    with pytest.raises(DatasetError, match="outputs of 2 runs"):
        find_outputs(tmp_path)


def test_a_run_above_another_is_refused(benchmark):
    place = folders("benchmark", benchmark)[0]
    shutil.copy(place / "00000_1.txt", benchmark / "q_bin")
    with pytest.raises(DatasetError, match="outputs of 2 runs"):
        find_outputs(benchmark)


def test_the_same_picture_on_two_devices_is_refused(benchmark):
    place = folders("benchmark", benchmark)[0]
    shutil.copytree(place, place.parent / "dumpOutput_device1")
    with pytest.raises(DatasetError, match="are the same output of the same picture"):
        find_outputs(benchmark)


@pytest.mark.parametrize("name", ["00000_output_0.txt", "00000_1.bin"])
def test_names_of_two_tools_or_formats_in_one_place_are_refused(benchmark, name):
    (folders("benchmark", benchmark)[2] / name).write_text("1")
    with pytest.raises(DatasetError, match=r"outputs of two tools or formats; remove one kind"):
        find_outputs(benchmark)


@pytest.mark.parametrize(("tool", "suffix"), [("ais_bench", "txt"), ("benchmark", "bin")])
def test_parts_by_two_tools_or_in_two_formats_are_refused(tmp_path, rows, tool, suffix):
    write_results(tmp_path / "a", "benchmark", "txt", rows)
    others = write_results(tmp_path / "b", tool, suffix, rows)
    target = folders("benchmark", tmp_path / "a")[3]
    shutil.rmtree(target)
    shutil.copytree(others[3], target)
    message = (
        rf"holds \.txt files of benchmark and .* \.{suffix} files of {tool}, expected all four"
    )
    with pytest.raises(DatasetError, match=message):
        find_outputs(tmp_path / "a")


@pytest.mark.parametrize("name", ["00000_2.txt", "00000_1.npy", "00000_output_0.npy"])
def test_numbers_that_no_tool_begins_with_are_refused(tmp_path, rows, name):
    for place in folders("ais_bench", tmp_path):
        place.mkdir()
        (place / name).write_text("1")
    with pytest.raises(DatasetError, match=re.escape(f"files like '{name}'")):
        find_outputs(tmp_path)
