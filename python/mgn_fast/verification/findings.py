# SPDX-License-Identifier: Apache-2.0
"""Results of `verify`: two models' agreement, the limits they had to keep, and whether they did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mgn_fast.common.checks import share
from mgn_fast.common.files import write_json
from mgn_fast.evaluation.agreement import Agreement
from mgn_fast.evaluation.report import Report
from mgn_fast.models.contract import Contract
from mgn_fast.types import PathLike

SCHEMA = "mgn_fast.verify/1"
# For pictures without labels; half precision stays above 0.999.
MIN_COSINE = 0.99
# The recipe's: at most one per cent of mAP may be lost.
MAX_MAP_DROP = 0.01
# Pictures normalised twice are nearly of one colour, so that all embeddings point one way.
MAX_MEDIAN_COSINE = 0.99


@dataclass(frozen=True)
class Limits:
    """The least agreement and accuracy that a candidate has to reach.

    Attributes:
        min_cosine: of each picture; None is 0.99 for pictures without labels and nothing for a
            dataset, where mAP decides.
        max_map_drop: how much lower the candidate's mAP may be, as a difference: 0.01 is a point.
        published: an mAP from elsewhere that the candidate's may not be lower than by more; it is
            compared with the re-ranked one if there is one.

    Raises:
        InvalidInputError: a value outside its range.
    """

    min_cosine: float | None = None
    max_map_drop: float = MAX_MAP_DROP
    published: float | None = None

    def __post_init__(self) -> None:
        share("max_map_drop", self.max_map_drop)
        if self.min_cosine is not None:
            share("min_cosine", self.min_cosine, -1)
        if self.published is not None:
            share("published", self.published)


@dataclass(frozen=True)
class Float16Ends:
    """The ends of a compiled model, outside the network, that compute in float16.

    Attributes:
        aipp: AIPP normalises the pictures.
        output: the embedding is stored as float16.
    """

    aipp: bool
    output: bool

    def __bool__(self) -> bool:
        return self.aipp or self.output


@dataclass(frozen=True)
class Drift:
    """How much of the difference between two models the float16 of AIPP and output explains.

    Attributes:
        ends: which of the two the candidate has.
        worst_input_errors: AIPP's, for red, green and blue, in units of the network's input, by
            the reference's contract; None without AIPP.
        measured: reference and candidate.
        explained: reference, and the reference with AIPP's arithmetic and a rounded output.
        left: the latter, and the candidate: the network's own arithmetic.
    """

    ends: Float16Ends
    worst_input_errors: tuple[float, float, float] | None
    measured: Agreement
    explained: Agreement
    left: Agreement


@dataclass(frozen=True)
class LayerLoss:
    """What float16 does to one operator's result, a convolution's behind its norm and ReLU.

    Attributes:
        name: the operator's.
        kind: ONNX's name of it.
        computes: "float16", "float16 in" (its result is float32) or "float32".
        error: length of the difference from float32's result, by the length of that, of all its
            results together; None where it overflows.
        added: how much larger that is than the largest of what the operator takes; below 0 where
            errors cancel; None where it, or what it takes, overflows.
        overflows: its result is not finite where float32's is.
    """

    name: str
    kind: str
    computes: str
    error: float | None
    added: float | None
    overflows: bool = False


@dataclass(frozen=True)
class Prediction:
    """What float16 inside the network will cost on the chip: simulated, not measured there.

    Attributes:
        mode: "float16", "mixed", "matrix" or "matrix_in", as the .om was compiled.
        saturates: an overflow is the largest number, not infinite.
        num_pictures: on which the layers were compared.
        layers: in the network's order.
        whole: the reference computes in float32, so that cosines and mAPs are predicted too.
    """

    mode: str
    saturates: bool
    num_pictures: int
    layers: tuple[LayerLoss, ...]
    whole: bool = True

    def losing_most(self, count: int = 5) -> tuple[LayerLoss, ...]:
        """The layers that overflow, the first on top, then those that add most to the error."""
        return tuple(sorted(self.layers, key=_rank)[:count])


def _rank(layer: LayerLoss) -> tuple[bool, float]:
    return not layer.overflows, math.inf if layer.added is None else -layer.added


@dataclass(frozen=True)
class VerifiedModel:
    """One of the two models, and how much it tells persons apart.

    Attributes:
        path: its file.
        backend: that ran it.
        simulated: it ran on the simulator.
        contract: how its pictures were prepared; its `origin` says who said so.
        median_cosine: between pictures of different persons (of different pictures, where
            persons are not known); None where there is no such pair.
    """

    path: Path
    backend: str
    simulated: bool
    contract: Contract
    median_cosine: float | None


@dataclass(frozen=True)
class Retrieval:
    """Both models' evaluation on a dataset, by one ranking.

    Attributes:
        reference: the reference's report.
        candidate: the candidate's.
    """

    reference: Report
    candidate: Report

    @property
    def drop(self) -> float:
        """The reference's mAP less the candidate's; negative where the candidate's is higher."""
        return self.reference.mean_average_precision - self.candidate.mean_average_precision


