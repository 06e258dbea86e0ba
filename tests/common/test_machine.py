# SPDX-License-Identifier: Apache-2.0
import platform

import pytest

from mgn_fast.common import machine

GROUPS = {
    1: "3:cpu,cpuacct:/docker/a\n2:memory:/docker/a\n1:name=systemd:/",
    2: "0::/user/session",
}


# As Linux writes them, the first processor's part.
KUNPENG = """\
processor\t: 0
BogoMIPS\t: 200.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt \
fcma dcpop asimddp asimdfhm
CPU implementer\t: 0x48
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd01
CPU revision\t: 0
"""
PHYTIUM = """\
processor\t: 0
model name\t: Phytium,D2000/8
BogoMIPS\t: 96.00
CPU implementer\t: 0x70
CPU part\t: 0x663
"""
# A big core after a small one: the first speaks for the machine.
MIXED = """\
Processor       : AArch64 Processor rev 4 (aarch64)
processor       : 0
CPU implementer : 0x41
CPU part        : 0xd05
CPU revision    : 0

processor       : 4
CPU implementer : 0x48
CPU part        : 0xd40
"""
NUMBERS = "processor\t: 0\nCPU implementer\t: {}\nCPU part\t: {}\n"
CPUS = {
    "x86": ("processor\t: 0\nmodel name\t: Abacus: 2000\nmodel name\t: other\n", "Abacus: 2000"),
    "Kunpeng 920": (KUNPENG, "HiSilicon Kunpeng 920 (TaiShan-v110)"),
    "its own name": (PHYTIUM, "Phytium,D2000/8"),
    "the first core": (MIXED, "Arm Cortex-A55"),
    "Neoverse": (NUMBERS.format("0x41", "0xd0c"), "Arm Neoverse-N1"),
    "an unknown part": (NUMBERS.format("0x48", "0xd22"), "HiSilicon part 0xd22"),
    "nothing known": (NUMBERS.format("0x99", "0x1"), "implementer 0x99 part 0x1"),
    "a part of other makers": (NUMBERS.format("0x41", "0xd01"), "Arm part 0xd01"),
    "no number": (NUMBERS.format("Arm", "1"), platform.processor() or platform.machine()),
    "nothing": ("processor\t: 0\n", platform.processor() or platform.machine()),
}


@pytest.mark.parametrize(("text", "cpu"), CPUS.values(), ids=CPUS.keys())
def test_the_cpu_is_named_by_name_or_number(tmp_path, text, cpu):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(text)
    assert machine.cpu_name(tmp_path) == cpu


def test_a_board_is_named_beside_its_cpu(tmp_path):
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/cpuinfo").write_text(NUMBERS.format("0x48", "0xd22"))
    (tmp_path / "proc/device-tree/model").write_bytes(b"A board of mine\0")
    assert machine.cpu_name(tmp_path) == "HiSilicon part 0xd22, A board of mine"


def test_this_machine_has_a_name():
    assert machine.cpu_name()


def test_a_file_that_is_not_there_has_no_lines(tmp_path):
    assert machine.lines_of(tmp_path / "no") == []
    assert machine.field_of(tmp_path / "no", "VmHWM:") is None


def test_a_field_is_found_by_its_whole_name(tmp_path):
    path = tmp_path / "status"
    path.write_text("VmHWM:\nVmHWM: 12 kB\nVmHWM2: 13\nempty\n")
    assert machine.field_of(path, "VmHWM:") == 12
    assert machine.field_of(path, "VmHWM") is None


def groups(root, version, controller):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(GROUPS[version])
    found = machine.control_groups(controller, root)
    return [(str(path.relative_to(root / "sys/fs/cgroup")), number) for path, number in found]


def test_version_2_has_one_hierarchy_for_all(tmp_path):
    expected = [("user/session", 2), ("user", 2), (".", 2)]
    assert groups(tmp_path, 2, "memory") == expected


@pytest.mark.parametrize("controller", ["cpu", "memory"])
def test_version_1_has_one_for_each_controller(tmp_path, controller):
    expected = [(f"{controller}/docker/a", 1), (f"{controller}/docker", 1), (controller, 1)]
    assert groups(tmp_path, 1, controller) == expected


def test_without_control_groups_there_are_none(tmp_path):
    assert list(machine.control_groups("cpu", tmp_path)) == []
