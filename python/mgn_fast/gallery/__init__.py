# SPDX-License-Identifier: Apache-2.0
"""Galleries: embeddings with names, kept in one file, added to batch by batch, searched.

gallery          what users call; stored: a gallery's rows and names, in memory or mapped
build            embeds pictures that a gallery does not hold yet, batch by batch
labels           what else is known of pictures
model            whose embeddings these are
search           the nearest rows, exactly; index: proposed by FAISS; index_file: its files
file, arrays     the bytes; reader, writer: who may do what with them
"""

from mgn_fast.gallery.build import Added
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.index import GalleryIndex, open_index
from mgn_fast.gallery.search import GalleryRanking

__all__ = ["Added", "Gallery", "GalleryIndex", "GalleryRanking", "open_index"]
