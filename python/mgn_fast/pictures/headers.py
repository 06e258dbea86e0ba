# SPDX-License-Identifier: Apache-2.0
"""The size a picture file claims, read from its first bytes before anything large is allocated.

Reads what the decoders behind it accept and nothing else; knows nothing of pixels.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Literal

Format = Literal["JPEG", "PNG", "BMP", "PPM", "WebP"]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Sizes of the headers that a BMP's own is followed by, from OS/2's to Windows' fifth.
_BMP_HEADERS = {size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)}
_PPM_AFTER = {b"", b" ", b"\t", b"\n", b"\v", b"\f", b"\r", b"#"}
# What people have among their pictures, by its first bytes, or those of its brand.
_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"ftyphei", "a HEIC picture"),
    (b"ftypmif", "a HEIC picture"),
    (b"ftypavi", "an AVIF picture"),
    (b"ftyp", "a video"),
    (b"RIFF", "a video"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_PPM_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"  # white space and comments, possessive by what may follow
_PPM_HEADER = re.compile(
    rb"P[56]" + _PPM_GAP + rb"(\d{1,9})" + _PPM_GAP + rb"(\d{1,9})" + _PPM_GAP + rb"(\d{1,5})\s"
)


class HeaderError(Exception):
    """The bytes are no picture this package reads; the text says why."""


@dataclass(frozen=True)
class Header:
    """The format and size that a picture file claims.

    Attributes:
        format: the container.
        height, width: pixels, at least 1.
    """

    format: Format
    height: int
    width: int


def sniff(data: bytes) -> Format:
    """The picture format that a file's first bytes name; HeaderError for any other and for none."""
    if not data:
        raise HeaderError("the file is empty")
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == _PNG_SIGNATURE:
        return "PNG"
    if data[:2] == b"BM" and (len(data) < 18 or data[14:18] in _BMP_HEADERS):
        return "BMP"
    if data[:2] in (b"P5", b"P6") and data[2:3] in _PPM_AFTER:
        return "PPM"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    brand = data[4:12] if data[4:8] == b"ftyp" else data[:4]
    kind = next((kind for start, kind in _OTHERS if brand.startswith(start)), "")
    raise HeaderError(
        f"it {f'is {kind} and ' if kind else ''}starts with {data[:8]!r}, expected a JPEG, PNG, "
        "BMP, PPM or WebP picture"
    )


def read_header(data: bytes) -> Header:
    """The size of a PNG, BMP, PPM or WebP picture; the JPEG decoder reads its own.

    Args:
        data: the file's bytes.

    Returns:
        The header.

    Raises:
        HeaderError: cut short, damaged, or of a kind that the decoder would not read faithfully.
    """
    kind = sniff(data)
    if kind == "JPEG":
        raise HeaderError("a JPEG's size is read by its decoder")
    readers = {"PNG": _png_size, "BMP": _bmp_size, "PPM": _ppm_size, "WebP": _webp_size}
    try:
        height, width = readers[kind](data)
    except IndexError as error:
        raise HeaderError(f"the {kind} header is cut short at {len(data)} bytes") from error
    if height < 1 or width < 1:
        raise HeaderError(f"the {kind} header claims {width} x {height} pixels")
    return Header(kind, height, width)


def _number(data: bytes, start: int, length: int, order: Literal["big", "little"]) -> int:
    if start + length > len(data):
        raise IndexError(start)
    return int.from_bytes(data[start : start + length], order)


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise HeaderError(f"the first PNG chunk is {data[12:16]!r}, expected b'IHDR'")
    depth = _number(data, 24, 1, "big")
    if depth == 16:
        raise HeaderError("the PNG has 16 bits per channel, expected at most 8")
    _require_whole_png(data)
    return _number(data, 20, 4, "big"), _number(data, 16, 4, "big")


def _require_whole_png(data: bytes) -> None:
    """Raises HeaderError for a cut or damaged PNG, by its checksums: decoders would take it."""
    position = len(_PNG_SIGNATURE)
    while True:
        length = _number(data, position, 4, "big")
        end = position + 8 + length
        checksum = _number(data, end, 4, "big")
        if zlib.crc32(memoryview(data)[position + 4 : end]) != checksum:
            raise HeaderError(f"the PNG chunk at byte {position} does not match its checksum")
        if data[position + 4 : position + 8] == b"IEND":
            return
        position = end + 4


def _bmp_size(data: bytes) -> tuple[int, int]:
    declared = _number(data, 2, 4, "little")
    if declared > len(data):
        raise HeaderError(f"the BMP is cut short: {len(data)} of {declared} bytes")
    if _number(data, 14, 4, "little") == 12:  # OS/2's header has 16-bit sizes
        return _number(data, 20, 2, "little"), _number(data, 18, 2, "little")
    height = _number(data, 22, 4, "little")
    if height >= 1 << 31:  # negative: rows run from the top down
        height = (1 << 32) - height
    return height, _number(data, 18, 4, "little")


def _ppm_size(data: bytes) -> tuple[int, int]:
    match = _PPM_HEADER.match(data[:1024])
    if match is None:
        raise HeaderError(f"the PPM header {data[:32]!r} has no width, height and maximum")
    width, height, maximum = (int(field) for field in match.groups())
    if maximum != 255:
        raise HeaderError(f"the PPM's maximum is {maximum}, expected 255")
    samples = 3 if data[:2] == b"P6" else 1
    needed = match.end() + width * height * samples
    if len(data) < needed:
        raise HeaderError(f"the PPM is cut short: {len(data)} of {needed} bytes")
    return height, width


def _webp_size(data: bytes) -> tuple[int, int]:
    declared = _number(data, 4, 4, "little") + 8
    if declared > len(data):
        raise HeaderError(f"the WebP is cut short: {len(data)} of {declared} bytes")
    chunk = data[12:16]
    if chunk == b"VP8X":
        return _number(data, 27, 3, "little") + 1, _number(data, 24, 3, "little") + 1
    if chunk == b"VP8L":
        bits = _number(data, 21, 4, "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return _number(data, 28, 2, "little") & 0x3FFF, _number(data, 26, 2, "little") & 0x3FFF
    raise HeaderError(f"the first WebP chunk is {chunk!r}, expected VP8, VP8L or VP8X")
