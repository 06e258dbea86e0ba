# SPDX-License-Identifier: Apache-2.0
"""Whose embeddings a gallery holds, and whether another model's may be compared with them.

A model is known again by what it does: a fixed picture's embedding, the probe, is kept in the
gallery and asked of every model that comes to it. Two files of one checkpoint (an .onnx and its
.om) agree on it, whatever their names; other weights, int8, or another preparation do not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from mgn_fast.common.checks import one_of
from mgn_fast.embedding.reading import Noticed
from mgn_fast.errors import DatasetError, InvalidInputError, ModelError
from mgn_fast.gallery.file import DTYPES
from mgn_fast.gallery.stored import called, contract_kept
from mgn_fast.inference.session import Session
from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import differences, weights_differ, weights_in_words
from mgn_fast.models.model_file import contract_in
from mgn_fast.types import F32Array, U8Array

# Against float32: bfloat16 0.9989 at worst, int8 0.9915 on the probe (0.98 on pictures).
LEAST_COSINE = 0.998
_CELLS, _CELL = (16, 8), 8  # of the probe picture: coarse, so that a network sees more than noise


class PictureEmbedder(Protocol):
    """The part of an `Embedder` that a gallery calls."""

    session: Session
    mirror: bool
    workers: int
    on_error: Literal["raise", "skip"]
    skipped: list[tuple[str, str]]
    noticed: Noticed

    def __call__(self, pictures: Any, /) -> F32Array:
        """Embeddings, float32 [N, D], rows of length 1."""

    def stream_named(self, sources: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, F32Array]]:
        """(name, embedding) of named pictures one by one, in order."""


def probe_picture() -> U8Array:
    """The fixed picture, uint8 RGB [128, 64, 3]: seeded colours, each in a square, sides unlike."""
    # A congruential generator, because NumPy does not promise its own streams for ever.
    state, levels = 1, []
    for _ in range(_CELLS[0] * _CELLS[1] * 3):
        state = (1103515245 * state + 12345) % (1 << 31)
        levels.append(state >> 23)
    coarse = np.array(levels, np.uint8).reshape(*_CELLS, 3)
    return np.ascontiguousarray(coarse.repeat(_CELL, 0).repeat(_CELL, 1))


def probe_of(embedder: PictureEmbedder) -> F32Array:
    """The probe picture's embedding by this embedder, float32 [D] of length 1."""
    embedding: F32Array = embedder(probe_picture())[0]
    return embedding


def description_of(
    embedder: PictureEmbedder, dtype: str, beside: Path | None = None
) -> dict[str, Any]:
    """The description of a gallery that will hold an embedder's rows, as JSON.

    Args:
        embedder: whose rows it will hold.
        dtype: "float32" or "float16".
        beside: where the gallery's file will lie; None in memory.

    Returns:
        JSON for `writer.writing`.

    Raises:
        InvalidInputError: another dtype, or embeddings that are not of length 1.
    """
    session = embedder.session
    contract = session.contract
    _require_length_1(contract)
    return described(
        dtype,
        session.embedding_width,
        model=session.model_path.name,
        model_path=os.path.relpath(session.model_path, beside or Path.cwd()),
        simulated=session.simulated,
        mirror=embedder.mirror,
        contract=None if contract is None else contract.to_json(),
        contract_origin=None if contract is None else contract.origin,
    )


def described(dtype: str, width: int, **model: Any) -> dict[str, Any]:
    """A gallery's description as JSON, with None for what is not known of the model.

    Args:
        dtype: "float32" or "float16"; InvalidInputError for another.
        width: of an embedding.
        model: name, path, whether its NPU was simulated, contract, its origin, and mirror; nothing
            where the model is not known.

    Returns:
        JSON.
    """
    one_of("dtype", dtype, DTYPES)
    names = ("model", "model_path", "simulated", "mirror", "contract", "contract_origin")
    return {"dtype": dtype, "width": width} | dict.fromkeys(names) | model


def contract_for(kept: Contract | None, model: Path, *, is_own: bool) -> Contract | None:
    """The contract by which to open a model for a gallery, where the caller states none.

    Args:
        kept: the gallery's; None where it does not say.
        model: an .onnx, .om or .xml file.
        is_own: whether it is the file that made the gallery.

    Returns:
        The gallery's contract where the file says none, or is the gallery's own and says otherwise:
        its pictures were prepared by a stated contract. None to go by the file's.

    Raises:
        ModelError: the file cannot be read.
    """
    if kept is None:
        return None
    own = contract_in(model)
    if own is None:
        return kept
    if not is_own or not differences(own, kept):
        return None
    mirror = "inside" if own.fuse_mirror else "add" if kept.fuse_mirror else kept.mirror
    return replace(
        kept,
        input=own.input,
        layout=own.layout,
        outputs=own.outputs,
        checkpoint_sha256=own.checkpoint_sha256,
        seed=own.seed,
        mirror=mirror,
    )


