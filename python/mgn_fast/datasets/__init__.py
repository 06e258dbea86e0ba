# SPDX-License-Identifier: Apache-2.0
"""Data sets: which pictures are query and gallery, and who is on them.

dataset           what users call: `load_dataset`, and a drawn set
layouts           how each public set names its files
label_file        who is on which picture, from a table that its user wrote; tables: its rows
folders           a directory per person
split             pictures with who is on each
published_counts  how many pictures each public set has
drawn_set, scenes, pedestrian   drawn people, in Market-1501's layout
"""

from mgn_fast.datasets.dataset import Dataset, Kind, Split, count_problems, load_dataset, synthetic

__all__ = ["Dataset", "Kind", "Split", "count_problems", "load_dataset", "synthetic"]
