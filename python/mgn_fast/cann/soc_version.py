# SPDX-License-Identifier: Apache-2.0
"""The chip in this machine, in the words of ATC's --soc_version."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from mgn_fast import _core
from mgn_fast.cann.smi import npu_smi, table
from mgn_fast.errors import DeviceError, RuntimeUnavailableError

# Only these characters can be in a name; it goes into a command line and a file.
NAME = re.compile(r"Ascend[A-Za-z0-9_]{1,32}")

# A chip's health is a word, known or not; where a process stands, a number is.
_HEALTH = re.compile(r"(?!\d+$)\S.*")
_DEVICE = re.compile(r"(\d+)\s+(\S+)")
_CHIP = re.compile(r"(\d+)(?:\s+(?:\d+|-|NA))?")
_CHIP_NAME = re.compile(r"^\s*Chip Name\s*:\s*(\S+)", re.MULTILINE)
_NPU_NAME = re.compile(r"^\s*NPU Name\s*:\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class ListedChip:
    """Numbers and name of one chip in `npu-smi info`'s table.

    Attributes:
        npu: the card's number.
        chip: the chip's number on it.
        name: as listed, without "Ascend": 310P3, 910B4.
    """

    npu: int
    chip: int
    name: str


def detect_soc_version() -> str:
    """The chip that AscendCL, or else `npu-smi`, finds in this machine.

    Returns:
        For example "Ascend310P3".

    Raises:
        RuntimeUnavailableError: neither finds one, or the machine has chips of several kinds.
    """
    tried = []
    try:
        name = str(_core.ascend_info()["soc_name"] or "")
        if NAME.fullmatch(name):
            return name
        tried.append(f"AscendCL gives the name {name!r}")
    except (RuntimeUnavailableError, DeviceError) as error:
        tried.append(f"AscendCL: {error}")
    try:
        names = sorted({_full_name(chip) for chip in parse_table(table())})
    except (OSError, subprocess.SubprocessError) as error:
        names = []
        cure = getattr(error, "remedy", "")
        tried.append(f"npu-smi info: {error}{f' ({cure})' if cure else ''}")
    if len(names) == 1 and NAME.fullmatch(names[0]):
        return names[0]
    tried.append(f"npu-smi info lists {names or 'no device'}")
    raise RuntimeUnavailableError(
        f"the chip to compile for is not known ({'; '.join(tried)}); pass soc_version, for example "
        "'Ascend310P3' for an Atlas 300I Pro or 300V",
        tried=tried,
    )


def parse_table(text: str) -> list[ListedChip]:
    """The chips in what `npu-smi info` prints, in the table's order.

    Both layouts have two rows for a chip: the first with NPU and name, and the health; the second
    with the chip's number, on 310 cards followed by the device's.

    Args:
        text: the table, with whatever stands around it.

    Returns:
        The chips in the table's order.
    """
    chips = []
    above: tuple[int, str] | None = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) < 2:
            continue
        device, chip = _DEVICE.fullmatch(cells[0]), _CHIP.fullmatch(cells[0])
        if device and _HEALTH.fullmatch(cells[1]) and _is_name(device[2]):
            above = (int(device[1]), device[2])
        elif chip and above is not None:
            chips.append(ListedChip(above[0], int(chip[1]), above[1]))
            above = None
    return chips


def parse_board(text: str) -> str | None:
    """Chip and NPU name of `npu-smi info -t board`: "Ascend910_9392"; None if a line is missing."""
    chip, npu = _CHIP_NAME.search(text), _NPU_NAME.search(text)
    return f"{chip[1]}_{npu[1]}" if chip and npu else None


def _is_name(word: str) -> bool:
    """True for a chip's name: 310 is the one without a letter, other plain numbers are readings."""
    return word == "310" or any(character.isalpha() for character in word)


def _full_name(chip: ListedChip) -> str:
    if not chip.name.startswith("Ascend"):
        return f"Ascend{chip.name}"
    # Cards of the third 910 generation are all listed as Ascend910; the board knows which it is.
    board = npu_smi("info", "-t", "board", "-i", str(chip.npu), "-c", str(chip.chip))
    return parse_board(board) or chip.name
