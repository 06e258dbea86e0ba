# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from support.repository import ROOT


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["3.11", "x86_64", "."], ". is there already"),
        (["3.12", "x86_64", "new"], "invalid choice: '3.12'"),
        (["3.11", "riscv64", "new"], "invalid choice: 'riscv64'"),
    ],
)
def test_what_cannot_be_unpacked_is_refused_before_anything_is_fetched(words, told, tmp_path):
    command = [sys.executable, str(ROOT / "tools/unpack_python"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []
