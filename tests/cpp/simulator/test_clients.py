# SPDX-License-Identifier: Apache-2.0
"""C++ programs that know AscendCL's prototypes only, linked against the simulator and run on it."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, stand_in, write_om
from support.acl_models import library_path
from support.environment import without_preloaded
from support.repository import CPP

CLIENTS = Path(__file__).parent / "clients"
NAMES = ("synchronous", "asynchronous", "copies", "pictures")
OPTIONS = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{CPP}")
WIDTH, COLUMNS, ROWS = 5, 75, 4


def compile_client(name, program, compiler, *options):
    """Compiled as a user would, without the sanitizer that these tests may have loaded."""
    command = [compiler, *OPTIONS, CLIENTS / f"{name}.cpp", "-o", program, *options]
    subprocess.run(command, check=True, env=without_preloaded())


@pytest.fixture(scope="module")
def programs(tmp_path_factory, compiler):
    """The clients by name."""
    directory = tmp_path_factory.mktemp("clients")
    where = library_path().parent
    link = [f"-L{where}", f"-Wl,-rpath,{where}", "-lascendcl", "-Wl,--allow-shlib-undefined"]
    for name in NAMES:
        compile_client(name, directory / name, compiler, *link)
    return directory


def lines_of(program, *arguments, run_mode="host"):
    """What the program printed."""
    settings = f"run_mode={run_mode};timing=false;on_violation=abort"
    done = subprocess.run(
        [program, *map(str, arguments)],
        env=os.environ | {"MGN_FAST_SIMULATOR": settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def run(program, *arguments, run_mode="host"):
    """Rows of float16 per batch that the program printed."""
    return [
        np.frombuffer(bytes.fromhex(line), np.float16).reshape(-1, WIDTH)
        for line in lines_of(program, *arguments, run_mode=run_mode)
    ]


def made_up(batch, rows=ROWS):
    k = np.arange(rows * COLUMNS)
    return ((31 * batch + 7 * k + k // 256) % 256).astype(np.uint8).reshape(rows, COLUMNS)


def write(path, batch_sizes=(ROWS,)):
    inputs = [TensorSpec("x", "uint8", (COLUMNS,))]
    outputs = [TensorSpec("y", "float16", (WIDTH,))]
    return write_om(path, batch_sizes=batch_sizes, inputs=inputs, outputs=outputs)


def expected(pixels):
    return stand_in([pixels], widths=[WIDTH], dtypes=[np.float16])[0]


@pytest.mark.parametrize("run_mode", ["host", "device"])
@pytest.mark.parametrize("name", ["synchronous", "asynchronous"])
def test_a_program_gets_the_documented_numbers(tmp_path, programs, name, run_mode):
    got = run(programs / name, write(tmp_path / "m.om"), 7, run_mode=run_mode)
    assert len(got) == 7
    for batch, values in enumerate(got):
        np.testing.assert_array_equal(values, expected(made_up(batch)))


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_a_program_with_gears_gets_the_gears_rows(tmp_path, programs, run_mode):
    path = write(tmp_path / "m.om", batch_sizes=(1, 2, ROWS))
    got = run(programs / "synchronous", path, 3, 2, run_mode=run_mode)
    for batch, values in enumerate(got):
        np.testing.assert_array_equal(values[:2], expected(made_up(batch)[:2]))


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_a_program_with_dvpp_and_operators_links_and_is_told_what_there_is_not(programs, run_mode):
    lines = lines_of(programs / "pictures", run_mode=run_mode)
    names = [line.split()[0] for line in lines]
    assert names == [
        "acldvppCreateChannel",
        "acldvppJpegDecodeAsync",
        "acldvppVpcResizeAsync",
        "aclopSetModelDir",
        "aclopCompileAndExecute",
    ]
    for name, line in zip(names, lines, strict=True):
        assert line.startswith(f"{name} 200006 EE9999: {name} returns 200006: the simulated")
        assert "on the host" in line


def test_the_vendors_other_libraries_can_be_links_to_this_one(tmp_path, compiler):
    names = ("acl_dvpp", "acl_op_compiler", "acl_cblas", "ascendcl")
    for name in names:
        (tmp_path / f"lib{name}.so").symlink_to(library_path())
    link = [f"-L{tmp_path}", f"-Wl,-rpath,{tmp_path}", "-Wl,--no-as-needed"]
    link += [f"-l{name}" for name in names]
    compile_client("pictures", tmp_path / "pictures", compiler, *link)
    lines = lines_of(tmp_path / "pictures")
    assert [line.split()[1] for line in lines] == ["200006"] * 5


# docs/memory-order.md. More where a CPU is to be tried: a missing barrier shows once in many.
HAND_OVERS = os.environ.get("MGN_FAST_HAND_OVERS", "2000")


def stale_messages(lines):
    """How many were seen too late, by what handed them over."""
    return {means: int(count) for means, _, count in (line.split() for line in lines)}


def test_a_copy_is_seen_whole_once_a_stream_or_an_event_says_so(programs):
    stale = stale_messages(lines_of(programs / "copies", HAND_OVERS))
    assert stale == {"stream": 0, "event": 0}


def test_what_a_thread_hands_over_is_seen_whole(tmp_path, compiler, record_property):
    compile_client("hand_over", tmp_path / "hand_over", compiler)
    stale = stale_messages(lines_of(tmp_path / "hand_over", HAND_OVERS))
    record_property("messages without a barrier that came too late", stale.pop("control"))
    assert stale == {"gate": 0, "workers": 0}


def test_thread_sanitizer_finds_no_race_in_what_is_handed_over(tmp_path, compiler, monkeypatch):
    """It knows a missing barrier on any CPU, also on one that never reorders."""
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    program = tmp_path / "hand_over"
    compile_client("hand_over", program, compiler, "-fsanitize=thread", "-g")
    assert stale_messages(lines_of(program, 400)).items() >= {"gate": 0, "workers": 0}.items()