def require_same_model(
    description: dict[str, Any],
    probe: F32Array,
    embedder: PictureEmbedder,
    path: Path | None,
    *,
    asked: F32Array | None = None,
) -> None:
    """Raises if a model's embeddings cannot be compared with a gallery's.

    Args:
        description: of the gallery.
        probe: of the gallery.
        embedder: with the model.
        path: the gallery's file, for messages.
        asked: what `probe_of` gave for the embedder; None asks it, when all else fits.

    Raises:
        ModelError: other weights, another preparation of pictures, or embeddings that differ.
        InvalidInputError: the mirror is in one and not in the other, or the model's embeddings are
            not of length 1.
        DatasetError: the gallery does not say what its embeddings are of.
    """
    where = called(path)
    session = embedder.session
    theirs = contract_kept(description, path)
    if theirs is None or not len(probe):
        raise DatasetError(
            f"{where} holds embeddings of a model that is not known, so pictures cannot be "
            "embedded for it; search it with embeddings of the same model"
        )
    if len(probe) != session.embedding_width:
        raise ModelError(
            f"{where} holds embeddings {len(probe)} wide of {description.get('model')}, and "
            f"{session.model_path} gives {session.embedding_width}; name the gallery's model, or "
            "state its contract and its output"
        )
    _require_length_1(session.contract)
    if bool(description.get("mirror")) != embedder.mirror:
        says = "with" if description.get("mirror") else "without"
        raise InvalidInputError(
            f"{where} was embedded {says} the mirrored picture, and mirror is {embedder.mirror}; "
            "expected the same for all pictures"
        )
    ours = session.contract
    if ours is not None and ours.exif != theirs.exif:
        raise InvalidInputError(
            f"{where} was embedded with exif {theirs.exif!r}, and this model's contract has "
            f"{ours.exif!r}; expected the same for all pictures: state exif {theirs.exif!r}"
        )
    if ours is not None and weights_differ(ours, theirs):
        raise ModelError(
            f"{where} holds embeddings of {description.get('model')} "
            f"({weights_in_words(theirs)}), and {session.model_path} has {weights_in_words(ours)}; "
            "expected the same weights: make a new gallery, or name the gallery's model"
        )
    cosine = float(probe @ (probe_of(embedder) if asked is None else asked))
    if not cosine >= LEAST_COSINE:
        raise ModelError(
            f"{session.model_path} embeds a test picture with cosine {cosine:.4f} to what "
            f"{description.get('model')} made of it for {where}, expected at least "
            f"{LEAST_COSINE}{_unlike(ours, theirs)}; make a new gallery for it, or name the "
            "gallery's model, contract and precision"
        )


class Made(Protocol):
    """What a gallery says of the model that made it; one in memory has no path."""

    @property
    def path(self) -> Path | None:
        """Its file."""

    @property
    def description(self) -> dict[str, Any]:
        """Of its embeddings."""

    @property
    def probe(self) -> F32Array:
        """The probe picture's embedding; empty where the model is not known."""


def require_comparable(first: Made, other: Made, *, alike: Sequence[str]) -> None:
    """Raises if two galleries hold embeddings of different models.

    Args:
        first: a gallery.
        other: another.
        alike: keys of their descriptions that must be the same.

    Raises:
        ModelError: other weights, another preparation of pictures, embeddings that differ, or the
            model is known of one only.
    """
    names = f"{called(first.path)} and {called(other.path)}"
    contracts = [contract_kept(gallery.description, gallery.path) for gallery in (first, other)]
    one, another = contracts
    if (one is None) != (another is None) or (len(first.probe) > 0) != (len(other.probe) > 0):
        raise ModelError(
            f"{names}: the model is known of one only, so that nobody can say whether their "
            "embeddings compare; expected galleries of one model"
        )
    for key in alike:
        ours, theirs = first.description.get(key), other.description.get(key)
        if ours != theirs:
            raise ModelError(f"{names} have {key} {ours!r} and {theirs!r}, expected the same")
    if one is not None and another is not None:
        said = "other weights" if weights_differ(one, another) else differences(one, another)
        if said:
            raise ModelError(f"{names} were embedded with {said}; expected galleries of one model")
    cosine = float(first.probe @ other.probe)
    if len(first.probe) and not cosine >= LEAST_COSINE:
        raise ModelError(
            f"{names} have embeddings of a test picture with cosine {cosine:.4f}, expected at "
            f"least {LEAST_COSINE}: galleries of one model"
        )


def _unlike(ours: Contract | None, theirs: Contract) -> str:
    """How the contracts differ, as a part of a message."""
    said = "" if ours is None else differences(ours, theirs)
    if ours is None or not said:
        return ""
    return f"; its contract is from {ours.origin or 'the caller'} and has {said}"


def _require_length_1(contract: Contract | None) -> None:
    if contract is not None and not contract.normalise:
        raise InvalidInputError(
            f"the contract from {contract.origin or 'the caller'} has normalise False, and a "
            "gallery holds embeddings of length 1; state a contract with normalise true for it"
        )
