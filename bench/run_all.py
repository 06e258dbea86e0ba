# SPDX-License-Identifier: Apache-2.0
"""Runs every benchmark, each in a process of its own; one record of all, and the README's table.

A script that fails or takes too long is reported, the rest goes on, and the exit code is 1. The
README is rewritten only from a full run in which everything went well.

    python bench/run_all.py [--list] [--only NAME ...] [--again RECORD] [--quick] [--no-readme]
                            [--table RECORD]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import readme_table
import record
from mgn_fast.bench.load.noise import noise_between, read_counters
from mgn_fast.common.files import write_atomically

BENCH = Path(__file__).parent
SHOWN_LINES = 15  # of a failed script's output
INTERRUPTED = 130


@dataclass(frozen=True)
class Run:
    """A script with its arguments; `quick` are those of --quick, None leaves it out there."""

    name: str
    script: str
    arguments: str
    quick: str | None
    timeout_s: float

    def words(self, *, quick):
        """What follows the script's name."""
        return ((self.quick or "") if quick else self.arguments).split()


# In the order of the README's table.
RUNS = (
    Run("session", "bench_session.py", "--rounds 5", "--rounds 1 --pictures 8", 600),
    Run("two-sessions", "bench_two_sessions.py", "--rounds 7", "--rounds 1", 240),
    Run("preprocess", "bench_preprocess.py", "--rounds 7", "--rounds 1 --pictures 60", 180),
    Run("resize", "check_resize.py", "--count 20000", "--count 300", 300),
    Run("levels", "check_levels.py", "--count 20000", "--count 300", 300),
    Run("evaluation-levels", "check_evaluation.py", "--sets 70", "--sets 7", 300),
    Run("eval", "bench_eval.py", "--float64", "--rounds 1 --recipe-rounds 0", 480),
    Run("rerank", "bench_rerank.py", "--rounds 3", "--rounds 1 --no-recipe", 480),
    Run(
        "rerank-msmt17",
        "bench_rerank.py",
        "--shape msmt17 --rounds 1 --no-recipe --no-product --no-float32",
        None,  # its size is the question
        480,
    ),
    Run(
        "verification",
        "bench_verification.py",
        "--rounds 5",
        "--rounds 1 --queries 300 --no-sklearn",
        600,
    ),
    Run("search", "bench_search.py", "--rounds 5", "--rows 20000 --rounds 1", 600),
    Run("group", "bench_group.py", "--rounds 3", "--rounds 1 --persons 4 --rows 3000", 600),
    Run("cpu-engines", "bench_cpu_engines.py", "--rounds 5", "--rounds 1 --persons 4", 1200),
    Run("npu", "bench_npu.py", "--rounds 2 --seconds 1", "--rounds 1 --seconds 0.2", 480),
    Run(
        "bench",
        "check_bench.py",
        "--duration 1 --tries 20 --rounds 5",
        "--duration 0.2 --tries 2 --rounds 1",
        900,
    ),
    Run("faults-host", "check_faults.py", "--every 5", "--every 60", 480),
    Run(
        "faults-device",
        "check_faults.py",
        "--run-mode device --every 8",
        "--run-mode device --every 60",
        300,
    ),
    Run("cycles", "check_cycles.py", "--cycles 10000", "--cycles 200", 120),
    Run("kills", "check_kills.py", "--kills 50", "--kills 2 --pictures 60", 480),
    Run("gallery-edits", "check_gallery_edits.py", "--kills 50", "--kills 4 --rows 400", 480),
)


def collect(runs, *, quick=False, folder=BENCH, older=None):
    """The record of all of them: what was run how, what it wrote, what failed.

    With an older record what these runs wrote there is replaced, and the rest stays; each part
    tells itself when and where it was made. Ctrl-C ends the script that runs; the record holds
    those before it and says "interrupted".
    """
    started = time.monotonic()
    all_of_it = older or {
        "environment": record.environment(),
        "started": _now().isoformat(timespec="seconds"),
        "seconds": 0.0,
        "quick": quick,
        "interrupted": False,
        "records": {},
        "failed": [],
        "runs": [],
    }
    all_of_it["interrupted"] = False
    try:
        for run in runs:
            _forget(run.name, all_of_it)
            _run_one(run, run.words(quick=quick), folder, all_of_it)
    except KeyboardInterrupt:
        all_of_it["interrupted"] = True
        print("interrupted", flush=True)
    all_of_it["seconds"] += time.monotonic() - started
    if older:
        _put_in_order(all_of_it)
    return all_of_it


def to_repeat(older):
    """Names of the runs that a record lacks, or that failed in it."""
    failed = {entry["name"] for entry in older["failed"]}
    done = {row["name"] for row in older["runs"]}
    return [run.name for run in RUNS if run.name in failed or run.name not in done]


def _forget(name, all_of_it):
    """Takes out what a run left in the record."""
    for row in all_of_it["runs"]:
        if row["name"] == name:
            for written in row["records"]:
                del all_of_it["records"][written]
    for key in ("runs", "failed"):
        all_of_it[key] = [entry for entry in all_of_it[key] if entry["name"] != name]


def _put_in_order(all_of_it):
    """As a record of one go: the README's lines come from it."""
    names = [run.name for run in RUNS]
    all_of_it["runs"].sort(key=lambda row: names.index(row["name"]))
    written = [name for row in all_of_it["runs"] for name in row["records"]]
    all_of_it["records"] = {name: all_of_it["records"][name] for name in written}


