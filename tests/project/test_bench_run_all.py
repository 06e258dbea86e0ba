# SPDX-License-Identifier: Apache-2.0
"""run_all.py: scripts in processes of their own, collected into one record, come what may."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.bench_scripts import BENCH, ROOT, a_record, load

run_all = load("run_all")

GOOD = f"""
import sys
sys.path.insert(0, {str(BENCH)!r})
import record
record.write("good", {{"words": sys.argv[1:]}}, [record.headline("a", "1")])
"""
FAILING = "raise SystemExit('the answers differ')"
HANGING = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(600)
"""
INTERRUPTING = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(600)"


def scripts(folder, **texts):
    """Runs of scripts with these texts."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    words = {"good": "--rounds 5", "hanging": str(folder / "child")}
    limits = {"hanging": 5}
    return [
        run_all.Run(name, f"{name}.py", words.get(name, ""), "--few", limits.get(name, 60))
        for name in texts
    ]


@pytest.mark.usefixtures("own_process")
def test_a_script_that_fails_or_hangs_is_reported_and_the_rest_goes_on(tmp_path, capsys):
    runs = scripts(tmp_path, failing=FAILING, hanging=HANGING, good=GOOD)
    found = run_all.collect(runs, folder=tmp_path)
    assert list(found["records"]) == ["good"]
    assert found["records"]["good"]["words"] == ["--rounds", "5"]
    assert found["failed"] == [
        {"name": "failing", "reasons": ["exit code 1", "wrote no record"]},
        {"name": "hanging", "reasons": ["not done after 5 s", "wrote no record"]},
    ]
    assert [run["name"] for run in found["runs"]] == ["failing", "hanging", "good"]
    assert [run["arguments"] for run in found["runs"]][2] == ["--rounds", "5"]
    assert all(run["seconds"] > 0 and "steal_share" in run["noise"] for run in found["runs"])
    assert run_all.kind_of(found, missing=[]) == "all-incomplete"
    assert "the answers differ" in capsys.readouterr().out
    assert is_over(int((tmp_path / "child").read_text()))


def is_over(pid):
    """Whether a process is gone, or only waits for its exit code to be read."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


DRIVER = f"""
import json, signal, sys
from pathlib import Path
sys.path.insert(0, {str(BENCH)!r})
import run_all
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = Path(sys.argv[1])
runs = [run_all.Run(name, name + ".py", "", "--few", 60) for name in sys.argv[2:]]
found = run_all.collect(runs, quick=True, folder=folder)
(folder / "found.json").write_text(json.dumps(found))
"""


@pytest.mark.usefixtures("own_process")
def test_ctrl_c_keeps_what_is_there(tmp_path):
    """In a process of its own: the signal is for all of one, native threads included."""
    scripts(tmp_path, good=GOOD, interrupting=INTERRUPTING, failing=FAILING)
    words = [sys.executable, "-c", DRIVER, str(tmp_path), "good", "interrupting", "failing"]
    subprocess.run(words, check=True, timeout=120, capture_output=True)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["interrupted"]
    assert found["records"]["good"]["words"] == ["--few"]
    assert [run["name"] for run in found["runs"]] == ["good", "interrupting"]
    assert found["failed"] == [
        {"name": "interrupting", "reasons": ["interrupted", "wrote no record"]}
    ]
    assert run_all.kind_of(found, missing=[]) == "all-incomplete"


@pytest.mark.usefixtures("own_process")
def test_records_that_cannot_be_used_are_reported_and_do_not_spoil_the_others(tmp_path):
    place = "import os; open(os.environ['MGN_FAST_BENCH_RESULTS'] + '/x.json', 'w').write"
    runs = scripts(
        tmp_path,
        good=GOOD,
        again=GOOD,
        half=f"{place}('{{\"name\": ')",
        nan=f'{place}(\'{{"name": "nan", "headlines": [], "ratio": NaN}}\')',
        bare=f'{place}(\'{{"name": "bare"}}\')',
    )
    found = run_all.collect(runs, folder=tmp_path)
    assert list(found["records"]) == ["good"]
    assert [one["name"] for one in found["failed"]] == ["again", "half", "nan", "bare"]
    assert "another run" in found["failed"][0]["reasons"][0]
    assert all("cannot be used" in one["reasons"][0] for one in found["failed"][1:])


@pytest.mark.usefixtures("own_process")
def test_what_failed_is_run_again_and_takes_its_place(tmp_path, monkeypatch):
    runs = scripts(tmp_path, flaky=FAILING, good=GOOD)
    monkeypatch.setattr(run_all, "RUNS", runs)
    older = run_all.collect(runs, folder=tmp_path)
    assert run_all.to_repeat(older) == ["flaky"]
    (tmp_path / "flaky.py").write_text(GOOD.replace("good", "flaky"))
    (tmp_path / "good.py").write_text(FAILING)  # not run again
    seconds = older["seconds"]
    found = run_all.collect(runs[:1], folder=tmp_path, older=older)
    assert run_all.to_repeat(found) == []
    assert list(found["records"]) == ["flaky", "good"]
    assert [row["name"] for row in found["runs"]] == ["flaky", "good"]
    assert found["failed"] == []
    assert found["seconds"] > seconds


@pytest.mark.parametrize(
    ("changes", "missing", "expected"),
    [
        ({}, [], "all"),
        ({}, ["eval"], "all-only"),
        ({"quick": True}, ["eval"], "all-quick"),
        ({"failed": [{}]}, [], "all-incomplete"),
        ({"interrupted": True}, [], "all-incomplete"),
    ],
)
def test_only_a_full_run_gets_the_name_that_the_readme_links(changes, missing, expected):
    assert run_all.kind_of(a_record(**changes), missing=missing) == expected


def run_main(tmp_path, *words):
    return subprocess.run(
        [sys.executable, str(BENCH / "run_all.py"), *words],
        env=os.environ | {"MGN_FAST_BENCH_RESULTS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("own_process")
def test_two_real_scripts_at_small_sizes_make_one_record(tmp_path):
    readme = (ROOT / "README.md").read_bytes()
    done = run_main(tmp_path, "--quick", "--only", "resize", "cycles")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.iterdir()
    found = json.loads(path.read_text())
    assert path.name.endswith("-all-quick.json")
    assert found["quick"]
    assert set(found["records"]) == {"resize", "cycles"}
    assert found["records"]["cycles"]["cycles"] == 200
    assert (ROOT / "README.md").read_bytes() == readme


@pytest.mark.usefixtures("own_process")
def test_a_run_of_another_name_is_refused(tmp_path):
    done = run_main(tmp_path, "--only", "evil")
    assert done.returncode == 2
    assert "'evil'" in done.stderr
