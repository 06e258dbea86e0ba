# SPDX-License-Identifier: Apache-2.0
"""What the benchmark's tests share: repeats, runs and records with figures put in by hand."""

from mgn_fast.bench.load.noise import Noise
from mgn_fast.bench.load.window import Repeat

QUIET = Noise(steal_share=0.0, other_load_share=0.0, throttled_share=0.0, frequency_drop=0.0)
SILENT = Noise(None, None, None, None)


class Clock:
    """Tells the time that it was set to."""

    def __init__(self, now_s=0.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


def a_repeat(gaps_s, *, started_s=0.0, images=8, latency_s=0.01):
    """A repeat whose bursts are so far apart, each of so many images."""
    repeat = Repeat(started_s)
    now_s = started_s
    for gap_s in gaps_s:
        repeat.bursts_s.append(now_s)
        repeat.images += images
        repeat.latencies_s.append(latency_s)
        now_s += gap_s
    repeat.ended_s = now_s
    return repeat


def a_run(repeats=(100.0, 101.0, 99.0, 100.5, 99.5), **changes):
    """An entry of a record's `runs`, as schema.json says, for a batch of 8 on a simulated NPU."""
    rate = sum(repeats) / len(repeats)
    return {
        "model": "/models/mgn.om",
        "backend": "ascend",
        "precision": None,
        "batch_size": 8,
        "lanes": 2,
        "workers": None,
        "threads": None,
        "scope": "device",
        "device": "0",
        "simulated": True,
        "load": {"kind": "closed", "rate": None},
        "mirror": False,
        "images_per_s": rate,
        "images_per_s_ci95": [rate * 0.99, rate * 1.01],
        "images_per_s_repeats": list(repeats),
        "network_images_per_s": rate,
        "latency_ms": {"mean": 10.5, "p50": 10.25, "p99": None, "max": 12.0, "samples": 300},
        "stages_ms": {"lane_wait": 5.0, "h2d": 0.5, "compute": 5.25, "d2h": 0.01},
        "occupancy": {"feed": 0.0, "lane_wait": 0.9, "h2d": 0.1, "compute": 0.99, "d2h": 0.002},
        "device_idle": 0.01,
        "bottleneck_stage": "compute",
        "bottleneck": "compute-bound: the device is busy 99% of the time",
        "memory": {"peak_resident_bytes": 612_000_000, "peak_device_bytes": None},
        "cold_start_s": {"load": 0.4, "first_inference": 0.003},
        "littles_law": {"in_flight": 16.0, "rate_times_latency": 16.1},
        "noise": {
            "steal_share": 0.0,
            "other_load_share": 0.1,
            "throttled_share": None,
            "frequency_drop": None,
        },
        "valid": True,
        "reasons": [],
        "slo": None,
        "published": None,
        "accuracy": None,
        "baseline": None,
    } | changes


def a_model(path="/models/mgn.om", sha256="ab" * 32):
    """An entry of a record's `models`."""
    return {
        "path": path,
        "sha256": sha256,
        "bytes": 1000,
        "backend": "ascend",
        "input_shape": [3, 384, 128],
        "input_dtype": "float32",
        "embedding_width": 2048,
        "contract": None,
        "contract_origin": None,
    }


def a_record(runs, /, **changes):
    """A record of these runs."""
    models = [a_model(path) for path in dict.fromkeys(run["model"] for run in runs)]
    return {
        "schema": "mgn_fast.bench/1",
        "command": ["mgn-fast", "bench", "/models/mgn.om"],
        "started": "2026-11-23T03:00:00+00:00",
        "seconds": 12.5,
        "interrupted": False,
        "options": {"batch": [8]},
        "environment": {
            "mgn_fast": "0.1.0",
            "cpu": "Abacus 2000",
            "cores": 2,
            "memory_bytes": None,
            "os": "Linux",
            "python": "3.11.7",
            "packages": {"numpy": "2.4.6", "openvino": None},
            "simd": "avx2",
            "governor": None,
            "load_average": 0.5,
            "ascend": None,
        },
        "model": models[0] if models else a_model(),
        "models": models or [a_model()],
        "runs": runs,
        "baseline": None,
    } | changes
