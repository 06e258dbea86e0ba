# SPDX-License-Identifier: Apache-2.0
"""One caller's batches under way on a session: every lane busy, none waited for in vain.

Belongs to one thread. Two flights may share a session: a flight that finds no free lane takes the
results of its own batches first, so flights cannot wait for each other's lanes for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from .types import F32Array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lane import Lane, Ticket
    from .session import Session

Tag = TypeVar("Tag")


class Flight(Generic[Tag]):
    """Batches in flight, each with the caller's tag that says where its rows belong."""

    def __init__(self, session: Session) -> None:
        session.require_own_process()
        self._session = session
        self._tickets: list[tuple[Tag, Ticket]] = []
        self._results: list[tuple[Tag, F32Array]] = []
        self._lane: Lane | None = None  # acquired, not yet submitted

    def acquire(self) -> Lane:
        """A free lane; while there is none, takes the results of own batches as they end."""
        changed = self._session._changed
        while True:
            with changed:
                self._lane = self._session._try_acquire()
                if self._lane is not None:
                    return self._lane
                changed.wait_for(lambda: self._some_done() or self._session._has_free())
            self._take_done()

    def submit(self, lane: Lane, count: int, tag: Tag) -> None:
        """Starts the first `count` pictures of the lane's input."""
        self._tickets.append((tag, lane.submit(count)))
        self._lane = None

    def finished(self) -> Iterator[tuple[Tag, F32Array]]:
        """The results that are there by now, each once; a failed batch raises its error."""
        self._take_done()
        while self._results:
            yield self._results.pop()

    def drain(self) -> Iterator[tuple[Tag, F32Array]]:
        """All results that are still to come; waits for each."""
        yield from self.finished()
        while self._tickets:
            tag, ticket = self._tickets.pop()
            yield tag, ticket.result()

    def abandon(self) -> None:
        """Forgets the batches in flight; their lanes come back to the session as they end.

        Said outright, because an exception's traceback may keep the lanes' last names alive.
        """
        if self._lane is not None:
            self._lane._abandon()
        for _, ticket in self._tickets:
            ticket._lane._abandon()
        self._tickets.clear()
        self._results.clear()

    def _some_done(self) -> bool:
        return any(ticket.done() for _, ticket in self._tickets)

    def _take_done(self) -> None:
        ended = [entry for entry in self._tickets if entry[1].done()]
        for entry in ended:
            self._tickets.remove(entry)
            self._results.append((entry[0], entry[1].result()))