@dataclass(frozen=True)
class Verification:
    """How far two models agree, and which of the limits the candidate keeps.

    Attributes:
        reference: the model to agree with.
        candidate: the model that is judged.
        mirror: mirrored pictures were part of the embeddings.
        num_pictures: embedded by both.
        skipped: (name, reason) of pictures that cannot be decoded.
        agreement: embeddings of the same pictures.
        farthest: name of the picture with the smallest cosine.
        top1_agreement: share of pictures (of a dataset's queries) with the same nearest other
            picture (gallery picture) in both; None for a single picture.
        retrievals: by ranking, "plain" and "re-ranked"; empty without labels.
        drift: what float16 at the .om's ends explains; None where it has none.
        limits: what was asked for, `min_cosine` filled in.
        warnings: what makes the figures doubtful, as sentences.
        prediction: where the candidate ran on the simulator, in float16: this says where it loses.
            Beside a reference in float32 the cosines and mAPs are what is expected of the chip.
    """

    reference: VerifiedModel
    candidate: VerifiedModel
    mirror: bool
    num_pictures: int
    skipped: tuple[tuple[str, str], ...]
    agreement: Agreement
    farthest: str
    top1_agreement: float | None
    retrievals: Mapping[str, Retrieval]
    drift: Drift | None
    limits: Limits
    warnings: tuple[str, ...] = ()
    prediction: Prediction | None = None

    @property
    def failures(self) -> tuple[str, ...]:
        """The limits that were missed, as one sentence each."""
        return (*self._cosine_failures(), *self._map_failures(), *self._published_failures())

    @property
    def published_ranking(self) -> str:
        """Name of the ranking that a published mAP is compared with: the last of `retrievals`."""
        return list(self.retrievals)[-1]

    @property
    def passed(self) -> bool:
        """True if all limits were kept."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """The findings as plain numbers, texts and lists.

        Returns:
            A dict with the attributes' names as keys, "schema" and "passed".
        """
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "reference": _model_facts(self.reference),
            "candidate": _model_facts(self.candidate),
            "mirror": self.mirror,
            "num_pictures": self.num_pictures,
            "skipped": [{"name": name, "reason": reason} for name, reason in self.skipped],
            "agreement": asdict(self.agreement),
            "farthest": self.farthest,
            "top1_agreement": self.top1_agreement,
            "retrievals": {
                name: {
                    "reference": found.reference.to_dict(),
                    "candidate": found.candidate.to_dict(),
                    "drop": found.drop,
                }
                for name, found in self.retrievals.items()
            },
            "drift": None if self.drift is None else asdict(self.drift),
            "prediction": self._predicted(),
            "limits": asdict(self.limits),
            "warnings": list(self.warnings),
            "failures": list(self.failures),
        }

    def _predicted(self) -> dict[str, Any] | None:
        found = self.prediction
        if found is None:
            return None
        drops = {name: both.drop for name, both in self.retrievals.items()}
        return {
            "simulated": True,
            "mode": found.mode,
            "saturates": found.saturates,
            "whole": found.whole,
            "cosine_mean": self.agreement.cosine_mean if found.whole else None,
            "cosine_min": self.agreement.cosine_min if found.whole else None,
            "map_drop": drops if found.whole else None,
            "num_pictures_by_layer": found.num_pictures,
            "layers_losing_most": [layer.name for layer in found.losing_most()],
            "layers": [asdict(layer) for layer in found.layers],
        }

    def to_json(self, path: PathLike) -> Path:
        """Writes the findings as JSON; the file appears whole or not at all.

        Args:
            path: where to write.

        Returns:
            The path written.

        Raises:
            InvalidInputError: the directory is missing or cannot be written.
        """
        return write_json(path, self.to_dict())

    def _cosine_failures(self) -> Iterator[str]:
        found, least = self.agreement.cosine_min, self.limits.min_cosine
        if least is not None and found < least:
            yield (
                f"cosine is {found:.6f} for {self.farthest}, expected at least {least:g} for every "
                "picture"
            )

    def _map_failures(self) -> Iterator[str]:
        most = self.limits.max_map_drop
        for name, found in self.retrievals.items():
            if found.drop > most:
                yield (
                    f"{name} mAP drops by {found.drop:.4f}, from "
                    f"{found.reference.mean_average_precision:.4f} to "
                    f"{found.candidate.mean_average_precision:.4f}, expected at most {most:g}"
                )

    def _published_failures(self) -> Iterator[str]:
        published, most = self.limits.published, self.limits.max_map_drop
        if published is None:
            return
        name = self.published_ranking
        got = self.retrievals[name].candidate.mean_average_precision
        if published - got > most:
            yield (
                f"{name} mAP is {got:.4f}, {published - got:.4f} below the published "
                f"{published:g}, expected at most {most:g}"
            )


def _model_facts(model: VerifiedModel) -> dict[str, Any]:
    """A model's facts under the names that the file has had since its first schema."""
    return {
        "path": str(model.path),
        "backend": model.backend,
        "simulated": model.simulated,
        "contract": model.contract.to_dict(),
        "contract_origin": model.contract.origin,
        "likeness": model.median_cosine,
    }
