# SPDX-License-Identifier: Apache-2.0
"""The programs that the documents' commands find when tests run them; a program of its own.

`mgn-fast` and `python` are the real ones. With MGN_FAST_DOCS_QUICK, a directory, a small network
with MGN's input, output and contract takes the place of what an export wrote (the export itself is
real, once for each form), and `bench` and `tune` measure for a moment by default. With
MGN_FAST_DOCS_HOST, a directory laid out as an Ascend host's, the simulator with two devices is in
AscendCL's place and nothing asks whether it is one, so that commands go the way of a real host.
`pip`, `pytest`, `python -m venv`, the TOOLS and, on that host, `npu-smi` and `docker` are stand-ins
that check what they are given.
"""

import functools
import inspect
import os
import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT / "tests")  # as pytest has it
NUM_DEVICES = 2
TOOLS = ("build_wheels", "pip_for")
TABLE = """\
+------------------------------------------------------------------------------------------------+
| npu-smi 23.0.3                       Version: 23.0.3                                           |
+-----------------------+-----------------+------------------------------------------------------+
| NPU     Name          | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
| Chip    Device        | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |
+=======================+=================+======================================================+
| 0       310P3         | OK              | 15.8         42                0     / 0             |
| 0       0             | 0000:82:00.0    | 0            1074 / 21534                            |
+=======================+=================+======================================================+
| 1       310P3         | OK              | 15.6         41                0     / 0             |
| 0       1             | 0000:83:00.0    | 0            1074 / 21534                            |
+=======================+=================+======================================================+
"""


def quicken(folder):
    """Puts the small network where exports are made, and shortens what measures by the clock."""
    import mgn_fast
    from mgn_fast.bench import Pace, models, tuning
    from mgn_fast.cli import bench_options
    from mgn_fast.cli.commands import demo, export, tune

    quick = functools.partial(quick_export, folder, mgn_fast.export_onnx)
    for module in (mgn_fast, export, demo, models):
        module.export_onnx = quick
    bench_options.Pace = lambda: Pace(warmup_s=0.05, duration_s=0.05, repeats=3)
    tune.tune = lambda *a, budget_s, **o: tuning.tune(*a, budget_s=min(budget_s, 5), **o)


def quick_export(folder, export_onnx, checkpoint, path, **options):
    """A real export of a checkpoint, once for each form; then the small network in its place."""
    from mgn_fast.models.contract import Contract
    from mgn_fast.models.onnx_file import read_onnx
    from support.small_network import write_small_network

    usual = {name: p.default for name, p in inspect.signature(export_onnx).parameters.items()}
    asked = {name: value for name, value in options.items() if value != usual[name]}
    form = "-".join(f"{name}={value}" for name, value in sorted(asked.items()))
    kept = folder / f"{Path(checkpoint or 'random').suffix}-{form}.json"
    if checkpoint is not None and not kept.exists():
        export_onnx(checkpoint, path, **options)
        kept.write_text(read_onnx(Path(path)).contract.to_json())
    if checkpoint is None:
        names = {"input": options.get("input", "float32"), "seed": options.get("seed", 0)}
        mirror = "inside" if options.get("fuse_mirror", False) else "add"
        contract = Contract(**names, mirror=mirror)
    else:
        contract = Contract.from_json(kept.read_text(), source=str(kept))
    small = {name: options[name] for name in ("batch_size", "opset") if options.get(name)}
    return write_small_network(Path(path), contract=contract, **small)


def settle_on_host(root):
    """The simulator as this host's AscendCL, and the places where a driver leaves its files."""
    from mgn_fast import simulator
    from mgn_fast.bench import tuned
    from mgn_fast.bench.record import environment
    from mgn_fast.cann import host
    from mgn_fast.doctor import ascend, bundle
    from mgn_fast.inference.backend_ascend import AscendModel

    host._INSTALLED = root / "etc/ascend_install.info"
    host._DEVICE_FILES = root / "dev"
    simulator.enable(timing=True, device_count=NUM_DEVICES)
    for module in (ascend, bundle, tuned, host):
        module.is_simulated = lambda: False
    AscendModel.simulated = False
    assert environment.host is host


