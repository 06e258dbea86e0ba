# SPDX-License-Identifier: Apache-2.0
"""Files and arrays to RGB pixels, and pixels to a model's input.

sources      what a caller may hand over as pictures, and its names
directories  the files below a directory; what among files is no picture
file_lists   lists of pictures in a file
box_files    boxes in a CSV or MOTChallenge's file: crops out of frames
crops        parts of frames: cut, brought together, each frame decoded once
pixels       decode, resize, normalise and pack
decoders     a file's bytes to pixels
given        pictures in memory: arrays, tensors, Pillow's, open files
headers      a file's kind and size, before anything is decoded
orientation  EXIF's, read and applied
"""

from mgn_fast.pictures.box_files import Boxes, read_boxes
from mgn_fast.pictures.crops import order_by_frame
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.pictures.file_lists import read_list
from mgn_fast.pictures.headers import HeaderError, read_header
from mgn_fast.pictures.pixels import decode, resize, resize_pack
from mgn_fast.pictures.sources import Listed
from mgn_fast.types import Box, Crop

__all__ = [
    "Box",
    "Boxes",
    "Crop",
    "HeaderError",
    "Listed",
    "decode",
    "list_pictures",
    "order_by_frame",
    "read_boxes",
    "read_header",
    "read_list",
    "resize",
    "resize_pack",
]
