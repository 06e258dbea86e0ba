# SPDX-License-Identifier: Apache-2.0
"""Files and arrays to RGB pixels, and pixels to a model's input.

pixels       decode, resize, normalise and pack
sources      what a caller may hand over as pictures, listed and named
headers      a file's kind and size, before anything is decoded
"""

from mgn_fast.pictures.headers import HeaderError, read_header
from mgn_fast.pictures.pixels import decode, resize, resize_pack
from mgn_fast.pictures.sources import list_pictures

__all__ = ["HeaderError", "decode", "list_pictures", "read_header", "resize", "resize_pack"]