def _run_one(run, words, folder, all_of_it):
    """Runs one script and adds what came of it; also when it is interrupted."""
    print(f"{run.name}: {run.script} {' '.join(words)}", flush=True)
    row = {"name": run.name, "script": run.script, "arguments": words, "records": []}
    all_of_it["runs"].append(row)
    failures = ["interrupted"]
    counters, started = read_counters(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mgn-fast-bench-") as made:
        log = Path(made, "log.txt")
        try:
            failures = _start([str(folder / run.script), *words], run.timeout_s, made, log)
        finally:
            row["seconds"] = time.monotonic() - started
            row["noise"] = asdict(noise_between(counters, read_counters()))
            failures += _take_records(Path(made), row, all_of_it["records"])
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            _report(row, failures, lines, all_of_it)


def _start(words, timeout_s, results, log):
    """Runs a script to its end or its time limit; what is wrong with how it ended."""
    places = {record.FOLDER_VARIABLE: str(results), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | places,
            start_new_session=True,  # so that what it started can be ended with it
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return [f"not done after {timeout_s:g} s"]
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return [f"exit code {code}"] if code else []


def _take_records(made, row, records):
    """Adds the records that a script wrote; what is wrong with them."""
    failures = []
    for path in sorted(made.glob("*.json")):
        try:
            content = json.loads(path.read_bytes(), parse_constant=_refuse)
            name, _ = content["name"], content["headlines"]
        except (ValueError, TypeError, KeyError) as error:
            failures.append(f"wrote a record that cannot be used: {error!r}")
            continue
        if name in records:
            failures.append(f"wrote a record {name!r}, which another run has written too")
            continue
        records[name] = content
        row["records"].append(name)
    return failures or ([] if row["records"] else ["wrote no record"])


def _report(row, failures, lines, all_of_it):
    """Prints how a run ended; what failed goes into the record."""
    row["failed"] = failures
    if failures:
        print("\n".join(f"    {line}" for line in lines[-SHOWN_LINES:]))
        all_of_it["failed"].append({"name": row["name"], "reasons": failures})
    for name in row["records"]:
        for headline in all_of_it["records"][name]["headlines"]:
            print(f"    {headline['what']}: {headline['figure']}")
    how = "FAILED, " + ", ".join(failures) if failures else "ok"
    print(f"    {row['seconds']:.0f} s, {how}", flush=True)


def kind_of(all_of_it, *, missing):
    """The record's name: "all", or what it is instead; so that it replaces no full record."""
    if all_of_it["failed"] or all_of_it["interrupted"]:
        return "all-incomplete"
    return "all-quick" if all_of_it["quick"] else "all-only" if missing else "all"


def write(all_of_it, kind):
    """Writes DATE-kind.json, whole or not at all."""
    path = record.folder() / f"{_now():%Y-%m-%d}-{kind}.json"
    write_atomically(path, (json.dumps(all_of_it, indent=1, allow_nan=False) + "\n").encode())
    print(f"record: {path}")
    return path


def choose(arguments, older=None):
    """The runs that are asked for."""
    names = arguments.only
    if older:
        names = [*(names or []), *to_repeat(older)]
    named = [run for run in RUNS if names is None or run.name in names]
    return [run for run in named if not arguments.quick or run.quick is not None]


def parse(words):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [run.name for run in RUNS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help="these runs only")
    parser.add_argument(
        "--again",
        type=Path,
        metavar="RECORD",
        help="run what failed or is missing there, and --only, and make one record of both",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: does it work at all?")
    parser.add_argument("--no-readme", action="store_true", help="leave README.md as it is")
    parser.add_argument("--list", action="store_true", help="say what would be run, and end")
    parser.add_argument("--table", type=Path, metavar="RECORD", help="only rewrite README.md, from")
    return parser.parse_args(words)


def main(words=None):
    """Runs, records, rewrites the table; 1 if something failed, 130 after Ctrl-C."""
    arguments = parse(words)
    if arguments.table:
        readme_table.rewrite(arguments.table)
        return 0
    older = json.loads(arguments.again.read_bytes()) if arguments.again else None
    if older and older["quick"] != arguments.quick:
        print(f"{arguments.again} is of other sizes: quick is {older['quick']}", file=sys.stderr)
        return 2
    runs = choose(arguments, older)
    if arguments.list:
        for run in runs:
            words = " ".join(run.words(quick=arguments.quick))
            print(f"{run.name:14} {run.script} {words}, at most {run.timeout_s:g} s")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):  # the first is ignored in a background job
        signal.signal(number, signal.default_int_handler)
    all_of_it = collect(runs, quick=arguments.quick, older=older)
    kind = kind_of(all_of_it, missing=to_repeat(all_of_it))
    path = write(all_of_it, kind)
    if kind == "all" and not arguments.no_readme:
        readme_table.rewrite(path)
    elif not arguments.no_readme:
        print(f"README.md is left as it is: {kind}")
    if all_of_it["interrupted"]:
        return INTERRUPTED
    for failed in all_of_it["failed"]:
        print(f"FAILED {failed['name']}: {', '.join(failed['reasons'])}")
    return int(bool(all_of_it["failed"]))


def _refuse(constant):
    """NaN and infinities are no JSON, and would keep the record of all from being written."""
    raise ValueError(f"{constant} is no JSON")


def _now():
    return datetime.datetime.now(datetime.timezone.utc)


if __name__ == "__main__":
    sys.exit(main())
