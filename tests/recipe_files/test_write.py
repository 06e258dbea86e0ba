# SPDX-License-Identifier: Apache-2.0
import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mgn_fast import DecodeError, InvalidInputError, datasets, load_dataset
from mgn_fast.recipe_files.log import LOG_NAME, BinsLog, Proof
from mgn_fast.recipe_files.runs import BIN_BYTES, RUNS, pictures_of
from mgn_fast.recipe_files.write import write_bins
from oracles.pixels import normalised, pillow
from support.bins_set import named_set, rewritten, state, tensors
from support.late import late

Image = late("PIL.Image")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=2)


@pytest.fixture
def own(dataset, tmp_path):
    """A copy whose pictures a test may change."""
    shutil.copytree(dataset.root, tmp_path / "own")
    return load_dataset(tmp_path / "own", kind="synthetic")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "data"


def test_every_picture_is_the_recipes_tensor_plain_and_mirrored(dataset, out):
    done = write_bins(dataset, out)
    for plain, mirrored in zip(RUNS[:2], RUNS[2:], strict=True):
        for index, path in enumerate(pictures_of(dataset, plain)):
            pixels = np.asarray(Image.open(path).convert("RGB"))
            expected = normalised(pillow(pixels, 384, 128)).astype("<f4")
            name = f"{index:05d}.bin"
            assert (out / plain.folder / name).read_bytes() == expected.tobytes()
            flipped = expected[:, :, ::-1].tobytes()
            assert (out / mirrored.folder / name).read_bytes() == flipped != expected.tobytes()
    count = 2 * (len(dataset.query) + len(dataset.gallery))
    assert len(tensors(out)) == count
    assert (done.num_files, done.num_kept, done.num_bytes) == (count, 0, count * BIN_BYTES)


@pytest.mark.parametrize(("recipe_order", "sizes"), [(False, "128 384"), (True, "384 128")])
def test_info_files_list_the_tensors_in_order(dataset, out, recipe_order, sizes):
    done = write_bins(dataset, out, recipe_order=recipe_order)
    assert done.info_paths == tuple(out / run.info for run in RUNS)
    for run in RUNS:
        lines = (out / run.info).read_text().splitlines()
        assert len(lines) == len(pictures_of(dataset, run))
        for index, line in enumerate(lines):
            assert line == f"{index} {out}/{run.folder}/{index:05d}.bin {sizes}"


def test_nothing_else_is_left(dataset, out):
    write_bins(dataset, out)
    names = {run.info for run in RUNS} | {"bin_data", "bin_data_flip", LOG_NAME}
    assert {path.name for path in out.iterdir()} == names


def test_workers_make_no_difference(dataset, tmp_path):
    for workers in (1, 3):
        write_bins(dataset, tmp_path / str(workers), workers=workers)
    one, three = (tensors(tmp_path / str(workers)) for workers in (1, 3))
    assert one.keys() == three.keys()
    assert all(one[name].read_bytes() == three[name].read_bytes() for name in one)


def test_a_second_run_writes_nothing_but_the_info_files(dataset, out):
    write_bins(dataset, out)
    before = state(out)
    log = (out / LOG_NAME).read_bytes()
    done = write_bins(dataset, out, recipe_order=True)
    assert done.num_kept == done.num_files == len(before)
    assert state(out) == before
    assert (out / LOG_NAME).read_bytes() == log
    assert (out / "q_bin.info").read_text().endswith(" 384 128\n")


def spoil_by_deleting(path):
    path.unlink()


def spoil_by_cutting(path):
    path.write_bytes(path.read_bytes()[:-1])


def spoil_by_writing(path):
    path.write_bytes(bytes(BIN_BYTES))