def pip(words):
    """Checks an installation's command against the project file; installs nothing."""
    assert words[0] in ("install", "download"), words
    text = (ROOT / "pyproject.toml").read_text()
    extras = set(re.findall(r"^(\w+) = \[", text.partition("optional-dependencies]")[2], re.M))
    given = iter(words[1:])
    for word in given:
        if word in ("-c", "-r"):
            assert (ROOT / next(given)).is_file(), words
        elif word in ("-d", "--find-links", "--extra-index-url"):
            next(given)
        elif not word.startswith("-"):
            match = re.fullmatch(r"(\.|mgn-fast|[\w-]+(?:[<>=]+[\d.]+)?)(?:\[([\w,]+)\])?", word)
            assert match, word
            assert set((match[2] or "").split(",")) - {""} <= extras, word
    return 0


def tool(name, words):
    """Reads a tool's options by its own parser, and pip's; builds and fetches nothing."""
    sys.argv = [name, *words]
    told = runpy.run_path(str(ROOT / "tools" / name))["parse"]()
    return pip([told.command, *told.arguments]) if name == "pip_for" else 0


def pytest(words):
    """Checks that what is to be tested is there; runs nothing."""
    assert all((ROOT / word).exists() for word in words if not word.startswith("-")), words
    return 0


def docker(words):
    """Checks that a container gets device files and directories of a driver's; starts none."""
    from mgn_fast.cann import host

    known = {pattern.replace("[0-9]*", "0") for pattern in host._DEVICES}
    assert words[0] == "run", words
    given = iter(words[1:])
    devices, targets, rest = set(), set(), []
    for word in given:
        if word.startswith("--device="):
            devices.add(word.removeprefix("--device=/dev/"))
        elif word == "-v":
            source, target, *mode = next(given).split(":")
            assert source.startswith("/"), source
            assert mode in ([], ["ro"]), mode
            targets.add(target)
        elif word != "--rm":
            rest.append(word)
    assert {"davinci0", "davinci_manager"} <= devices <= known, devices - known
    # A card has these two and a board neither.
    assert len(devices & {"devmm_svm", "hisi_hdc"}) in (0, 2), devices
    assert any(target.endswith("/usr/local/Ascend/driver") for target in targets), targets
    assert rest == ["my-image", "mgn-fast", "doctor"], rest
    return 0


def python(words):
    """Runs a module, a line of code or a file; makes of a virtual environment the script only."""
    if words[:2] == ["-m", "venv"]:
        script = Path(words[2], "bin", "activate")
        script.parent.mkdir(parents=True)
        script.touch()
        return 0
    sys.path.insert(0, "")
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(words[1], {"__name__": "__main__"})
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
    return 0


def main(name, *words):
    """Runs one program of the documents."""
    name = name.removesuffix("3")
    if name in ("mgn-fast", "python"):
        if quick := os.environ.get("MGN_FAST_DOCS_QUICK"):
            quicken(Path(quick))
        if host := os.environ.get("MGN_FAST_DOCS_HOST"):
            settle_on_host(Path(host))
    if name == "mgn-fast":
        from mgn_fast.cli import main as command

        sys.argv = ["mgn-fast", *words]
        return command(list(words))
    if name == "npu-smi":
        assert words[:1] in (("info",), ("-v",)), words
        sys.stdout.write(TABLE)
        return 0
    if name in TOOLS:
        return tool(name, list(words))
    return {"docker": docker, "pip": pip, "pytest": pytest, "python": python}[name](list(words))


def install(folder, names=("mgn-fast", "python", "python3", "pip", "pytest")):
    """Writes the programs into a directory that goes first into PATH."""
    folder.mkdir()
    for name in names:
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" {name} "$@"\n')
        path.chmod(0o755)
    return folder


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
