# SPDX-License-Identifier: Apache-2.0
"""What makes a verification's figures doubtful, though no limit is missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mgn_fast.models.in_use import as_used, differences, weights_differ, weights_in_words
from mgn_fast.verification.findings import MAX_MEDIAN_COSINE, Verification, VerifiedModel


def doubts(found: Verification, *, persons: bool) -> Iterator[str]:
    """Sentences on models that tell nobody apart, or are not two files of one network.

    Args:
        found: what was measured.
        persons: whether the pictures have labels.

    Yields:
        One sentence for each doubt.
    """
    models = found.reference, found.candidate
    yield from _similarity_doubts(found, "persons" if persons else "pictures")
    yield from _contract_doubts(models, mirror=found.mirror)
    yield from _checkpoint_doubts(models)


def _similarity_doubts(found: Verification, whom: str) -> Iterator[str]:
    """One sentence if a model gives different persons nearly one embedding, else none."""
    alike = {
        name: model.median_cosine
        for name, model in (("reference", found.reference), ("candidate", found.candidate))
        if model.median_cosine is not None and model.median_cosine > MAX_MEDIAN_COSINE
    }
    if not alike:
        return
    both = len(alike) == 2
    figures = " and ".join(f"{value:.4f} ({name})" for name, value in alike.items())
    yield f"embeddings of different {whom} hardly differ: median cosine {figures}; " + (
        "both models do so, because the weights are random or damaged or the pictures are all "
        "alike, and their agreement says little"
        if both
        else "pictures may be normalised twice, before the model and inside it"
    )


def _contract_doubts(models: tuple[VerifiedModel, VerifiedModel], *, mirror: bool) -> Iterator[str]:
    """One sentence if the two models' pictures are prepared differently."""
    # Mirrors are taken alike in both, and two files of one network may name its output differently.
    given, other = (
        as_used(replace(model.contract, output=None), mirror=mirror) for model in models
    )
    if found := differences(other, given):
        yield (
            f"the models are given different pictures: {found} in the candidate, by "
            f"{models[1].contract.origin} and, for the reference, {models[0].contract.origin}"
        )


def _checkpoint_doubts(models: tuple[VerifiedModel, VerifiedModel]) -> Iterator[str]:
    ours, theirs = (model.contract for model in models)
    if weights_differ(ours, theirs):
        named = weights_in_words(ours), weights_in_words(theirs)
        yield f"the models have different weights: {named[0]} and {named[1]}"
