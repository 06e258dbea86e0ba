# SPDX-License-Identifier: Apache-2.0
import platform

import pytest

from mgn_fast.common import machine

GROUPS = {
    1: "3:cpu,cpuacct:/docker/a\n2:memory:/docker/a\n1:name=systemd:/",
    2: "0::/user/session",
}


@pytest.mark.parametrize(
    ("lines", "cpu"),
    [
        (["processor\t: 0", "model name\t: Abacus: 2000", "model name\t: other"], "Abacus: 2000"),
        (["processor\t: 0"], platform.processor() or platform.machine()),
    ],
)
def test_the_cpu_is_the_first_model_name(monkeypatch, lines, cpu):
    monkeypatch.setattr(machine, "lines_of", lambda path: lines)
    assert machine.cpu_name() == cpu


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
