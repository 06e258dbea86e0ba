# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from mgn_fast.bench.load.noise import Counters, Noise, noise_between, read_counters

# user nice system idle iowait irq softirq steal guest guest_nice
STAT = """\
cpu  9999 9999 9999 9999 9999 9999 9999 9999 9999 9999
cpu0 100 20 30 400 50 6 7 80 11 12
cpu1 7777 7777 7777 7777 7777 7777 7777 7777 7777 7777
cpu2 1000 200 300 4000 500 60 70 800 110 120
cpu20 7777 7777 7777 7777 7777 7777 7777 7777 7777 7777
intr 12345
"""
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """This process may use cores 0 and 2."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2})


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_ticks_are_those_of_our_cores(tmp_path):
    write(tmp_path, {"proc/stat": STAT})
    counters = read_counters(tmp_path)
    # Core 0: 693 in all, guests' time being part of user's; 163 busy. Core 2 has ten times that.
    assert counters.total_s == pytest.approx(7623 * TICK_S)
    assert counters.busy_s == pytest.approx(1793 * TICK_S)
    assert counters.steal_s == pytest.approx(880 * TICK_S)


def test_own_time_is_that_of_this_process(tmp_path):
    before = read_counters(tmp_path).own_s
    total = sum(range(3_000_000))
    assert total > 0
    assert read_counters(tmp_path).own_s > before


@pytest.mark.parametrize(
    "files",
    [{}, {"proc/stat": ""}, {"proc/stat": "cpu0 1 2 3\n"}, {"proc/stat": "cpu7 1 2 3 4 5 6 7 8\n"}],
    ids=["no file", "empty", "of an old kernel", "other cores"],
)
def test_without_ticks_nothing_is_said(tmp_path, files):
    write(tmp_path, files)
    counters = read_counters(tmp_path)
    assert (counters.total_s, counters.busy_s, counters.steal_s) == (None, None, None)


V2_STAT = "usage_usec 5\nnr_throttled 3\nthrottled_usec 1500000\nnr_bursts 0\n"
V1_STAT = "nr_periods 5\nnr_throttled 3\nthrottled_time 2500000000\n"
V1_GROUPS = "12:pids:/job\n4:cpu,cpuacct:/job\n1:name=systemd:/job\n"


@pytest.mark.parametrize(
    ("files", "seconds"),
    [
        ({"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/cpu.stat": V2_STAT}, 1.5),
        # In a container, where the path is the host's.
        ({"proc/self/cgroup": "0::/host/job\n", "sys/fs/cgroup/cpu.stat": V2_STAT}, 1.5),
        ({"proc/self/cgroup": V1_GROUPS, "sys/fs/cgroup/cpu/job/cpu.stat": V1_STAT}, 2.5),
        ({"proc/self/cgroup": V1_GROUPS, "sys/fs/cgroup/cpu/cpu.stat": V1_STAT}, 2.5),
        # Both, as systemd sets them up: the controller is where it is named.
        (
            {"proc/self/cgroup": V1_GROUPS + "0::/x\n", "sys/fs/cgroup/cpu/job/cpu.stat": V1_STAT},
            2.5,
        ),
        # A name with colons.
        ({"proc/self/cgroup": "0::/a:b\n", "sys/fs/cgroup/a:b/cpu.stat": V2_STAT}, 1.5),
        # The root group has no such line.
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.stat": "usage_usec 5\n"}, None),
        ({"proc/self/cgroup": "0::/job\n"}, None),
        ({"proc/self/cgroup": "2:cpuset:/job\n", "sys/fs/cgroup/cpu/cpu.stat": V1_STAT}, None),
        ({}, None),
    ],
)
def test_throttling_is_read_from_either_version(tmp_path, files, seconds):
    write(tmp_path, files)
    assert read_counters(tmp_path).throttled_s == seconds


def test_the_frequency_is_the_mean_of_our_cores(tmp_path):
    folder = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq"
    speeds = {0: "3000000\n", 1: "1000\n", 2: "2000000\n"}
    write(tmp_path, {folder.format(core): text for core, text in speeds.items()})
    assert read_counters(tmp_path).megahertz == 2500.0


@pytest.mark.parametrize("text", ["", "unknown\n"])
def test_without_a_frequency_nothing_is_said(tmp_path, text):
    write(tmp_path, {"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": text})
    assert read_counters(tmp_path).megahertz is None


def counters(**changes):
    fields = {"total_s": 10.0, "busy_s": 4.0, "steal_s": 1.0, "own_s": 2.0, "throttled_s": 0.5}
    return Counters(**(fields | {"megahertz": 2000.0} | changes))


def test_shares_are_of_the_cores_time_between_the_readings():
    later = counters(
        total_s=30.0, busy_s=12.0, steal_s=2.0, own_s=7.0, throttled_s=4.5, megahertz=1500.0
    )
    assert noise_between(counters(), later) == Noise(
        steal_share=1 / 20, other_load_share=3 / 20, throttled_share=4 / 20, frequency_drop=0.25
    )


def test_a_higher_frequency_is_no_drop():
    assert noise_between(counters(), counters(megahertz=2100.0)).frequency_drop == 0.0


def test_counters_that_go_backwards_are_nothing():
    later = counters(total_s=20.0, busy_s=5.0, steal_s=0.9, own_s=4.0)
    noise = noise_between(counters(), later)
    assert noise.steal_share == 0.0
    assert noise.other_load_share == 0.0  # ticks are coarser than our own time


def test_no_time_between_the_readings_has_no_share():
    assert noise_between(counters(), counters()) == Noise(0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ("steal_s", "steal_share"),
        ("busy_s", "other_load_share"),
        ("throttled_s", "throttled_share"),
        ("megahertz", "frequency_drop"),
    ],
)
def test_what_the_machine_does_not_tell_stays_open(missing, field):
    noise = noise_between(counters(**{missing: None}), counters())
    assert getattr(noise, field) is None
    assert [vars(noise)[name] for name in vars(noise) if name != field] == [0.0] * 3


def test_without_ticks_shares_stay_open():
    later = counters(total_s=None)
    noise = noise_between(counters(), later)
    assert (noise.steal_share, noise.other_load_share, noise.throttled_share) == (None, None, None)
    assert noise.frequency_drop == 0.0


def test_this_machine_can_be_read(monkeypatch):
    monkeypatch.undo()
    noise = noise_between(read_counters(), read_counters())
    assert all(share is None or 0 <= share <= 1 for share in vars(noise).values())
