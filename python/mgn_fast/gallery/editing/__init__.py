# SPDX-License-Identifier: Apache-2.0
"""Galleries' files as something to look after: edited, joined, taken elsewhere.

changes       pictures removed, named anew, labelled; what was removed erased
selection     which pictures are meant; label_tables: labels from a table
facts         what a file holds, in numbers
merging       several galleries as one
exporting     a gallery as other programs read it
"""

from mgn_fast.gallery.editing.changes import Changed, compact, label, remove, rename
from mgn_fast.gallery.editing.exporting import export
from mgn_fast.gallery.editing.facts import Facts, info
from mgn_fast.gallery.editing.merging import merge

__all__ = [
    "Changed",
    "Facts",
    "compact",
    "export",
    "info",
    "label",
    "merge",
    "remove",
    "rename",
]
