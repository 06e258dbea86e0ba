# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a measured model: its embeddings compared with a reference's on the same pictures."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from mgn_fast.bench.case import Case
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.models.model_file import contract_in
from mgn_fast.simulator.control import reconfigured
from mgn_fast.verification.run import verify


def accuracy_of(reference: Path, case: Case, pictures: Any) -> dict[str, Any]:
    """The record's `accuracy` of a run: the case's model compared with a reference by `verify`.

    Args:
        reference: runs with ONNX Runtime if it is an .onnx; with the case's contract and output if
            its file says no contract.
        case: whose model and precision are judged.
        pictures: a `Dataset`, for mAP as well, or what an `Embedder` takes.

    Returns:
        A dict for JSON; see schema.json.
    """
    stated: dict[str, Any] = {}
    if contract_in(reference) is None:
        stated = {"contract": case.contract, "output": case.output}
    # Whatever the speed was simulated with: embeddings are those of the network.
    computing: Any = contextlib.nullcontext()
    if case.on_npu or reference.suffix == ".om":
        computing = reconfigured(compute="onnx", timing=False)
    with computing:
        found = verify(
            reference,
            case.model,
            pictures,
            rerank=RerankSettings() if isinstance(pictures, Dataset) else None,
            mirror=case.mirror,
            candidate_options=case.session_options(),
            **stated,
        )
    drops = {name: both.drop for name, both in found.retrievals.items()}
    return {
        "reference": str(reference),
        "num_pictures": found.num_pictures,
        "cosine_mean": found.agreement.cosine_mean,
        "cosine_min": found.agreement.cosine_min,
        "top1_agreement": found.top1_agreement,
        "map_drop": drops.get("plain"),
        "map_drop_reranked": drops.get("re-ranked"),
    }
