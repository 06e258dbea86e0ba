# SPDX-License-Identifier: Apache-2.0
"""What `--verbose` tells: what is in use, as soon as it is known, and where the time went."""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from mgn_fast import _core
from mgn_fast.cli.screen.course import Course
from mgn_fast.cli.screen.level import OPTIONS, is_verbose
from mgn_fast.cli.screen.progress import detail, working
from mgn_fast.common.bottleneck import StageTally
from mgn_fast.common.threads import thread_count

_LIBRARIES = ("numpy", "onnxruntime", "openvino", "torch", "onnx", "cv2", "simplejpeg")
# What the parser adds for us.
_OURS = ("run", "command_line", *OPTIONS)


class VerboseTally(StageTally):
    """A tally that also shows what else takes time, and tells what was opened with what."""

    def doing(self, what: str) -> AbstractContextManager[None]:
        """Shows with --verbose what an embedder does before its first picture."""
        return working(what)

    def using(self, what: str, settings: Mapping[str, object]) -> None:
        """Says with --verbose what a session or an embedder was opened with."""
        if is_verbose():
            told = dict(settings)
            if "backend" in told:
                told["backend"] = f"{told['backend']} ({_version(str(told['backend']))})"
            detail(f"{what}: {_listed(told)}")


def tell_settings(arguments: argparse.Namespace) -> None:
    """What runs, where, and with which options, those that were not given included.

    Args:
        arguments: parsed.
    """
    if not is_verbose():
        return
    info = _core.build_info()
    detail(
        f"mgn_fast {info['version']} ({info['compiler']}), Python {platform.python_version()} on "
        f"{platform.platform()}"
    )
    simd = f"{_core.simd_level()} of {', '.join(_core.simd_levels())}"
    detail(f"SIMD {simd}; {thread_count()} threads unless told otherwise")
    for line in _options(arguments):
        detail(line)


def tell_summary(course: Course, seconds: float) -> None:
    """Says with --verbose where the time went, and the memory it took.

    Args:
        course: of the command.
        seconds: that it took in all.
    """
    if not is_verbose():
        return
    steps: defaultdict[str, float] = defaultdict(float)
    for step in course.steps:
        steps[step.title] += step.seconds
    for title, step_seconds in steps.items():
        detail(f"{title}: {step_seconds:.2f} s")
    spent = course.tally.seconds()
    if spent:
        stages = ", ".join(
            f"{stage.replace('_', ' ')} {total:.2f} s" for stage, total in spent.items()
        )
        detail(f"while embedding, all threads added up: {stages}")
    loaded = [f"{name} {_version(name)}" for name in _LIBRARIES if name in sys.modules]
    detail(f"libraries: {', '.join(loaded)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    detail(f"{seconds:.2f} s in all, {peak:.0f} MB of memory at most")


def tell_traceback(error: BaseException) -> None:
    """Says with --verbose where an error came from.

    Args:
        error: that ends the command.
    """
    if is_verbose():
        for entry in traceback.format_exception(type(error), error, error.__traceback__):
            for line in entry.splitlines():
                detail(line)


def _options(arguments: argparse.Namespace) -> Iterator[str]:
    plain: dict[str, object] = {}
    for name, value in vars(arguments).items():
        if name in _OURS or value is None:
            continue
        entries = value if isinstance(value, (list, tuple)) else [value]
        paths = [entry for entry in entries if isinstance(entry, Path)]
        for path in paths:
            yield f"{name}: {path} ({_described(path)})"
        if not paths:
            plain[name] = value
    yield f"options: {_listed(plain)}"


def _described(path: Path) -> str:
    """What is there before the command has done anything."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return "not there yet"
    return "a directory" if path.is_dir() else f"{state.st_size:,} bytes"


def _version(module: str) -> str:
    """Of a library that is loaded, or of AscendCL."""
    if module == "ascend":
        info = _core.ascend_info()
        return f"AscendCL {info['version']}, {info['soc_name']}"
    return str(getattr(sys.modules.get(module), "__version__", "of unknown version"))


def _listed(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
