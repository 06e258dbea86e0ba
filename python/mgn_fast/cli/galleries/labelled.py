# SPDX-License-Identifier: Apache-2.0
"""Galleries whose pictures are labelled, as a dataset: no directory of pictures is needed."""

from __future__ import annotations

from pathlib import Path

from mgn_fast.datasets.dataset import Dataset
from mgn_fast.datasets.split import Split, labelled
from mgn_fast.errors import DatasetError
from mgn_fast.gallery.gallery import Gallery


def labelled_galleries(query: Path, gallery: Path) -> Dataset:
    """The pictures of two galleries with the persons and cameras of their labels.

    Args:
        query: a gallery's file.
        gallery: another one's, or the same: then all are compared with all.

    Returns:
        The dataset; its paths are where the pictures were.

    Raises:
        DatasetError: a file that is no gallery, or a picture without a person.
    """
    of_query = _split_of(query)
    is_one = query.resolve() == gallery.resolve()
    of_gallery = of_query if is_one else _split_of(gallery)
    junk = of_gallery.num_junk + (0 if is_one else of_query.num_junk)
    return Dataset(gallery, "gallery", of_query, of_gallery, junk, 0)


def _split_of(path: Path) -> Split:
    gallery = Gallery.load(path)
    labels = [gallery.label(place) for place in range(len(gallery))]
    unknown = [place for place, label in enumerate(labels) if "person" not in label]
    if unknown:
        raise DatasetError(
            f"gallery {str(path)!r} does not say who is on {len(unknown)} of {len(gallery)} "
            f"pictures, the first {gallery.name(unknown[0])!r}; label them with `mgn-fast gallery "
            "label`, or give --labels"
        )
    cameras = [label.get("camera", "") for label in labels]
    if any(cameras) and not all(cameras):
        place = cameras.index("")
        raise DatasetError(
            f"gallery {str(path)!r} does not say the camera of {gallery.name(place)!r}, expected "
            "cameras of all pictures, or of none"
        )
    everything = labelled(
        [gallery.picture_path(place) for place in range(len(gallery))],
        [gallery.name(place) for place in range(len(gallery))],
        [label["person"] for label in labels],
        cameras if any(cameras) else None,
    )
    split = everything.without_junk(range(len(gallery)))
    if len(split) == 0:
        raise DatasetError(f"gallery {str(path)!r} holds no picture to use, only junk: person -1")
    return split
