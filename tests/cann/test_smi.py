# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from mgn_fast.cann import smi
from mgn_fast.cann.smi import NpuSmiError, last_words, npu_smi, remedy_for, table

FRAME = "+------------------------------+\n"


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Puts an npu-smi into PATH that writes two texts and ends with a code."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def write(output="", errors="", code=0, then=""):
        (tmp_path / "output").write_text(output)
        (tmp_path / "errors").write_text(errors)
        path = tmp_path / "npu-smi"
        lines = (f"cat '{tmp_path}/output'", f"cat '{tmp_path}/errors' >&2", then, f"exit {code}")
        path.write_text("\n".join(["#!/bin/sh", *lines]))
        path.chmod(0o755)

    return write


# What it printed on other people's machines, on which stream, and words of the remedy.
FAILURES = {
    "held": ("dcmi module initialize failed. ret is -8005", "one device serves one container"),
    "busy": ("dcmi model initialized failed, because the device is used. ret is -8020", "wait"),
    "no library": (
        "npu-smi: error while loading shared libraries: libdrvdsmi_host.so: cannot open shared "
        "object file: No such file or directory",
        "lib64/driver:/usr/local/Ascend/driver/lib64/common",
    ),
    "no answer": ("DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)", "/dev/davinci_manager"),
    "no right": ("open /dev/davinci_manager: Permission denied", "usermod -aG HwHiAiUser"),
}


@pytest.mark.parametrize("stream", ["output", "errors"])
@pytest.mark.parametrize(("words", "remedy"), FAILURES.values(), ids=FAILURES.keys())
def test_its_last_words_are_told_with_a_remedy(program, words, remedy, stream):
    program(**{stream: f"{FRAME}\n{words}\n{FRAME}\n"}, code=255)
    with pytest.raises(NpuSmiError) as error:
        npu_smi("info")
    assert str(error.value) == f"failed with exit code 255: {words}"
    assert remedy in error.value.remedy


def test_both_streams_last_words_are_told_and_the_known_ones_tell_the_remedy(program):
    program("dcmi module initialize failed. ret is -8005\n", "something else\n", code=1)
    with pytest.raises(NpuSmiError, match=r"-8005; something else$") as error:
        npu_smi("info")
    assert "one device serves one container" in error.value.remedy


def test_unknown_words_are_told_without_a_remedy(program):
    program(errors="dcmi says no. ret is -8099\n", code=1)
    with pytest.raises(NpuSmiError, match="ret is -8099") as error:
        npu_smi("info")
    assert error.value.remedy == ""


def test_silence_and_a_signal_are_said(program):
    program(code=3)
    with pytest.raises(NpuSmiError, match=r"failed with exit code 3: it printed nothing"):
        npu_smi("info")
    program(then="kill -9 $$")
    with pytest.raises(NpuSmiError, match=r"ended by signal 9"):
        npu_smi("info")


def test_no_answer_is_said_with_what_came_before(program, monkeypatch):
    monkeypatch.setattr(smi, "TIMEOUT_S", 0.5)
    program("waiting for the driver\n", then="exec sleep 30")
    with pytest.raises(NpuSmiError, match=r"no answer in 0\.5 s: waiting for the driver") as error:
        npu_smi("info")
    assert "restart the host" in error.value.remedy


def test_a_failure_with_exit_code_0_is_one_too(program):
    """Whatever it ends with: where there is no table there is no answer."""
    program("DrvMngGetConsoleLogLevel failed.\ndcmi module initialize failed. ret is -8005\n")
    assert "-8005" in npu_smi("info", "-t", "board")
    with pytest.raises(NpuSmiError, match=r"printed no table: dcmi module .* -8005") as error:
        table()
    assert "one device serves one container" in error.value.remedy
    program("| 0 310P3 | OK | x |\n")
    assert table() == "| 0 310P3 | OK | x |\n"


def test_a_machine_without_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(smi.shutil, "which", lambda name: str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError):
        npu_smi("info")


def test_frames_and_the_version_are_no_words():
    text = f"{FRAME}| npu-smi 23.0.0      Version: 23.0.0   |\n"
    assert last_words(text) == ""
    assert last_words(f"{text}| no card |\n{FRAME}") == "no card"
    assert last_words("", "x\n") == last_words("x", "x") == "x"
    assert len(last_words("x" * 5000)) == 200


def test_words_of_a_table_need_no_remedy():
    assert remedy_for("| 0 310P3 | OK | 8005 |") == ""
