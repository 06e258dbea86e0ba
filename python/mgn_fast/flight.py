# SPDX-License-Identifier: Apache-2.0
"""One caller's batches under way on a session, each with a tag that says where its rows belong.

A batch's lane goes back to the session with the batch, not when its result is taken. So a
caller that pauses, as a generator does between two items, keeps no lane from others, and two
callers cannot wait for each other. Belongs to one thread.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Generic, TypeVar

from .types import F32Array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lane import Lane, Ticket
    from .session import Session

Tag = TypeVar("Tag")


class Flight(Generic[Tag]):
    """Batches in flight and their tags."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._under_way: list[tuple[Tag, Ticket]] = []

    @contextlib.contextmanager
    def lane(self) -> Iterator[Lane]:
        """A free lane to fill and submit; it goes back at once if the block does not submit it."""
        with self._session.observer.spending("lane_wait"):
            lane = self._session.acquire()
        try:
            yield lane
        finally:
            lane.release()

    def submit(self, lane: Lane, count: int, tag: Tag) -> None:
        """Starts the first `count` pictures of the lane's input."""
        self._under_way.append((tag, lane.submit_and_leave(count)))

    def finished(self) -> Iterator[tuple[Tag, F32Array]]:
        """The results that are there by now, each once; a failed batch raises its error."""
        ended = [entry for entry in self._under_way if entry[1].done()]
        for entry in ended:
            self._under_way.remove(entry)
            yield entry[0], self._result(entry[1])

    def drain(self) -> Iterator[tuple[Tag, F32Array]]:
        """All results that are still to come, oldest first; waits for each."""
        while self._under_way:
            tag, ticket = self._under_way.pop(0)
            with self._session.observer.spending("result_wait"):
                embeddings = self._result(ticket)
            yield tag, embeddings

    def _result(self, ticket: Ticket) -> F32Array:
        embeddings = ticket.result()
        for span in ticket.spans():
            self._session.observer.spent(span)
        return embeddings