def spoil_by_time(path):
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("name", ["bin_data/q/00001.bin", "bin_data_flip/g/00003.bin"])
@pytest.mark.parametrize(
    "spoil", [spoil_by_deleting, spoil_by_cutting, spoil_by_writing, spoil_by_time]
)
def test_a_tensor_that_is_not_as_it_was_is_written_again(dataset, out, spoil, name):
    write_bins(dataset, out)
    before, content = state(out), (out / name).read_bytes()
    spoil(out / name)
    done = write_bins(dataset, out)
    assert done.num_files - done.num_kept == 2
    pair = {name, re.sub("bin_data(_flip)?", "bin_data", name)}
    pair |= {entry.replace("bin_data/", "bin_data_flip/") for entry in pair}
    assert rewritten(before, state(out)) == pair
    assert (out / name).read_bytes() == content


def test_a_picture_that_has_changed_is_written_again(own, out):
    write_bins(own, out)
    before = state(out)
    path = own.gallery.paths[2]
    times = path.stat()
    path.write_bytes(own.gallery.paths[3].read_bytes())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # its time alone would not tell
    write_bins(own, out)
    assert rewritten(before, state(out)) == {"bin_data/g/00002.bin", "bin_data_flip/g/00002.bin"}
    same = [(out / "bin_data" / "g" / f"{index:05d}.bin").read_bytes() for index in (2, 3)]
    assert same[0] == same[1]


def test_a_picture_that_moves_up_takes_its_new_place(own, out):
    write_bins(own, out)
    last = {run.folder: sorted((out / run.folder).iterdir())[-1] for run in RUNS}
    second = (out / "bin_data" / "q" / "00001.bin").read_bytes()
    own.query.paths[0].unlink()
    fewer = load_dataset(own.root, kind="synthetic")
    with pytest.raises(InvalidInputError, match="1 entries that are no tensors of this dataset"):
        write_bins(fewer, out)
    for folder in ("bin_data/q", "bin_data_flip/q"):
        last[folder].unlink()
    done = write_bins(fewer, out)
    assert done.num_kept == 2 * len(fewer.gallery)
    assert (out / "bin_data" / "q" / "00000.bin").read_bytes() == second


def test_no_line_vouches_for_tensors_that_are_not_there(dataset, out):
    write_bins(dataset, out)
    pair = [out / folder / "q" / "00000.bin" for folder in ("bin_data", "bin_data_flip")]
    for path in pair:
        path.unlink()
    with BinsLog(out) as log:
        log.add("query", 0, "", Proof(log.proofs["query", 0].sha256, (-1, -1)))
    write_bins(dataset, out)
    assert all(path.stat().st_size == BIN_BYTES for path in pair)


def test_without_its_log_nothing_is_trusted(dataset, out):
    write_bins(dataset, out)
    (out / LOG_NAME).unlink()
    assert write_bins(dataset, out).num_kept == 0


def disk_with(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))


def test_the_published_set_needs_23_gb_and_nothing_is_begun_without_them(monkeypatch, out):
    disk_with(monkeypatch, 22_000_000_000)
    market = named_set(query=3368, gallery=15913)
    with pytest.raises(
        InvalidInputError, match=r"need 22\.79 GB, and the disk of .* 22\.00 GB free"
    ):
        write_bins(market, out, workers=1)
    assert not out.exists()


def test_what_is_there_needs_no_room_again(monkeypatch, dataset, out):
    write_bins(dataset, out)
    (out / "bin_data" / "q" / "00000.bin").unlink()
    disk_with(monkeypatch, 8 * BIN_BYTES)
    assert write_bins(dataset, out, workers=1).num_kept > 0
    disk_with(monkeypatch, BIN_BYTES)
    with pytest.raises(InvalidInputError, match=r"the tensors need 0\.00 GB"):
        write_bins(dataset, out, workers=1)


