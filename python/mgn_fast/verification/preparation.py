# SPDX-License-Identifier: Apache-2.0
"""Whether pictures are prepared as a model wants them, judged without labels.

A network that sees what it was trained on keeps two views of one picture together and other
pictures away from them. So the stated preparation is tried beside the mistakes that people make,
and the one that separates best is most likely the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.mirroring import packed
from mgn_fast.errors import DecodeError, InvalidInputError, ModelError
from mgn_fast.evaluation.agreement import spread
from mgn_fast.models.contract import DEVIATION, MEAN, Channels, Colour, Contract
from mgn_fast.pictures.pixels import decode, resize_for
from mgn_fast.pictures.sources import named
from mgn_fast.types import F32Array, F64Array, PathLike, U8Array

MAX_PICTURES = 96
MIN_PICTURES = 8
AS_STATED = "as stated"
SWAPPED = "red and blue exchanged"
# Another preparation must separate so much better to raise a doubt; two draws of pictures differ by
# less.
CLEARLY_BETTER = 1.05
# Above it different pictures are nearly one to the network.
MAX_MEDIAN_COSINE = 0.9
_CUT = 16  # a view lacks this part of the height and of the width
_BATCH = 32
_ZERO, _HALF, _ONE = (0.0,) * 3, (0.5,) * 3, (1.0,) * 3


@dataclass(frozen=True)
class PreparationCheck:
    """What a model makes of pictures prepared by its contract, and by the usual mistakes.

    Attributes:
        model: the file.
        contract: in use, and where it came from.
        num_pictures: that were looked at.
        skipped: (name, reason) of those that cannot be decoded.
        cosines: between different pictures: 5th percentile, median, 95th.
        mirror_cosine: mean cosine of a picture and its left-right mirror; None where the graph
            adds the mirror itself.
        swapped_cosine: mean cosine of a picture and the same with red and blue exchanged.
        separations: by preparation, "as stated" first: how far two views of one picture lie from
            other pictures, in standard deviations of the cosines between those.
        doubts: sentences; empty where all looks right.
    """

    model: Path
    contract: Contract
    num_pictures: int
    skipped: tuple[tuple[str, str], ...]
    cosines: tuple[float, float, float]
    mirror_cosine: float | None
    swapped_cosine: float
    separations: dict[str, float]
    doubts: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The findings as JSON's own types."""
        found = asdict(self) | {"model": str(self.model), "contract": self.contract.to_dict()}
        return found | {"contract_origin": self.contract.origin}


def check_preparation(
    model: PathLike, pictures: Any, *, progress: Progress = no_progress, **options: Any
) -> PreparationCheck:
    """How a model takes pictures that are prepared by its contract, and by the usual mistakes.

    Needs no labels. Two views of a picture are the picture and the same without a sixteenth of its
    height and width at one corner.

    Args:
        model: an .onnx, .om or .xml file.
        pictures: what an `Embedder` takes, at least 8; of more than 96 as many, evenly spread.
        progress: is told how many preparations were tried.
        options: as `Embedder` takes them, `contract` and `output` among them.

    Returns:
        The findings.

    Raises:
        InvalidInputError: an option out of range, or too few pictures.
        ModelError: the model cannot be opened, nobody says its contract, or it gives NaN, infinity,
            zeros or one and the same embedding for all pictures.
        DecodeError: too few pictures can be decoded.
    """
    with Embedder(model, **options) as embedder:
        contract = embedder.contract
        views = _views(pictures, contract)
        tried = {AS_STATED: contract} | _mistakes(contract)
        rows = _rows_of(embedder, views, tried, progress)
        stated = rows[AS_STATED][0]
        mirrored = None
        if not contract.fuse_mirror:
            mirrored = _mean_cosine(stated, _embedded(embedder, views.whole, contract, mirror=True))
    low, median, high = (float(q) for q in np.quantile(_between(stated), (0.05, 0.5, 0.95)))
    found = PreparationCheck(
        model=Path(model),
        contract=contract,
        num_pictures=len(views.whole),
        skipped=tuple(views.skipped),
        cosines=(low, median, high),
        mirror_cosine=mirrored,
        swapped_cosine=_mean_cosine(stated, rows[SWAPPED][0]),
        separations={name: _separation(pair) for name, pair in rows.items()},
    )
    return replace(found, doubts=_doubts(found))


@dataclass
class _Views:
    """The pictures at the model's size, whole and without a corner."""

    whole: list[U8Array] = field(default_factory=list)
    cut: list[U8Array] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def _views(pictures: Any, contract: Contract) -> _Views:
    sources = list(named(pictures))
    if len(sources) < MIN_PICTURES:
        raise InvalidInputError(
            f"pictures has {len(sources)} entries, expected at least {MIN_PICTURES}"
        )
    views = _Views()
    for place in spread(len(sources), MAX_PICTURES):
        name, source = sources[place]
        try:
            pixels = decode(source, name=name, exif=contract.exif)
        except DecodeError as error:
            views.skipped.append((name, str(error)))
            continue
        views.whole.append(resize_for(pixels, contract))
        views.cut.append(resize_for(_cut(pixels, len(views.whole)), contract))
    if len(views.whole) < MIN_PICTURES:
        reasons = "; ".join(reason for _, reason in views.skipped[:3])
        raise DecodeError(
            f"{len(views.whole)} of the pictures can be decoded, expected at least {MIN_PICTURES}: "
            f"{reasons}"
        )
    return views


