# SPDX-License-Identifier: Apache-2.0
"""What a gallery's file holds, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.reader import read_gallery
from mgn_fast.models.contract import Contract
from mgn_fast.types import PathLike


@dataclass(frozen=True)
class Facts:
    """A gallery's file in numbers.

    Attributes:
        path: of the file.
        num_pictures: that it shows.
        num_names: how many names they have: fewer where pictures that changed came again.
        width: of an embedding.
        dtype: of the embeddings.
        model: file name of the model; None where it is not known.
        simulated: whether its NPU was the simulator; None where it is not known.
        contract: how pictures were prepared; None where it is not known.
        mirror: whether mirrored pictures were added; None where it is not known.
        num_labelled: by key of labels, how many pictures have it.
        num_persons: different words for persons.
        num_cameras: different words for cameras.
        num_bytes: of the file that are the gallery's.
        num_removed: pictures that are in the file and not shown.
        num_edits: in the file.
        waiting_bytes: of removed embeddings and edits, which `compact` would take out of the file.
    """

    path: Path
    num_pictures: int
    num_names: int
    width: int
    dtype: str
    model: str | None
    simulated: bool | None
    contract: Contract | None
    mirror: bool | None
    num_labelled: dict[str, int]
    num_persons: int
    num_cameras: int
    num_bytes: int
    num_removed: int
    num_edits: int
    waiting_bytes: int


def info(path: PathLike) -> Facts:
    """What a gallery's file holds; every byte of it is checked.

    Args:
        path: the file.

    Returns:
        Its facts.

    Raises:
        DatasetError: there is no such file, or it is no gallery, cut short or damaged.
    """
    file = read_gallery(path)
    gallery = Gallery.opened(file)
    labels = [gallery.label(place) for place in range(len(gallery))]
    words = {key: {label[key] for label in labels if key in label} for key in ("person", "camera")}
    return Facts(
        file.path,
        len(gallery),
        len({gallery.name(place) for place in range(len(gallery))}),
        gallery.width,
        gallery.dtype.name,
        gallery.model,
        gallery.simulated,
        gallery.contract,
        gallery.description["mirror"],
        dict(Counter(key for label in labels for key in label)),
        len(words["person"]),
        len(words["camera"]),
        file.num_bytes,
        file.shown.num_removed,
        file.shown.num_edits,
        file.waiting_bytes,
    )
