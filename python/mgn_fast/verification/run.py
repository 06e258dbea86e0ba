# SPDX-License-Identifier: Apache-2.0
"""Runs the same pictures through two models and compares their embeddings.

Meant for an ONNX model and the .om compiled from it, but any two models will do. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.evaluation.agreement import compare, median_cosine, nearest_others, spread
from mgn_fast.evaluation.distances import rank
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.memory_plan import require_room
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings, rankings
from mgn_fast.evaluation.size import work_of
from mgn_fast.models.model_file import contract_in
from mgn_fast.models.presets import StatedContract
from mgn_fast.pictures import pixels
from mgn_fast.pictures.sources import named
from mgn_fast.types import F32Array, PathLike
from mgn_fast.verification.doubtful import doubts
from mgn_fast.verification.findings import (
    MIN_COSINE,
    Drift,
    Limits,
    Prediction,
    Retrieval,
    Verification,
    VerifiedModel,
)
from mgn_fast.verification.float16_ends import explain, find_float16_ends
from mgn_fast.verification.float16_layers import is_float32, predict

# Enough for the worst of a handful to show, few enough for a slow reference.
DRIFT_PICTURES = 32
# The network runs on each of them twice, once more for every few operators.
LAYER_PICTURES = 4


def verify(
    reference: PathLike,
    candidate: PathLike,
    pictures: Any,
    *,
    limits: Limits | None = None,
    rerank: RerankSettings | None = None,
    mirror: bool | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    contract: StatedContract | None = None,
    output: str | None = None,
    progress: Progress = no_progress,
    candidate_options: Mapping[str, Any] = MappingProxyType({}),
    **options: Any,
) -> Verification:
    """How far two models agree, found by embedding the same pictures with both.

    Both are opened before the first picture is embedded. That a limit is missed is no error: see
    `Verification.passed`. A contract that is stated is the reference's, and the candidate's where
    its own file and sidecar say none: an .om with AIPP takes other bytes than its .onnx, and says
    so. Likewise the output's name.

    Args:
        reference: an .onnx, .om or .xml file; the one compiled from, as a rule.
        candidate: the model that is judged, likewise.
        pictures: a `Dataset`, which has labels, or what an `Embedder` takes, which has none.
        limits: what the candidate has to keep; None for the defaults.
        rerank: how to re-rank a dataset besides ranking it as it is; None for not at all.
        mirror: add the mirrored embedding, in both models; None is what the reference's contract
            says.
        on_error: "raise", or "skip" pictures that cannot be decoded; not with a dataset.
        contract: how the reference wants its pictures, in place of what its file says: a
            `Contract`, a dict of its fields, a preset's name or a .json file.
        output: name of the output that holds the embeddings; None is the contract's.
        progress: is told how many pictures are embedded, and how far the evaluation is.
        candidate_options: as `Embedder` takes them, for the candidate only, its contract among
            them.
        options: as `Embedder` takes them, for both; `threads`, `backend` and `precision`
            reach models on the CPU only and `device` models on an NPU only.

    Returns:
        The findings.

    Raises:
        InvalidInputError: an option out of range; an mAP asked for without labels; no pictures;
            embeddings of two widths.
        ModelError: a model cannot be opened, or nobody says its contract.
        DecodeError: a picture cannot be decoded.
        DeviceError: the NPU or its runtime failed.
        RuntimeUnavailableError: there is no runtime for a model.
    """
    dataset = pictures if isinstance(pictures, Dataset) else None
    limits = _completed(limits or Limits(), dataset, on_error)
    sources = _sources(pictures)
    common = {"on_error": on_error} | options
    stated: dict[str, Any] = {"contract": contract, "output": output}
    judged = _fitting(candidate, common) | _left_unsaid(candidate, stated) | dict(candidate_options)
    with (
        Embedder(reference, mirror=mirror, **_fitting(reference, common), **stated) as ours,
        Embedder(candidate, **({"mirror": ours.mirror} | judged)) as theirs,
    ):
        width = _common_width(ours, theirs)
        if dataset is not None:
            _require_room(dataset, rerank, width)
        names, expected = _embed(ours, sources, f"reference, {ours.session.backend}", progress)
        _, got = _embed(theirs, sources, f"candidate, {theirs.session.backend}", progress)
        kept = _kept(sources, ours.skipped)
        drift = _drift(ours, theirs, kept, (expected, got))
        prediction = _prediction(ours, theirs, kept, common)
        models = [_model(side, rows, dataset) for side, rows in ((ours, expected), (theirs, got))]
        skipped = tuple(ours.skipped)
    agreement = compare(expected, got)
    found = Verification(
        reference=models[0],
        candidate=models[1],
        mirror=ours.mirror,
        num_pictures=len(names),
        skipped=skipped,
        agreement=agreement,
        farthest=names[agreement.farthest],
        top1_agreement=_top1_agreement(expected, got, dataset),
        retrievals={} if dataset is None else _retrievals(expected, got, dataset, rerank, progress),
        drift=drift,
        limits=limits,
        prediction=prediction,
    )
    return replace(found, warnings=tuple(doubts(found, persons=dataset is not None)))


def _completed(limits: Limits, dataset: Dataset | None, on_error: str) -> Limits:
    """The limits in force, once they are known to go with the pictures."""
    if dataset is None:
        if limits.published is not None:
            raise InvalidInputError(
                f"published is {limits.published}, but pictures without labels have no mAP; "
                "expected a dataset"
            )
        return limits if limits.min_cosine is not None else replace(limits, min_cosine=MIN_COSINE)
    if on_error == "skip":
        raise InvalidInputError(
            "on_error is 'skip', but every picture of a dataset counts; expected 'raise'"
        )
    return limits


def _sources(pictures: Any) -> list[pixels.Source]:
    if isinstance(pictures, Dataset):
        return [*pictures.query.paths, *pictures.gallery.paths]
    sources = [source for _, source in named(pictures)]
    if not sources:
        raise InvalidInputError("pictures is empty, expected at least one")
    return sources


def _common_width(ours: Embedder, theirs: Embedder) -> int:
    """Of both models' embeddings; raises where they differ, before hours of embedding."""
    widths = [side.session.embedding_width for side in (ours, theirs)]
    if widths[0] != widths[1]:
        raise InvalidInputError(
            f"{ours.session.model_path} gives embeddings {widths[0]} wide and "
            f"{theirs.session.model_path} {widths[1]}, expected the same network's, or output to "
            "name the one that holds them"
        )
    return widths[0]


