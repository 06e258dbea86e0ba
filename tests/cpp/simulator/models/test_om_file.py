# SPDX-License-Identifier: Apache-2.0
"""The simulated .om's container: what a real one is refused for, and no byte is trusted."""

import ctypes
import os
import struct

import numpy as np
import pytest

from mgn_fast.simulator import write_om
from mgn_fast.simulator.library import ExecutorFunction
from support.acl_models import AclError, Machine, library, query, with_description

DATA_SIZE = 145006
LOAD_MODEL = 545001
NEWER = 500002


@pytest.fixture
def content(tmp_path):
    return write_om(tmp_path / "model.om", batch_sizes=(1, 4, 8)).read_bytes()


def test_a_written_file_is_accepted(content):
    with Machine() as machine:
        assert query(machine, content) == 0


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda c: c[:-1], "header announces"),
        (lambda c: c + b"\0", "header announces"),
        (lambda c: c[:256], "no .om header"),
        (lambda c: c[:100], "no .om header"),
        (lambda c: b"IMOX" + c[4:], "no .om header"),
        (lambda c: c[:4] + b"\1" + c[5:], "no .om header"),
    ],
    ids=["one byte short", "one byte long", "header only", "half a header", "magic", "header size"],
)
def test_the_header_is_checked_as_the_real_one(content, damage, reason):
    with Machine() as machine:
        assert query(machine, damage(content)) == DATA_SIZE
        assert reason in machine.message()


def test_the_narrow_length_counts_where_the_wide_one_is_zero(content):
    header = bytearray(content[:256])
    struct.pack_into("<Q", header, 184, 0)
    with Machine() as machine:
        assert query(machine, bytes(header) + content[256:]) == 0
        struct.pack_into("<I", header, 76, 3)
        assert query(machine, bytes(header) + content[256:]) == DATA_SIZE


def test_a_file_of_a_newer_compiler_gets_the_catch_all_code(content):
    newer = with_description(content, lambda payload: payload.replace(b"-om 1\n", b"-om 2\n", 1))
    with Machine() as machine:
        assert query(machine, newer) == NEWER


def test_a_real_npus_file_is_told_apart(content):
    real = with_description(content, lambda payload: b"\x7fpartition table" + payload)
    with Machine() as machine:
        assert query(machine, real) == LOAD_MODEL
        assert "not written for this simulator" in machine.message()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"gears 1 4 8", b"gears 1 8 4", "not ascending"),
        (b"gears 1 4 8", b"gears 8", "2 to 100 gears"),
        (b"gears 1 4 8", b"batch 8", "first dimension -1"),
        (b"output features 0 2 2 8", b"output features 0 2 2 4", "largest gear"),
        (b"output features 0", b"output features 27", "not simulated"),
        (b"output features 0", b"output features 5", "unknown data type"),
        (b"output features", b"surprise features", "unknown key"),
        (b"output features", b"sur\xddprise\x1b features", "unknown key 'sur?prise?'"),
        (b"soc_version Ascend310P3\n", b"", "no soc_version"),
        (b"gears 1 4 8\n", b"# nothing\n", "no soc_version or batch"),
        (b"onnx_bytes 0", b"onnx_bytes 7", "after its description"),
        (b"weight_bytes 512", b"weight_bytes 512 0", "an end"),
        (b"weight_bytes 512", b"weight_bytes -1", "an integer"),
        (b"end\n", b"", "does not end"),
        (b"input image 0 0 4 -1 3 384 128", b"output extra 0 2 1 8", "no input"),
        (b"end\n", b"input image 0 2 1 -1\nend\n", "two tensors are named"),
        (b"end\n", b"input ascend_mbatch_shape_data 9 2 1 -1\nend\n", "gear input's name"),
    ],
    ids=lambda value: ascii(value)[2:-1] if isinstance(value, bytes) else "",
)
def test_descriptions_that_contradict_themselves_are_refused(content, old, new, reason):
    assert old in content
    with Machine() as machine:
        assert query(machine, with_description(content, lambda p: p.replace(old, new))) == DATA_SIZE
        assert reason in machine.message()


