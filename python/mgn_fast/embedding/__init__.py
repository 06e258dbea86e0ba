# SPDX-License-Identifier: Apache-2.0
"""Pictures to unit embeddings, in memory and on disk.

embedder         what users call: `Embedder`
reading          pictures decoded and resized ahead, on threads
mirroring        which rows a picture has, and how they become one embedding
foreign          embeddings as other programs leave them
embeddings_file  an .npy of embeddings and the names beside it, read
writing          the same, tables, and what is kept of a run that ended, written
row_files        the bytes of .npy, .csv and .parquet, row by row
"""

from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.embeddings_file import Embeddings, read_embeddings
from mgn_fast.embedding.reading import Noticed
from mgn_fast.embedding.writing import Partial, write_embeddings

__all__ = ["Embedder", "Embeddings", "Noticed", "Partial", "read_embeddings", "write_embeddings"]
