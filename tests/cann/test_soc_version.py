# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from mgn_fast import _core
from mgn_fast.cann import smi
from mgn_fast.cann.soc_version import ListedChip, detect_soc_version, parse_board, parse_table
from mgn_fast.errors import RuntimeUnavailableError

LAYOUT_310P = """\
+--------------------------------------------------------------------------------------------+
| npu-smi 23.0.0                       Version: 23.0.0                                       |
+-------------------------------+-----------------+------------------------------------------+
| NPU     Name                  | Health          | Power(W)     Temp(C)   Hugepages-Usage(page) |
| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)            |
+===============================+=================+==========================================+
| 0       310P3                 | OK              | NA           42          0     / 0       |
| 0       0                     | 0000:82:00.0    | 0            1074 / 21534                |
+-------------------------------+-----------------+------------------------------------------+
| 6       310P3                 | Warning         | 15.8         44          0     / 0       |
| 0       1                     | 0000:84:00.0    | 0            1074 / 21534                |
+===============================+=================+==========================================+
| NPU     Chip                  | Process id      | Process name     | Process memory(MB)    |
+===============================+=================+==========================================+
| No running processes found in NPU 0                                                        |
| 6       0                     | 4711            | python3          | 312                   |
+===============================+=================+==========================================+
"""
LAYOUT_910 = """\
|--------------------------------------------------------------------------------------------|
| npu-smi 22.0.4                   Version: 22.0.4                                           |
|-------------------------------|-----------------|------------------------------------------|
| NPU   Name                    | Health          | Power(W)    Temp(C)    Hugepages-Usage(page) |
| Chip                          | Bus-Id          | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB) |
|===============================|=================|==========================================|
| 0     910B4                   | OK              | 86.3        36          0    / 0         |
| 0                             | 0000:C1:00.0    | 0           0    / 0          2854 / 32768 |
|===============================|=================|==========================================|
"""
FIRST_310 = LAYOUT_910.replace("910B4", "310  ")
THIRD_910 = LAYOUT_910.replace("910B4    ", "Ascend910")
BOARD = """\
        NPU ID                         : 0
        Chip ID                        : 0
        Chip Name                      : Ascend910
        NPU Name                       : 9392
        Board ID                       : 0x26
"""


def test_the_310p_table_lists_cards_with_their_health_and_any_number():
    expected = [ListedChip(0, 0, "310P3"), ListedChip(6, 0, "310P3")]
    assert parse_table(LAYOUT_310P) == expected


def test_the_910_table_has_no_device_column():
    assert parse_table(LAYOUT_910) == [ListedChip(0, 0, "910B4")]


def test_310_is_a_name_although_it_has_no_letter():
    assert parse_table(FIRST_310) == [ListedChip(0, 0, "310")]


def test_a_card_with_two_chips_is_listed_twice():
    rows = [line for line in LAYOUT_310P.splitlines() if "310P3" in line or "0000:8" in line]
    rows[2] = rows[2].replace("6  ", "0  ")
    rows[3] = rows[3].replace("| 0       1", "| 1       1")
    assert parse_table("\n".join(rows)) == [ListedChip(0, 0, "310P3"), ListedChip(0, 1, "310P3")]


@pytest.mark.parametrize("text", ["", "DrvMngGetConsoleLogLevel failed.", "| a | b |\n| 0 | x |"])
def test_other_texts_list_nothing(text):
    assert parse_table(text) == []


def test_a_process_is_no_chip_whatever_it_is_called():
    """Its row has a number, a name with letters, and then no health; the next row is a device's."""
    rows = "| 0 python3 | 4711 | x |\n| 0 | 0000:82:00.0 | 0 |\n"
    assert parse_table(rows) == []
    assert parse_table(rows.replace("4711", "OK")) == [ListedChip(0, 0, "python3")]


@pytest.mark.parametrize("word", ["Minor", "Not Available", "NA", "-", "OK(2)", "Fault 80e01801"])
def test_a_health_word_that_is_not_known_drops_no_chip(word):
    assert parse_table(LAYOUT_910.replace("| OK ", f"| {word} ")) == [ListedChip(0, 0, "910B4")]


