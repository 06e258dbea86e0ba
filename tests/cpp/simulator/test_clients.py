# SPDX-License-Identifier: Apache-2.0
"""C++ programs that know AscendCL's prototypes only, linked against the simulator and run on it."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mgn_fast.simulator import TensorSpec, stand_in, write_om
from support.acl_models import library_path

CLIENTS = Path(__file__).parent / "clients"
WIDTH, COLUMNS, ROWS = 5, 75, 4


@pytest.fixture(scope="module")
def programs(tmp_path_factory, compiler):
    """Both clients, compiled and linked as a user would."""
    directory = tmp_path_factory.mktemp("clients")
    where = library_path().parent
    options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pthread"]
    link = [f"-L{where}", f"-Wl,-rpath,{where}", "-lascendcl", "-Wl,--allow-shlib-undefined"]
    environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    for name in ("synchronous", "asynchronous"):
        command = [compiler, *options, CLIENTS / f"{name}.cpp", "-o", directory / name, *link]
        subprocess.run(command, check=True, env=environment)
    return directory


def run(program, *arguments, run_mode="host"):
    """Rows of float16 per batch that the program printed."""
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
    return [
        np.frombuffer(bytes.fromhex(line), np.float16).reshape(-1, WIDTH)
        for line in done.stdout.splitlines()
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