def test_a_linked_directory_is_measured_on_its_own_disk(monkeypatch, dataset, tmp_path, out):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out.mkdir()
    (out / "bin_data_flip").symlink_to(elsewhere)
    disks = {os.path.realpath(out): 1, os.path.realpath(elsewhere): 2}
    real = Path.stat

    def stat(path, **options):
        found, disk = real(path, **options), disks.get(os.path.realpath(path))
        return SimpleNamespace(st_dev=disk, st_mode=found.st_mode) if disk else found

    def usage(path):
        return SimpleNamespace(free=[10**9, 10**6][disks[os.path.realpath(path)] - 1])

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(InvalidInputError, match=r"the disk of '.*bin_data_flip' has 0\.00 GB free"):
        write_bins(dataset, out)
    monkeypatch.undo()
    write_bins(dataset, out)
    assert len(list(elsewhere.glob("*/*.bin"))) == len(dataset.query) + len(dataset.gallery)


@pytest.mark.parametrize("name", ["notes.txt", "99999.bin", "0.bin", "sub"])
def test_other_entries_among_the_tensors_are_refused(dataset, out, name):
    folder = out / "bin_data" / "g"
    folder.mkdir(parents=True)
    (folder / name).mkdir()
    with pytest.raises(InvalidInputError, match=f"the first {name!r}; remove them, or choose"):
        write_bins(dataset, out)
    assert tensors(out).keys() == {f"bin_data/g/{name}"}


@pytest.mark.parametrize("name", ["a b", "a\nb", "a\tb", "a\u00a0b", "a\x1bb", "a\udcffb"])
def test_names_that_an_info_file_cannot_hold_are_refused(dataset, tmp_path, name):
    with pytest.raises(InvalidInputError, match="has a space or control character"):
        write_bins(dataset, tmp_path / name)
    assert not os.path.lexists(tmp_path / name)


def test_outputs_that_cannot_be_directories_are_named(dataset, tmp_path, out):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="file' is a file, expected a directory"):
        write_bins(dataset, tmp_path / "file")
    with pytest.raises(InvalidInputError, match=r"cannot be made: '.*missing' is not there"):
        write_bins(dataset, tmp_path / "missing" / "data")
    out.mkdir()
    (out / "bin_data").touch()
    with pytest.raises(InvalidInputError, match=r"bin_data/q' cannot be written: "):
        write_bins(dataset, out)
    (out / "bin_data").unlink()
    (out / LOG_NAME).mkdir()
    with pytest.raises(InvalidInputError, match=rf"{LOG_NAME}' cannot be written: Is a directory"):
        write_bins(dataset, out)


def test_a_second_run_at_the_same_time_is_refused(dataset, out):
    out.mkdir()
    with BinsLog(out), pytest.raises(InvalidInputError, match="another process"):
        write_bins(dataset, out)


@pytest.mark.parametrize(("damage", "message"), [(b"", "is no readable"), (None, "cannot be read")])
def test_a_picture_that_cannot_be_read_is_named_and_no_info_file_written(own, out, damage, message):
    write_bins(own, out)
    path = own.query.paths[1]
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(DecodeError, match=f"{re.escape(path.name)}.* {message}"):
        write_bins(own, out)
    assert not list(out.glob("*.info"))


@pytest.mark.parametrize("workers", [0, 1.5, True])
def test_workers_are_checked(dataset, out, workers):
    with pytest.raises(InvalidInputError, match="workers is "):
        write_bins(dataset, out, workers=workers)


def test_progress_counts_pictures(dataset, out):
    seen = []
    write_bins(dataset, out, progress=lambda *words: seen.append(words))
    count = len(dataset.query) + len(dataset.gallery)
    assert seen == [("writing tensors", done, count) for done in range(1, count + 1)]


def test_the_log_names_each_picture(dataset, out):
    write_bins(dataset, out)
    lines = [json.loads(line) for line in (out / LOG_NAME).read_text().splitlines()]
    names = {(line["split"], line["index"]): line["picture"] for line in lines}
    assert names["gallery", 3] == dataset.gallery.paths[3].name
    assert len(names) == len(dataset.query) + len(dataset.gallery)