def _rows_of(
    embedder: Embedder, views: _Views, tried: dict[str, Contract], progress: Progress
) -> dict[str, tuple[F32Array, F32Array]]:
    """What the network gives for both views, by preparation."""
    rows = {}
    for number, (name, contract) in enumerate(tried.items()):
        progress("preparations", number, len(tried))
        whole = _embedded(embedder, views.whole, contract)
        if name == AS_STATED:
            _require_usable(whole, embedder.session.model_path)
        rows[name] = whole, _embedded(embedder, views.cut, contract)
    return rows


def _mistakes(contract: Contract) -> dict[str, Contract]:
    """The contracts that people state by mistake instead of this one, or instead of which."""
    others = {SWAPPED: replace(contract, colour=_other_order(contract))}
    if contract.input == "uint8":
        return others  # the graph normalises, whatever the contract says
    mean, deviation = MEAN, DEVIATION
    if contract.colour == "BGR":
        mean, deviation = _reversed(mean), _reversed(deviation)
    others |= {
        "0..255 as they are": replace(contract, scale=1.0, mean=_ZERO, deviation=_ONE),
        "0..1": replace(contract, scale=255.0, mean=_ZERO, deviation=_ONE),
        "ImageNet's statistics": replace(contract, scale=255.0, mean=mean, deviation=deviation),
        "mean and deviation 0.5": replace(contract, scale=255.0, mean=_HALF, deviation=_HALF),
    }
    return {name: other for name, other in others.items() if other != contract}


def _reversed(channels: Channels) -> Channels:
    first, second, third = channels
    return third, second, first


def _other_order(contract: Contract) -> Colour:
    return "RGB" if contract.colour == "BGR" else "BGR"


def _cut(pixels: U8Array, number: int) -> U8Array:
    """Without a sixteenth at the top and left, or at the bottom and right, in turn."""
    height, width = pixels.shape[:2]
    down, right = height // _CUT, width // _CUT
    if number % 2:
        return np.ascontiguousarray(pixels[down:, right:])
    return np.ascontiguousarray(pixels[: height - down, : width - right])


def _embedded(
    embedder: Embedder, resized: Sequence[U8Array], contract: Contract, *, mirror: bool = False
) -> F32Array:
    """What the network gives for pictures prepared by a contract, plain or mirrored."""
    session = embedder.session
    parts = []
    for start in range(0, len(resized), _BATCH):
        rows = [(picture, mirror) for picture in resized[start : start + _BATCH]]
        parts.append(session.run(packed(rows, contract)))
    return np.concatenate(parts)


def _require_usable(rows: F32Array, model: Path) -> None:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    bad = int(np.count_nonzero(~np.isfinite(lengths) | (lengths == 0)))
    if bad:
        raise ModelError(
            f"{model} gives embeddings that are NaN, infinite or all zeros for {bad} of "
            f"{len(rows)} pictures; expected another contract, or another output"
        )
    if float(_between(rows).min()) > 1 - 1e-6:
        raise ModelError(
            f"{model} gives all {len(rows)} pictures one and the same embedding; expected another "
            "contract, or another output"
        )


def _unit(rows: F32Array) -> F64Array:
    wide = rows.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: F64Array = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths > 0)
    return unit


def _between(rows: F32Array) -> F64Array:
    """Cosines between different pictures."""
    unit = _unit(rows)
    cosines: F64Array = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    return cosines


def _mean_cosine(one: F32Array, other: F32Array) -> float:
    return float((_unit(one) * _unit(other)).sum(axis=1).mean())


def _separation(views: Sequence[F32Array]) -> float:
    """Standard deviations between cosines of one picture's views and of different pictures.

    0 where the network tells nothing apart, or gives what is no number.
    """
    if not all(np.isfinite(view).all() for view in views):
        return 0.0
    others = _between(views[0])
    width = float(others.std())
    return (_mean_cosine(*views) - float(others.mean())) / width if width > 0 else 0.0


def _doubts(found: PreparationCheck) -> tuple[str, ...]:
    doubts = []
    stated = found.separations[AS_STATED]
    best = max(found.separations, key=lambda name: found.separations[name])
    if found.separations[best] > CLEARLY_BETTER * stated:
        doubts.append(
            f"pictures prepared otherwise are told apart better: {best}, separation "
            f"{found.separations[best]:.2f} instead of {stated:.2f}{_mistake(found.contract, best)}"
        )
    if found.cosines[1] > MAX_MEDIAN_COSINE:
        doubts.append(
            f"different pictures hardly differ: median cosine {found.cosines[1]:.4f}; pictures may "
            "be normalised twice, before the model and inside it, or not at all"
        )
    if found.mirror_cosine is not None and found.mirror_cosine < found.cosines[2]:
        doubts.append(
            f"a picture and its mirror are no nearer (cosine {found.mirror_cosine:.4f}) than many "
            f"different pictures ({found.cosines[2]:.4f}): the weights may be random, or this is "
            "another output"
        )
    return tuple(doubts)


def _mistake(contract: Contract, best: str) -> str:
    """What went wrong, where the better preparation tells."""
    if best == SWAPPED:
        return f"; the network wants {_other_order(contract)}"
    if best == "0..255 as they are":
        return "; the network normalises inside, so that pictures are normalised twice"
    if contract.scale == 1:
        return "; the network wants normalised pictures, not 0..255"
    return ""
