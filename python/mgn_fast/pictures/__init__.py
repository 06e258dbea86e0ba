# SPDX-License-Identifier: Apache-2.0
"""Files and arrays to RGB pixels, and pixels to a model's input.

pixels       decode, resize, normalise and pack
headers      a file's kind and size, before anything is decoded
"""

from mgn_fast.pictures.headers import HeaderError, read_header
from mgn_fast.pictures.pixels import decode, list_pictures, resize, resize_pack

__all__ = ["HeaderError", "decode", "list_pictures", "read_header", "resize", "resize_pack"]
