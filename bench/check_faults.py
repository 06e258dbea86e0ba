# SPDX-License-Identifier: Apache-2.0
"""Does every failure of every AscendCL call end in a typed error that leaves nothing behind?

On the simulator: a run that opens a session with 3 lanes, embeds 50 pictures and closes is
repeated; each time one call of it fails with one of the codes below, until every call has failed
with every code. Each time: a DeviceError that names the call (or, where the failure was none, the
right embeddings), an empty ledger, less than 5 seconds, and a next open that works. The exit code
says whether any ended otherwise.

    python bench/check_faults.py [--run-mode host|device] [--cann 9.1] [--soc Ascend310P3]
                                 [--every 1]
"""

from __future__ import annotations

import argparse
import collections
import gc
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import record
from mgn_fast import DeviceError, Embedder, _core, simulator
from mgn_fast.models.contract import Contract
from mgn_fast.simulator import write_om

CODES = (
    100000, 107002, 107003, 107017, 145000, 145003, 200000, 207001,
    207018, 500002, 507011, 507015, 507046, 507899,
)  # fmt: skip
LIMIT_S = 5.0
DEFAULT = ("Ascend310P3", "9.1")


def embed(path, pictures):
    """The whole life: AscendCL is started and ended too."""
    try:
        with Embedder(path, lanes=3) as embedder:
            return embedder(pictures)
    finally:
        _core.ascend_stop()


def outcome(path, pictures, expected):
    """How a run with a failure ended: a word to count it by, and what is wrong with it or None."""
    try:
        same = np.array_equal(embed(path, pictures), expected)
    except DeviceError as error:
        named = error.call.startswith("acl") and error.code
        return "error", None if named else f"{error!r} names no call or no code"
    except Exception as error:
        return "another error", repr(error)
    return "no loss", None if same else "other embeddings, and no error"


def leftovers():
    """What the ledger still holds or objects to."""
    gc.collect()
    ledger = simulator.ledger()
    live = {kind: count for kind, count in ledger["live"].items() if count}
    if live or ledger["violations"]:
        return f"left behind: {live}, {ledger['violations'][:3]}"
    return None


def sweep(path, pictures, expected, calls):
    """Lets every call fail with every code; outcomes, what was wrong, the slowest run's seconds."""
    seen, wrong, slowest_s = collections.Counter(), [], 0.0
    for nth in calls:
        for code in CODES:
            simulator.fail("*", nth, code)
            started = time.perf_counter()
            word, complaint = outcome(path, pictures, expected)
            seconds = time.perf_counter() - started
            simulator.reset_faults()
            seen[word] += 1
            slowest_s = max(slowest_s, seconds)
            late = None if seconds < LIMIT_S else f"took {seconds:.1f} s"
            found = [text for text in (complaint, leftovers(), late) if text]
            if found:
                wrong.append({"call": nth, "code": code, "found": found})
                print(wrong[-1], flush=True)
        if not np.array_equal(embed(path, pictures), expected):
            wrong.append({"call": nth, "code": None, "found": ["the next run's embeddings"]})
    return seen, wrong, slowest_s


def headlines(figures):
    """What the README says of it."""
    which = "every call" if figures["every"] == 1 else f"one call in {figures['every']}"
    what = (
        f"simulated {figures['machine']}, {figures['run_mode']}: injected AscendCL failures "
        f"({which}, {len(CODES)} codes) that end in a typed error and leave nothing behind"
    )
    injected = sum(figures["outcomes"].values())
    return [record.headline(what, f"{injected - len(figures['wrong']):,} of {injected:,}")]


def main():
    """Sweeps, prints, records; 1 if anything ended wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run-mode", choices=("host", "device"), default="host")
    parser.add_argument("--cann", default=DEFAULT[1], help="the simulated generation of CANN")
    parser.add_argument("--soc", default=DEFAULT[0], help="the simulated chip")
    parser.add_argument("--every", type=int, default=1, help="test every n-th call only")
    arguments = parser.parse_args()
    environment = record.environment()
    machine, suffix = "310P", ""
    if (arguments.soc, arguments.cann) != DEFAULT:
        machine = f"{arguments.soc} with CANN {arguments.cann}"
        suffix = f"-{arguments.soc}-{arguments.cann}"
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (384, 128, 3), dtype=np.uint8) for _ in range(50)]
    with tempfile.TemporaryDirectory() as name:
        om = {"batch_sizes": (8,), "weight_bytes": 1 << 16, "soc_version": arguments.soc}
        path = write_om(Path(name) / "mgn.om", **om)
        Path(f"{path}.json").write_text('{"contract": ' + Contract().to_json() + "}")
        simulator.enable(
            arguments.soc,
            timing=False,
            compute="deterministic",
            guard=True,
            run_mode=arguments.run_mode,
            cann=arguments.cann,
        )
        expected = embed(path, pictures)
        simulator.reset_ledger()
        embed(path, pictures)
        num_calls = sum(simulator.ledger()["calls"].values())
        calls = range(1, num_calls + 1, arguments.every)
        seen, wrong, slowest_s = sweep(path, pictures, expected, calls)
        simulator.disable()
    figures = {
        "question": __doc__.splitlines()[0],
        "simulated": f"{arguments.soc}; no NPU was used",
        "machine": machine,
        "environment": environment,
        "run_mode": arguments.run_mode,
        "calls": num_calls,
        "codes": CODES,
        "every": arguments.every,
        "outcomes": seen,
        "wrong": wrong,
        "slowest_s": slowest_s,
    }
    print(seen, f"slowest {slowest_s:.2f} s")
    record.write(f"faults-{arguments.run_mode}{suffix}", figures, headlines(figures))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
