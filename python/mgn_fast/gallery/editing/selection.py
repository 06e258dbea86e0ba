# SPDX-License-Identifier: Apache-2.0
"""Which pictures of a gallery are meant: by names, by a pattern of names, by person."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mgn_fast.errors import InvalidInputError
from mgn_fast.types import PathLike

_SHOWN = 5  # of missing names in a message


@dataclass(frozen=True)
class Selection:
    """What a caller asked for; a picture is meant if any of it fits.

    Attributes:
        names: of pictures, as the gallery has them.
        match: a pattern of names, with * and ? as in a shell; * stands for / too.
        person: a person's word.
    """

    names: tuple[str, ...] = ()
    match: str | None = None
    person: str | None = None

    @classmethod
    def of(cls, names: Iterable[PathLike] | PathLike, match: str | None, person: Any) -> Selection:
        """A selection by what a caller gave.

        Args:
            names: one or several.
            match: None for no pattern.
            person: a word or a number; None for no person.

        Returns:
            The selection.

        Raises:
            InvalidInputError: nothing is asked for.
        """
        several = [names] if isinstance(names, (str, os.PathLike)) else names
        words = tuple(dict.fromkeys(os.fspath(name) for name in several))
        if not words and match is None and person is None:
            raise InvalidInputError(
                "no pictures are named; expected names, match or person to say which"
            )
        return cls(words, match, None if person is None else str(person))

    def chosen(
        self, pictures: Iterable[tuple[int, str, str | None]]
    ) -> tuple[list[int], list[str]]:
        """The pictures that are meant.

        Args:
            pictures: (number, name, person) of each.

        Returns:
            Numbers, ascending; and what was asked for and is not there, in words.
        """
        names, is_like = set(self.names), None
        if self.match is not None:
            is_like = re.compile(fnmatch.translate(self.match)).match
        found: list[int] = []
        met: set[str] = set()
        for number, name, person in pictures:
            fits = set(self._fitting(name, person, names, is_like))
            if fits:
                found.append(number)
                met |= fits
        wanted = [*map(repr, self.names)]
        wanted += [] if self.match is None else [f"match {self.match!r}"]
        wanted += [] if self.person is None else [f"person {self.person!r}"]
        return found, [word for word in wanted if word not in met]

    def _fitting(
        self, name: str, person: str | None, names: set[str], is_like: Any
    ) -> Iterator[str]:
        if name in names:
            yield repr(name)
        if is_like is not None and is_like(name):
            yield f"match {self.match!r}"
        if self.person is not None and person == self.person:
            yield f"person {self.person!r}"


def require_there(missing: list[str], path: Any) -> None:
    """Raises InvalidInputError if something was asked for that is not in a gallery.

    Args:
        missing: in words.
        path: of the gallery.
    """
    if missing:
        more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
        raise InvalidInputError(
            f"{', '.join(missing[:_SHOWN])}{more}: not in gallery {os.fspath(path)!r}; `mgn-fast "
            "gallery list` shows its names, and nothing was changed"
        )