def test_the_board_joins_chip_and_npu_name():
    assert parse_board(BOARD) == "Ascend910_9392"
    assert parse_board("Chip Name : Ascend910") is None


def ascend_is(monkeypatch, name=None):
    def info():
        if name is None:
            raise RuntimeUnavailableError("libascendcl.so is not found")
        return {"soc_name": name}

    monkeypatch.setattr(_core, "ascend_info", info)


@pytest.fixture
def npu_smi(monkeypatch, tmp_path):
    """Puts a program into PATH that prints one text for `info` and another for a board."""

    def write(table, board="", status=0):
        program = tmp_path / "npu-smi"
        (tmp_path / "table").write_text(table)
        (tmp_path / "board").write_text(board)
        program.write_text(
            f"#!/bin/sh\nif [ $# = 1 ]; then cat '{tmp_path}/table'; "
            f"else echo \"$@\" > '{tmp_path}/asked'; cat '{tmp_path}/board'; fi\nexit {status}\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        return tmp_path

    return write


def test_ascendcl_is_asked_first(monkeypatch, npu_smi):
    npu_smi(LAYOUT_910)
    ascend_is(monkeypatch, "Ascend310P1")
    assert detect_soc_version() == "Ascend310P1"


@pytest.mark.parametrize(
    ("table", "expected"),
    [(LAYOUT_310P, "Ascend310P3"), (LAYOUT_910, "Ascend910B4"), (FIRST_310, "Ascend310")],
    ids=["310P", "910", "310"],
)
def test_without_it_npu_smi_tells(monkeypatch, npu_smi, table, expected):
    ascend_is(monkeypatch)
    npu_smi(table)
    assert detect_soc_version() == expected


def test_the_third_910_generation_is_told_by_its_board(monkeypatch, npu_smi):
    ascend_is(monkeypatch)
    folder = npu_smi(THIRD_910, BOARD)
    assert detect_soc_version() == "Ascend910_9392"
    assert (folder / "asked").read_text() == "info -t board -i 0 -c 0\n"


def test_chips_of_two_kinds_are_not_guessed(monkeypatch, npu_smi):
    ascend_is(monkeypatch)
    npu_smi(LAYOUT_310P + LAYOUT_910)
    with pytest.raises(
        RuntimeUnavailableError, match=r"\['Ascend310P3', 'Ascend910B4'\].*pass soc"
    ):
        detect_soc_version()


@pytest.mark.parametrize("status", [0, 1], ids=["no device", "failure"])
def test_what_was_tried_is_said(monkeypatch, npu_smi, status):
    ascend_is(monkeypatch)
    npu_smi("no card here", status=status)
    with pytest.raises(
        RuntimeUnavailableError, match=r"libascendcl\.so is not found.*npu-smi info"
    ):
        detect_soc_version()


def test_what_npu_smi_said_itself_is_told(monkeypatch, npu_smi):
    ascend_is(monkeypatch)
    for status in (0, 255):
        npu_smi("dcmi module initialize failed. ret is -8005", status=status)
        with pytest.raises(RuntimeUnavailableError, match=r"-8005 \(one device serves"):
            detect_soc_version()


def test_a_machine_without_npu_smi_is_no_failure_of_another_kind(monkeypatch, tmp_path):
    ascend_is(monkeypatch)
    monkeypatch.setattr(smi.shutil, "which", lambda name: str(tmp_path / "missing"))
    with pytest.raises(RuntimeUnavailableError, match="for example 'Ascend310P3'"):
        detect_soc_version()


def test_a_name_with_other_characters_is_not_passed_on(monkeypatch, npu_smi):
    ascend_is(monkeypatch, "Ascend310P3; rm -rf")
    npu_smi(LAYOUT_910.replace("910B4", "9$(x)"))
    with pytest.raises(RuntimeUnavailableError, match="the chip to compile for is not known"):
        detect_soc_version()