def test_comments_and_empty_lines_are_skipped(content):
    changed = with_description(content, lambda p: p.replace(b"end\n", b"# host notes\n\nend\n"))
    with Machine() as machine:
        assert query(machine, changed) == 0


@pytest.mark.parametrize("seed", range(8))
def test_no_mutation_of_the_bytes_does_harm(content, seed):
    """Truncated, overwritten and spliced files load or are refused; never anything else."""
    random = np.random.default_rng(seed)
    with Machine() as machine:
        for _ in range(250):
            mutated = bytearray(content)
            for _ in range(random.integers(1, 6)):
                at = int(random.integers(0, len(mutated)))
                kind = random.integers(0, 4)
                if kind == 0:
                    mutated[at] = random.integers(0, 256)
                elif kind == 1:
                    del mutated[at : at + int(random.integers(1, 40))]
                elif kind == 2:
                    mutated[at:at] = random.choice([b"9" * 20, b"-1 ", b"\n", b" ", b"%", b"\0"])
                else:
                    mutated[at:at] = mutated[256 : 256 + int(random.integers(0, 80))]
                if not mutated:
                    break
            mutated = bytes(mutated)
            if len(mutated) > 256 and random.random() < 0.8:
                mutated = with_description(mutated, lambda payload: payload)
            code = query(machine, mutated) if mutated else DATA_SIZE
            assert code in (0, DATA_SIZE, LOAD_MODEL, NEWER)
            if code == 0:
                desc = machine.raw("aclmdlCreateDesc")
                machine.call("aclmdlGetDescFromMem", desc, mutated, len(mutated))
                count = machine.raw("aclmdlGetNumInputs", desc)
                assert count >= 1
                assert all(machine.raw("aclmdlGetInputSizeByIndex", desc, i) for i in range(count))
                machine.call("aclmdlDestroyDesc", desc)


@pytest.mark.parametrize("what", ["missing", "directory", "pipe"])
def test_paths_that_are_no_file_are_refused(tmp_path, what):
    path = tmp_path / "model.om"
    if what == "directory":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    with Machine() as machine:
        with pytest.raises(AclError, match=r"model path") as caught:
            machine.load(path)
        assert caught.value.code == 145002


def test_files_of_equal_bytes_share_one_identity(tmp_path):
    """The executor's cache goes by it: opening the same model again opens no second session."""
    seen = []
    record = _executor(seen)
    onnx = b"not really an onnx"
    first = write_om(tmp_path / "a.om", onnx=None, batch_sizes=(1,))
    content = with_description(
        first.read_bytes(), lambda p: p.replace(b"onnx_bytes 0", b"onnx_bytes 18") + onnx
    )
    other = with_description(content, lambda p: p[:-1] + b"!")
    with Machine(compute="onnx") as machine:
        library().mgnsim_set_executor(record)
        try:
            for bytes_ in (content, content, other):
                _run_from_memory(machine, bytes_)
        finally:
            library().mgnsim_set_executor(None)
    assert seen[0] == seen[1] != seen[2]


def _executor(seen):
    def remember(file, *rest):
        seen.append(file)
        return 0

    return ExecutorFunction(remember)


def _run_from_memory(machine, content):
    identity = machine.out("aclmdlLoadFromMem", ctypes.c_uint32, content, len(content))
    picture, embedding = machine.malloc(3 * 384 * 128 * 4), machine.malloc(2048 * 4)
    inputs = machine.dataset((picture, 3 * 384 * 128 * 4))
    outputs = machine.dataset((embedding, 2048 * 4))
    machine.call("aclmdlExecute", identity, inputs, outputs)
    machine.call("aclmdlUnload", identity)
