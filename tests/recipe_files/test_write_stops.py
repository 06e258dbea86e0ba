# SPDX-License-Identifier: Apache-2.0
"""`write_bins` interrupted, killed, and on a disk that fills up."""

import resource
import signal
import subprocess
import sys
import time

import pytest

from mgn_fast import InvalidInputError, datasets
from mgn_fast.pictures import pixels
from mgn_fast.recipe_files.runs import BIN_BYTES
from mgn_fast.recipe_files.write import write_bins
from support.bins_set import rewritten, state, tensors


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=2)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "data"


class Stop(BaseException):
    """Ctrl-C at a moment of the test's choosing."""


@pytest.mark.parametrize("after", [1, 5])
def test_an_interrupted_run_goes_on_where_it_was(dataset, out, after):
    def stop(stage, done, total):
        if done == after:
            raise Stop

    with pytest.raises(Stop):
        write_bins(dataset, out, workers=1, progress=stop)
    assert not list(out.glob("*.info"))
    assert all(path.stat().st_size == BIN_BYTES for path in tensors(out).values())
    before = state(out)
    done = write_bins(dataset, out)
    assert done.num_kept >= 2 * after
    assert len(before.keys() - rewritten(before, state(out))) == done.num_kept
    assert len(list(out.glob("*.info"))) == 4


def test_what_waits_for_a_worker_is_not_begun_after_an_interrupt(dataset, out, monkeypatch):
    def slowly(path, decode=pixels.decode):
        time.sleep(0.1)
        return decode(path)

    def stop(stage, done, total):
        raise Stop

    monkeypatch.setattr(pixels, "decode", slowly)
    with pytest.raises(Stop):
        write_bins(dataset, out, workers=1, progress=stop)
    assert len(tensors(out)) <= 4  # the first picture's, and those of the one under way


KILLED = """
import sys, time
from mgn_fast import load_dataset
from mgn_fast.recipe_files import write

def stall(file_path, tensor, finish=write._write_tensor):
    if file_path.stem == "00004":
        file_path.with_name(".00004.partial").write_bytes(b"half")
        print("half way", flush=True)
        time.sleep(60)
    finish(file_path, tensor)

write._write_tensor = stall
write.write_bins(load_dataset(sys.argv[1], kind="synthetic"), sys.argv[2], workers=1)
"""


@pytest.mark.usefixtures("own_process")
def test_a_run_that_was_killed_leaves_no_half_tensor_under_its_name(dataset, out):
    words = [sys.executable, "-c", KILLED, str(dataset.root), str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half way\n"
        with pytest.raises(InvalidInputError, match="is being written by another process"):
            write_bins(dataset, out)
        process.send_signal(signal.SIGKILL)
    left = sorted(path.name for path in (out / "bin_data" / "q").iterdir())
    assert left == [".00004.partial", "00000.bin", "00001.bin", "00002.bin", "00003.bin"]
    assert not list(out.glob("*.info"))
    # Whether the line of the fourth picture was written before the signal came is chance.
    assert write_bins(dataset, out).num_kept in (6, 8)
    assert not list(out.rglob("*.partial"))


def test_what_a_killed_run_left_is_removed(dataset, out):
    write_bins(dataset, out)
    (out / "bin_data" / "g" / ".00002.partial").write_bytes(b"half")
    done = write_bins(dataset, out)
    assert done.num_kept == done.num_files
    assert not list(out.rglob("*.partial"))


def test_a_disk_that_fills_up_half_way_leaves_no_half_tensor(dataset, out):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BIN_BYTES // 2, limits[1]))
    try:
        with pytest.raises(
            InvalidInputError, match=r"0000\d\.(bin|partial)' cannot be written: File too large"
        ):
            write_bins(dataset, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert tensors(out) == {}
    assert not list(out.rglob("*.partial"))
