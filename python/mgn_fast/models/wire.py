# SPDX-License-Identifier: Apache-2.0
"""Protobuf's wire format, as far as ONNX files use it. Nothing in what is read is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

Field: TypeAlias = int | memoryview


def entry(number: int, content: bytes | memoryview) -> bytes:
    """A field of bytes, texts and messages among them.

    Args:
        number: the field's.
        content: its bytes.

    Returns:
        The field as it is written.

    Example:
        >>> entry(1, b"ab").hex(" ")
        '0a 02 61 62'
    """
    return b"".join((head(number, len(content)), content))


def head(number: int, length: int) -> bytes:
    """What stands before the bytes of such a field."""
    return varint(number << 3 | 2) + varint(length)


def varint(value: int) -> bytes:
    """A number from 0, seven bits a byte."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def fields(view: memoryview) -> Iterator[tuple[int, Field]]:
    """Numbers and values of one message's fields; ValueError where it is no message."""
    return ((number, value) for number, value, _ in spans(view))


def spans(view: memoryview) -> Iterator[tuple[int, Field, int]]:
    """Number and value of every field, and where it ends; ValueError as `fields`."""
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        wire = key & 7
        if wire == 0:
            number, at = _varint(view, at)
            yield key >> 3, number, at
            continue
        if wire == 2:
            length, at = _varint(view, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"a field of wire type {wire} at byte {at}")
        if length > len(view) - at:
            raise ValueError(f"a field of {length} bytes where {len(view) - at} are left")
        at += length
        yield key >> 3, view[at - length : at], at


def numbers(view: memoryview) -> Iterator[int]:
    """The numbers of a packed field; ValueError where it ends inside one."""
    at = 0
    while at < len(view):
        number, at = _varint(view, at)
        yield number


def message(value: Field | bytes) -> memoryview:
    """A field's bytes; ValueError for a number."""
    if isinstance(value, int):
        raise ValueError(f"the number {value} where a message was expected")
    return memoryview(value)


def text(value: Field | bytes) -> str:
    """A field's text; ValueError for a number, or bytes that are no UTF-8."""
    return str(message(value), "utf-8")


def integer(value: Field) -> int:
    """An int64: protobuf writes negative ones as their complement. ValueError for bytes."""
    if not isinstance(value, int):
        raise ValueError("bytes where a number was expected")
    return value - (1 << 64) if value >> 63 & 1 else value


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise ValueError("it ends inside a number")
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(f"a number of more than 64 bits at byte {at}")
