# SPDX-License-Identifier: Apache-2.0
"""Does every failure of every AscendCL call end in a typed error that leaves nothing behind?

On the simulator: a run that opens a session with 3 lanes, embeds 50 pictures and closes is
repeated; each time one call of it fails with one of the codes below, until every call has failed
with every code. Each time: a DeviceError that names the call (or, where the failure was none, the
right embeddings), an empty ledger, less than 5 seconds, and a next open that works.

    python bench/check_faults.py [--run-mode host|device] [--every 1]
"""

from __future__ import annotations

import argparse
import collections
import gc
import tempfile
import time
from pathlib import Path

import numpy as np

import record
from mgn_fast import DeviceError, Embedder, _core, simulator
from mgn_fast.simulator import write_om
from mgn_fast.spec import Contract

CODES = (
    100000, 107002, 107003, 107017, 145000, 145003, 200000, 207001,
    207018, 500002, 507011, 507015, 507046, 507899,
)  # fmt: skip


def embed(path, pictures):
    """The whole life: AscendCL is started and ended too."""
    try:
        with Embedder(path, lanes=3) as embedder:
            return embedder(pictures)
    finally:
        _core.ascend_stop()


def outcome(path, pictures):
    """Call and code of the error, or the embeddings."""
    try:
        return None, embed(path, pictures)
    except DeviceError as error:
        return (error.call, error.code), None


def main():
    """Sweeps, prints, records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run-mode", choices=("host", "device"), default="host")
    parser.add_argument("--every", type=int, default=1, help="test every n-th call only")
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (384, 128, 3), dtype=np.uint8) for _ in range(50)]
    seen = collections.Counter()
    slowest_s = 0.0
    with tempfile.TemporaryDirectory() as name:
        path = write_om(Path(name) / "mgn.om", batch_sizes=(8,), weight_bytes=1 << 16)
        Path(f"{path}.json").write_text('{"contract": ' + Contract().to_json() + "}")
        simulator.enable(
            timing=False, compute="deterministic", guard=True, run_mode=arguments.run_mode
        )
        expected = embed(path, pictures)
        simulator.reset_ledger()
        embed(path, pictures)
        num_calls = sum(simulator.ledger()["calls"].values())
        for nth in range(1, num_calls + 1, arguments.every):
            for code in CODES:
                simulator.fail("*", nth, code)
                started = time.perf_counter()
                failure, embeddings = outcome(path, pictures)
                slowest_s = max(slowest_s, time.perf_counter() - started)
                simulator.reset_faults()
                seen["error" if failure else "no loss"] += 1
                if failure:
                    assert failure[0].startswith("acl"), failure
                    assert failure[1], failure
                else:
                    np.testing.assert_array_equal(embeddings, expected)
                gc.collect()
                ledger = simulator.ledger()
                assert not any(ledger["live"].values()), (nth, code, ledger["live"])
                assert ledger["violations"] == [], (nth, code, ledger["violations"][:3])
            np.testing.assert_array_equal(embed(path, pictures), expected)
        simulator.disable()
    assert slowest_s < 5, slowest_s
    figures = {
        "simulated": "Ascend310P3",
        "environment": record.environment(),
        "run_mode": arguments.run_mode,
        "calls": num_calls,
        "codes": CODES,
        "every": arguments.every,
        "outcomes": seen,
        "slowest_s": slowest_s,
    }
    print(figures)
    record.write(f"faults-{arguments.run_mode}", figures)


if __name__ == "__main__":
    main()
