# SPDX-License-Identifier: Apache-2.0
"""Records of benchmarks as `mgn-fast bench` makes them, with figures that hang together.

Not measurements: rates follow the published table of a 310P, or a made-up CPU, with seeded noise.
"""

import copy

import numpy as np

BATCHES = (1, 4, 8, 16, 32, 64)
PUBLISHED = dict(zip(BATCHES, (640.829, 1453.49, 1519.17, 1388.27, 1367.63, 1364.84), strict=True))
PUBLISHED_SOURCE = "MGN's published table, Ascend 310P, July 2022: the execute call alone"
PERCENTILES = (50, 90, 95, 99)
INPUT_BYTES = 3 * 384 * 128 * 4
HOSTILE = '<script>alert(1)</script>"&.om'


def model(path="/models/mgn_bs8.om", backend="ascend"):
    return {
        "path": path,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "bytes": 137_216_004,
        "backend": backend,
        "input_shape": [-1, 3, 384, 128],
        "input_dtype": "float32",
        "embedding_width": 2048,
        "contract": {"interpolation": "pillow-bicubic", "height": 384, "width": 128},
        "contract_origin": "preset 'recipe'",
    }


def latency(random, mean_ms, samples):
    """A percentile only where ten samples lie beyond it."""
    spread = {50: 0.99, 90: 1.04, 95: 1.07, 99: 1.16}
    found = {
        f"p{p}": mean_ms * spread[p] * random.uniform(0.99, 1.01)
        if samples * (100 - p) / 100 >= 10
        else None
        for p in PERCENTILES
    }
    return {"mean": mean_ms, "max": mean_ms * 1.4, "samples": samples} | found


def run(random, *, rate, batch_size, lanes, stages, occupancy, bottleneck, **changes):
    """One row. Its latency is what Little's law says of that rate and that many lanes."""
    repeats = [rate * random.normal(1, 0.002) for _ in range(3)]
    mean = float(np.mean(repeats))
    latency_ms = 1000 * lanes * batch_size / mean
    half = 2 * float(np.std(repeats)) / 3**0.5
    return {
        "model": "/models/mgn_bs8.om",
        "backend": "ascend",
        "precision": None,
        "batch_size": batch_size,
        "lanes": lanes,
        "workers": None,
        "threads": None,
        "scope": "device",
        "device": "0",
        "simulated": True,
        "load": {"kind": "closed", "rate": None},
        "mirror": False,
        "images_per_s": mean,
        "images_per_s_ci95": [mean - half, mean + half],
        "images_per_s_repeats": repeats,
        "network_images_per_s": mean,
        "latency_ms": latency(random, latency_ms, int(30 * mean / batch_size)),
        "stages_ms": stages,
        "occupancy": occupancy,
        "device_idle": 1 - occupancy["compute"],
        "bottleneck_stage": "compute",
        "bottleneck": bottleneck,
        "memory": {"peak_resident_bytes": 612_000_000, "peak_device_bytes": 300_000_000},
        "cold_start_s": {"load": 0.412, "first_inference": 0.0031},
        "littles_law": {"in_flight": float(lanes), "rate_times_latency": lanes * 0.996},
        "noise": {
            "steal_share": 0.001,
            "other_load_share": 0.012,
            "throttled_share": 0.0,
            "frequency_drop": None,
        },
        "valid": True,
        "reasons": [],
        "slo": None,
        "published": None,
        "accuracy": None,
        "baseline": None,
    } | changes


def record(runs, models, *, simulated, **changes):
    soc = {"soc_name": "Ascend310P3", "version": "simulated 1.0", "simulated": simulated}
    return {
        "schema": "mgn_fast.bench/1",
        "command": ["mgn-fast", "bench", models[0]["path"], "--lanes", "1,2,3", "--html", "b.html"],
        "started": "2026-11-23T02:45:00+00:00",
        "seconds": 612.4,
        "interrupted": False,
        "options": {
            "batch": list(BATCHES),
            "lanes": [1, 2, 3],
            "scope": "device",
            "duration": 10.0,
            "repeat": 3,
            "percentiles": list(PERCENTILES),
            "images": None,
            "strict": False,
        },
        "environment": {
            "mgn_fast": "0.1.0",
            "cpu": "AMD EPYC 9R45",
            "cores": 2,
            "memory_bytes": 24_300_000_000,
            "os": "Linux 6.12 (Debian 12)",
            "python": "3.11.7",
            "packages": {"numpy": "2.4.6", "onnxruntime": "1.32.0", "openvino": None},
            "simd": "avx512",
            "governor": None,
            "load_average": 0.31,
            "ascend": soc if models[0]["backend"] == "ascend" else None,
        },
        "model": models[0],
        "models": models,
        "runs": runs,
        "baseline": None,
    } | changes


