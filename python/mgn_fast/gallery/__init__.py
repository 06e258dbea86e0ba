# SPDX-License-Identifier: Apache-2.0
"""Galleries: embeddings with names, kept in one file, added to batch by batch, searched.

gallery          what users call
build            embeds pictures that a gallery does not hold yet, batch by batch
model            whose embeddings these are
search, index    the nearest rows, exactly; and by FAISS
file, arrays     the bytes; reader, writer: who may do what with them
"""

from mgn_fast.gallery.build import Added
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.search import GalleryRanking

__all__ = ["Added", "Gallery", "GalleryRanking"]
