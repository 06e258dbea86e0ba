# SPDX-License-Identifier: Apache-2.0
"""Files and arrays to RGB pixels, and pixels to a model's input.

pixels       decode, resize, normalise and pack
crops        parts of frames: cut, brought together, each frame decoded once
sources      what a caller may hand over as pictures, listed and named
headers      a file's kind and size, before anything is decoded
"""

from mgn_fast.pictures.crops import order_by_frame
from mgn_fast.pictures.headers import HeaderError, read_header
from mgn_fast.pictures.pixels import decode, resize, resize_pack
from mgn_fast.pictures.sources import list_pictures

__all__ = [
    "HeaderError",
    "decode",
    "list_pictures",
    "order_by_frame",
    "read_header",
    "resize",
    "resize_pack",
]