def _require_room(dataset: Dataset, rerank: RerankSettings | None, width: int) -> None:
    """Raises if the evaluation would not fit into memory, before hours of embedding."""
    shape = len(dataset.query), len(dataset.gallery), width
    rows = 4 * (shape[0] + shape[1]) * width
    work = work_of(shape, [Protocol()], rerank)
    require_room("verifying two models", replace(work, besides=2 * rows))


def _left_unsaid(candidate: PathLike, stated: dict[str, Any]) -> dict[str, Any]:
    """Of what is stated for the reference, what the candidate's own file does not say itself."""
    said = {name: value for name, value in stated.items() if value is not None}
    own = contract_in(Path(candidate)) if said else None
    if own is None:
        return said
    return {name: said[name] for name in said if name == "output" and own.output is None}


def _fitting(model: PathLike, options: dict[str, Any]) -> dict[str, Any]:
    """The options without those of the other kind of model."""
    is_om = Path(model).suffix == ".om"
    others = ("threads", "backend", "precision") if is_om else ("device",)
    return {name: value for name, value in options.items() if name not in others}


def _embed(
    embedder: Embedder, sources: Sequence[pixels.Source], stage: str, progress: Progress
) -> tuple[list[str], F32Array]:
    names: list[str] = []
    rows = np.empty((len(sources), embedder.session.embedding_width), np.float32)
    for name, row in embedder.stream(sources):
        rows[len(names)] = row
        names.append(name)
        progress(stage, len(names), len(sources))
    if not names:
        reasons = "; ".join(reason for _, reason in embedder.skipped[:3])
        raise DecodeError(f"none of {len(sources)} pictures can be decoded: {reasons}")
    return names, rows[: len(names)]


def _kept(
    sources: Sequence[pixels.Source], skipped: Sequence[tuple[str, str]]
) -> list[pixels.Source]:
    left_out = {name for name, _ in skipped}
    return [source for name, source in named(sources) if name not in left_out]


def _prediction(
    ours: Embedder, theirs: Embedder, sources: Sequence[pixels.Source], options: Mapping[str, Any]
) -> Prediction | None:
    some = [sources[place] for place in spread(len(sources), LAYER_PICTURES)]
    found = predict(theirs.session, some)
    if found is None:
        return None
    as_written = options.get("precision") in (None, "float32")
    return replace(found, whole=as_written and is_float32(ours.session))


def _drift(
    ours: Embedder,
    theirs: Embedder,
    sources: Sequence[pixels.Source],
    rows: tuple[F32Array, F32Array],
) -> Drift | None:
    ends = find_float16_ends(ours.session, theirs.session)
    if not ends:
        return None
    chosen = spread(len(sources), DRIFT_PICTURES)
    some = [sources[place] for place in chosen]
    given, found = rows[0][chosen], rows[1][chosen]
    return explain(ours.session, some, ends, given, found, mirror=ours.mirror)


def _model(embedder: Embedder, rows: F32Array, dataset: Dataset | None) -> VerifiedModel:
    person = None
    if dataset is not None:
        person = np.concatenate([dataset.query.person, dataset.gallery.person])
    session = embedder.session
    return VerifiedModel(
        session.model_path,
        session.backend,
        session.simulated,
        embedder.contract,
        median_cosine(rows, person),
    )


def _top1_agreement(reference: F32Array, got: F32Array, dataset: Dataset | None) -> float | None:
    if dataset is not None:
        count = len(dataset.query)
        first = [rank(rows[:count], rows[count:], depth=1).indices for rows in (reference, got)]
    elif len(reference) > 1:
        first = [nearest_others(rows) for rows in (reference, got)]
    else:
        return None
    return float(np.mean(first[0] == first[1]))


def _retrievals(
    reference: F32Array,
    got: F32Array,
    dataset: Dataset,
    rerank: RerankSettings | None,
    progress: Progress,
) -> dict[str, Retrieval]:
    count = len(dataset.query)
    found = {}
    for name, settings in rankings(rerank).items():
        reports = [
            measure_embeddings(
                rows[:count],
                rows[count:],
                dataset.query.identities,
                dataset.gallery.identities,
                [Protocol()],
                rerank=settings,
                progress=progress,
            )[0]
            for rows in (reference, got)
        ]
        found[name] = Retrieval(*reports)
    return found
