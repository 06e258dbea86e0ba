# SPDX-License-Identifier: Apache-2.0
"""A case of a benchmark: one model with one setting, and how long and in which pictures it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mgn_fast.bench.load.arrivals import Arrivals
from mgn_fast.bench.load.noise import Noise
from mgn_fast.bench.load.window import Pace, Repeat
from mgn_fast.common.observer import Span
from mgn_fast.errors import InvalidInputError
from mgn_fast.models.presets import StatedContract, contract_of

Scope = Literal["compute", "device", "e2e"]

# The recipe's.
SWEEP = (1, 4, 8, 16, 32, 64)
PERCENTILES = (50.0, 90.0, 95.0, 99.0)


@dataclass(frozen=True)
class Slo:
    """An upper bound on latency, such as p99:20ms.

    Attributes:
        percent: of results that have to keep it; None is their mean.
        limit_ms: milliseconds.
    """

    percent: float | None
    limit_ms: float

    @classmethod
    def parse(cls, text: str) -> Slo:
        """The bound that a text such as "p99:20ms" or "mean:0.5s" means; the unit's default is ms.

        Args:
            text: the words.

        Returns:
            The bound.

        Raises:
            InvalidInputError: anything else.
        """
        name, _, limit = text.partition(":")
        scales = {"ms": 1.0, "us": 1e-3, "s": 1e3}
        unit = next((unit for unit in scales if limit.endswith(unit)), "")
        try:
            percent = None if name == "mean" else float(name.removeprefix("p"))
            milliseconds = float(limit.removesuffix(unit)) * scales.get(unit, 1.0)
        except ValueError:
            percent, milliseconds = None, 0.0
        bad_percent = percent is not None and not (name.startswith("p") and 0 < percent < 100)
        if bad_percent or not 0 < milliseconds < 1e9:
            raise InvalidInputError(f"slo is {text!r}, expected such as p99:20ms or mean:5ms")
        return cls(percent, milliseconds)

    @property
    def name(self) -> str:
        """Name of the latency that is bounded: "mean" or such as "p99"."""
        return "mean" if self.percent is None else percentile_name(self.percent)

    def __str__(self) -> str:
        return f"{self.name}:{self.limit_ms:g}ms"


@dataclass(frozen=True)
class Case:
    """One model with one setting of batch, lanes, threads and the rest.

    Attributes:
        model: the file.
        batch_size: rows of the network in a batch.
        lanes: batches in flight.
        scope: "compute" counts the execution alone, "device" the copies as well, "e2e" all from
            a picture's bytes to its embedding.
        device: number of the NPU, or numbers; 0 on the CPU.
        backend: as `open_session` takes it.
        precision: likewise.
        threads: per lane on the CPU; None for the cores divided by the lanes.
        workers: threads that decode; None for one per core.
        mirror: embed the mirrored picture too, None as the contract says; only for e2e.
        arrivals: when images come; None for a closed load.
        contract: how the model wants its pictures, as `open_session` takes it; None for what the
            file says.
        output: name of the output that holds the embeddings; None likewise.
    """

    model: Path
    batch_size: int
    lanes: int
    scope: Scope = "e2e"
    device: int | tuple[int, ...] = 0
    backend: str | None = None
    precision: str | None = None
    threads: int | None = None
    workers: int | None = None
    mirror: bool | None = None
    arrivals: Arrivals | None = None
    contract: StatedContract | None = None
    output: str | None = None

    def __post_init__(self) -> None:
        if self.contract is not None:
            object.__setattr__(self, "contract", contract_of(self.contract))

    @property
    def on_npu(self) -> bool:
        """True if it runs on an NPU, real or simulated."""
        return self.model.suffix == ".om" if self.backend is None else self.backend == "ascend"

    def session_options(self) -> dict[str, Any]:
        """The case's setting as keyword arguments of `open_session`."""
        options: dict[str, Any] = {
            "backend": self.backend,
            "precision": self.precision,
            "contract": self.contract,
            "output": self.output,
            "lanes": self.lanes,
            "batch_size": self.batch_size,
        }
        if self.on_npu:
            return options | {
                "device": list(self.device) if isinstance(self.device, tuple) else self.device
            }
        return options | {"threads": self.threads}

    def __str__(self) -> str:
        lanes = f"{self.lanes} lane{'s' if self.lanes > 1 else ''}"
        return f"{self.model.name}, {self.scope}, batch {self.batch_size}, {lanes}"


@dataclass(frozen=True)
class MeasureSettings:
    """Settings that all cases of a run share: pace, pictures, percentiles and SLO.

    Attributes:
        pace: how long each is measured.
        pictures: for e2e: paths, or bytes of files.
        percentiles: of latency to tell, each above 0 and below 100.
        slo: bound on latency; None for none.
    """

    pictures: Sequence[Any]
    pace: Pace = field(default_factory=Pace)
    percentiles: Sequence[float] = PERCENTILES
    slo: Slo | None = None

    def __post_init__(self) -> None:
        if not self.percentiles or not all(0 < percent < 100 for percent in self.percentiles):
            raise InvalidInputError(
                f"percentiles is {list(self.percentiles)}, expected numbers between 0 and 100"
            )

    @property
    def told_percentiles(self) -> list[float]:
        """The percentiles to report: those asked for, and the SLO's."""
        bound = [] if self.slo is None or self.slo.percent is None else [self.slo.percent]
        return sorted({*self.percentiles, *bound})


@dataclass
class Measured:
    """The raw results of one case: its repeats, spans, noise and memory.

    Attributes:
        case: that was measured.
        backend: that ran it.
        simulated: on the simulator.
        rows_per_image: of the network.
        floats: the input is float32.
        precision: in which numbers it ran; None for an .om.
        is_mgn: the network is MGN, as far as contract and outputs tell.
        workers: threads that decode; None where nothing is decoded.
        threads: per lane; None on an NPU.
        num_engines: that compute.
        repeats: with their results.
        spans: of every step from the first repeat to the last.
        noise: meanwhile.
        load_s: to open the model.
        first_s: of the first inference.
        peak_resident_bytes: of this process; None where not known.
        device_bytes: that the model takes on its devices; None on the CPU.
    """

    case: Case
    backend: str
    simulated: bool
    rows_per_image: int
    floats: bool
    precision: str | None
    is_mgn: bool
    workers: int | None
    threads: int | None
    num_engines: int
    repeats: list[Repeat]
    spans: list[Span] = field(repr=False)
    noise: Noise
    load_s: float
    first_s: float
    peak_resident_bytes: int | None
    device_bytes: int | None


def percentile_name(percent: float) -> str:
    """The name of a percentile: "p99.9" for 99.9."""
    return "p" + np.format_float_positional(percent, trim="-")
