# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.common import memory
from mgn_fast.common.memory import MEGABYTE, available_bytes, in_words, require_fit

GIGABYTE = 1024 * MEGABYTE


def machine(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal:  9000000 kB\nMemAvailable:    8388608 kB\n"}
V2 = MEMINFO | {
    "proc/self/cgroup": "0::/job/part\n",
    "sys/fs/cgroup/job/memory.max": f"{3 * GIGABYTE}\n",
    "sys/fs/cgroup/job/memory.current": f"{GIGABYTE}\n",
    "sys/fs/cgroup/job/memory.stat": f"anon 5\ninactive_file {GIGABYTE // 2}\n",
    "sys/fs/cgroup/job/part/memory.max": "max\n",
    "sys/fs/cgroup/job/part/memory.current": f"{GIGABYTE}\n",
}
V1 = MEMINFO | {
    "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/host/path\n0::/\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIGABYTE}\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIGABYTE}\n",
    "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 4096\n",
}
CASES = {
    "no group": (MEMINFO, 8 * GIGABYTE),
    "version 2, a parent's limit": (V2, 2 * GIGABYTE + GIGABYTE // 2),
    "version 1, seen from inside a container": (V1, GIGABYTE + 4096),
    "no limit set": (
        V1 | {"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2**63 - 4096}\n"},
        8 * GIGABYTE,
    ),
    "used up": (V1 | {"sys/fs/cgroup/memory/memory.usage_in_bytes": f"{9 * GIGABYTE}\n"}, 0),
    "nothing to read": ({}, None),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES.keys())
def test_the_least_of_machine_and_groups_is_available(tmp_path, files, expected):
    assert available_bytes(machine(tmp_path, files)) == expected


def test_this_machine_has_some():
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < available_bytes() <= machine


def test_numbers_can_be_read():
    assert in_words(223 * MEGABYTE) == "223 MB"
    assert in_words(20 * GIGABYTE) == "20.0 GB"
    assert in_words(0) == "0 MB"


def test_what_fits_passes_and_what_does_not_is_told_what_would(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: GIGABYTE)
    require_fit("a run", GIGABYTE // 2, [])
    remedies = [("do this", GIGABYTE), ("do that", 1), ("do nothing", 0)]
    with pytest.raises(
        InvalidInputError,
        match=r"^a run needs about 2048 MB .* at most the 960 MB available; do that$",
    ):
        require_fit("a run", 2 * GIGABYTE, remedies)
    with pytest.raises(InvalidInputError, match="use a machine with more memory"):
        require_fit("a run", 2 * GIGABYTE, remedies[:1])
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    require_fit("a run", 2 * GIGABYTE, [])
