# SPDX-License-Identifier: Apache-2.0
"""Galleries: embeddings with names, kept in one file, added to batch by batch, searched, edited.

gallery          what users call; stored: a gallery's rows and names, in memory or mapped
build            embeds pictures that a gallery does not hold yet, batch by batch
held, pending    what it holds already, and what it will hold next
labels           what else is known of pictures
model            whose embeddings these are
search           the nearest rows, exactly; index: proposed by FAISS; index_file: its files
finding/         several galleries searched as one, and what else is asked of a search
editing/         pictures removed, renamed and labelled; galleries merged and exported
file, arrays     the bytes; edits: changes of them; reader, writer: who may do what with them
"""

from mgn_fast.gallery.build import Added
from mgn_fast.gallery.editing.changes import Changed, compact, label, remove, rename
from mgn_fast.gallery.editing.exporting import export
from mgn_fast.gallery.editing.facts import Facts, info
from mgn_fast.gallery.editing.merging import merge
from mgn_fast.gallery.finding.combining import expand_queries, mean_embedding
from mgn_fast.gallery.finding.joining import JoinedGallery, join_galleries
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.gallery.index import GalleryIndex, open_index
from mgn_fast.gallery.search import GalleryRanking

__all__ = [
    "Added",
    "Changed",
    "Facts",
    "Gallery",
    "GalleryIndex",
    "GalleryRanking",
    "JoinedGallery",
    "compact",
    "expand_queries",
    "export",
    "info",
    "join_galleries",
    "label",
    "mean_embedding",
    "merge",
    "open_index",
    "remove",
    "rename",
]
