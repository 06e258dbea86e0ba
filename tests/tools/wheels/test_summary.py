# SPDX-License-Identifier: Apache-2.0
import json

from wheels.check import Checked, Tags
from wheels.summary import Row, different, table, write_json
from wheels.trial import Trial


def tried(version, digest="aa", **options):
    """A wheel that was built, checked and tried."""
    found = {"simd": "avx2", "tests": 13, "digest": digest}
    checked = Checked(Tags(version, "x86_64", (2, 17)), (2, 14), 1_234_567)
    trial = Trial("in a new virtual environment", found)
    return Row(version, "x86_64", "include", "a.whl", checked, trial, **options)


NOT_RUN = Row(
    "3.12",
    "aarch64",
    wheel="b.whl",
    checked=Checked(Tags("3.12", "aarch64", (2, 17)), (2, 17), 900_000),
    trial=Trial("not run: no Python 3.12 for aarch64 here", None),
)
FAILED = Row("3.14", "x86_64", problem="no headers of Python 3.14")


def test_each_wheel_that_was_asked_for_has_a_line():
    lines = table([tried("3.11"), NOT_RUN, FAILED]).splitlines()
    assert lines[1].split()[:8] == ["3.11", "x86_64", "2.17", "2.14", "1.23", "avx2", "13", "aa"]
    assert lines[2].endswith("not run: no Python 3.12 for aarch64 here")
    assert lines[3].endswith("no wheel")
    assert lines[-1] == "3.14 x86_64: no headers of Python 3.14"


def test_other_results_are_seen():
    assert different([tried("3.10"), tried("3.11"), NOT_RUN, FAILED]) == ""
    wrong = different([tried("3.10"), tried("3.11", "bb")])
    assert wrong == "results differ: 3.10 x86_64 aa, 3.11 x86_64 bb"
    old = tried("3.10", old_cpus={"Nehalem": {"digest": "cc"}})
    assert "3.10 x86_64 Nehalem cc" in different([old])


def test_all_of_it_is_kept(tmp_path):
    write_json([tried("3.11"), NOT_RUN, FAILED], tmp_path / "wheels.json")
    first, second, third = json.loads((tmp_path / "wheels.json").read_text())
    assert first["floor"] == "2.17"
    assert first["bytes"] == 1_234_567
    assert first["found"]["digest"] == "aa"
    assert second["found"] is None
    assert third["problem"] == "no headers of Python 3.14"