def _npu_run(random, batch_size, lanes, **changes):
    compute = 1000 * batch_size / PUBLISHED[batch_size]
    h2d, d2h = batch_size * INPUT_BYTES / 10e6, batch_size * 2048 * 4 / 10e6
    busy = compute if lanes > 1 else compute + h2d + d2h + 0.05
    shares = {"lane_wait": 0.93, "h2d": h2d / busy, "compute": compute / busy, "d2h": d2h / busy}
    idle = 1 - compute / busy
    words = f"compute-bound: the device is {1 - idle:.0%} busy"
    return run(
        random,
        rate=1000 * batch_size / busy * 0.998,
        batch_size=batch_size,
        lanes=lanes,
        stages={"lane_wait": busy * 0.9, "h2d": h2d, "compute": compute, "d2h": d2h},
        occupancy={"feed": 0.07} | shares,
        bottleneck=words + (", else it waits for copies; use 2 lanes" if idle > 0.03 else ""),
        published={
            "images_per_s": PUBLISHED[batch_size],
            "source": PUBLISHED_SOURCE,
        },
        **changes,
    )


def simulated(seed=0, **changes):
    """The default sweep on a simulated 310P: six batch sizes, three lane counts."""
    random = np.random.default_rng(seed)
    runs = [_npu_run(random, n, lanes) for n in BATCHES for lanes in (1, 2, 3)]
    return record(runs, [model()], simulated=True, **changes)


def pictures(seed=0, **changes):
    """From JPEG files on a CPU, two precisions; with everything a row may have."""
    random = np.random.default_rng(seed)
    path = "/models/mgn.onnx"
    runs = []
    for precision, base in (("float32", 17.0), ("bf16", 33.0)):
        for lanes in (1, 2):
            for batch_size in (1, 4, 8, 16):
                rate = base * (1 - 0.3 / batch_size) * (1 + 0.04 * lanes)
                compute = 1000 * 2 * batch_size / rate / 1.1
                preparing = {"decode": 0.4, "resize": 0.9, "pack": 0.25}
                stages = {stage: ms * batch_size for stage, ms in preparing.items()}
                one = run(
                    random,
                    rate=rate,
                    batch_size=batch_size,
                    lanes=lanes,
                    stages=stages | {"lane_wait": compute * 0.4, "compute": compute, "fuse": 0.02},
                    occupancy={"decode": 0.03, "feed": 0.05, "lane_wait": 0.9, "compute": 0.97},
                    bottleneck="compute-bound: the CPU computes 97 % of the time; try int8",
                    model=path,
                    backend="openvino",
                    precision=precision,
                    workers=2,
                    threads=2 // lanes,
                    scope="e2e",
                    device="cpu",
                    simulated=False,
                    mirror=True,
                    memory={"peak_resident_bytes": 1_432_000_000, "peak_device_bytes": None},
                    slo={"limit": "p99:500ms", "met": batch_size < 8},
                )
                one["network_images_per_s"] = 2 * one["images_per_s"]
                one["accuracy"] = {
                    "reference": "/models/float32.onnx",
                    "num_pictures": 512,
                    "cosine_mean": 0.99991 if precision == "float32" else 0.9991,
                    "cosine_min": 0.9979,
                    "top1_agreement": 0.998,
                    "map_drop": 0.0004 if precision == "bf16" else None,
                    "map_drop_reranked": None,
                }
                one["baseline"] = {
                    "images_per_s": rate * 1.02,
                    "ratio": 0.98 if batch_size > 1 else 0.91,
                    "p_value": 0.34 if batch_size > 1 else 0.0004,
                    "regressed": batch_size == 1,
                }
                runs.append(one)
    runs[3] |= {
        "valid": False,
        "reasons": ["3.1 % of the CPU time was stolen by other guests, expected at most 1 %"],
    }
    against = {
        "path": "/records/old.json",
        "max_regress": 0.05,
        "notes": ["the CPU was AMD EPYC 7763"],
        "missing": ["batch 32, 1 lane"],
    }
    changes = {"baseline": against} | changes
    return record(runs, [model(path, "openvino")], simulated=False, **changes)


def cpu(seed=0, **changes):
    """One batch size, one lane: a single row."""
    made = pictures(seed)
    row = made["runs"][2] | {"accuracy": None, "baseline": None, "slo": None}
    return made | {"runs": [row], "baseline": None} | changes


def interrupted(**changes):
    """Ctrl-C before the first row."""
    return simulated() | {"runs": [], "interrupted": True, "seconds": 0.8} | changes


def hostile(name=HOSTILE):
    """Every text of the record that comes from outside is an attack."""
    made = copy.deepcopy(simulated())
    made["command"][2] = name
    made["models"] = [model(name), model(name + "2")]
    made["model"] = made["models"][0]
    made["options"] |= {"images": name, name: [name]}
    environment = made["environment"]
    environment |= dict.fromkeys(("cpu", "os", "governor", "simd", "python", "mgn_fast"), name)
    environment["packages"][name] = name
    environment["ascend"] |= {"soc_name": name, "version": name}
    for row in made["runs"]:
        row |= {"model": name, "precision": name, "bottleneck": name, "device": name}
        row |= {"valid": False, "reasons": [name], "slo": {"limit": name, "met": False}}
        row["published"]["source"] = name
    made["runs"][0]["model"] = name + "2"
    made["baseline"] = {"path": name, "max_regress": 0.05, "notes": [name], "missing": [name]}
    return made
