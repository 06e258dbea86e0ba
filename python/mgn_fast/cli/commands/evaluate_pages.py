# SPDX-License-Identifier: Apache-2.0
"""What `mgn-fast evaluate` draws for people: the options, the page and the sheet."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mgn_fast.cli.page_files import add_page_files, page_files
from mgn_fast.cli.screen.progress import stages
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.distances import require_count
from mgn_fast.evaluation.measure import BlockObserver
from mgn_fast.evaluation.protocol import Protocol, ProtocolReport
from mgn_fast.models.contract import EMBEDDING_WIDTH
from mgn_fast.report.analysis import PageData, ranked_lists
from mgn_fast.report.page.render import write_page
from mgn_fast.report.sheet import write_sheet
from mgn_fast.types import AnyArray


def add_page_options(parser: argparse.ArgumentParser) -> None:
    """What is drawn, and how much of it.

    Args:
        parser: gets the options.
    """
    group = add_page_files(
        parser,
        page="write figures, plots and the ranked lists to this page",
        sheet="write the hardest queries' ranked lists to this picture",
    )
    group.add_argument(
        "--lists", type=int, default=1000, help="queries listed on the page, hardest first (1000)"
    )
    group.add_argument("--depth", type=int, default=10, help="gallery pictures of each list (10)")
    group.add_argument(
        "--parts", action="store_true", help="show how near each of MGN's eight parts is"
    )


@dataclass
class Drawing:
    """What is to be drawn of a run, and what gathers it while it goes.

    Attributes:
        html: a temporary path for the page; None for no page.
        png: likewise for the sheet.
        lists: queries to list.
        depth: pictures of each.
        parts: whether lists tell the parts.
        page_data: what gathers it, once the run has begun.
    """

    html: Path | None
    png: Path | None
    lists: int
    depth: int
    parts: bool = False
    page_data: PageData | None = field(default=None, init=False)

    def begin(self, dataset: Dataset, protocol: Protocol) -> None:
        """Prepares to gather what is drawn, if anything is to be drawn.

        Args:
            dataset: of the run.
            protocol: its rules.
        """
        if self.html is not None or self.png is not None:
            sides = dataset.query.identities, dataset.gallery.identities
            self.page_data = PageData(*sides, protocol, lists=self.lists, depth=self.depth)

    def block_observers(self) -> Sequence[BlockObserver]:
        """For the next ranking's run.

        Returns:
            Nobody where nothing is to be drawn.
        """
        return () if self.page_data is None else self.page_data.block_observers()

    def add(self, ranking: str, report: ProtocolReport) -> None:
        """Keeps what the last observers saw.

        Args:
            ranking: its name.
            report: of the run.
        """
        if self.page_data is not None:
            self.page_data.add(ranking, report)

    def draw(
        self,
        dataset: Dataset,
        reports: Mapping[str, ProtocolReport],
        embeddings: tuple[AnyArray, AnyArray],
    ) -> None:
        """Draws what was asked for.

        Args:
            dataset: the pictures.
            reports: by name.
            embeddings: of queries and gallery.
        """
        if self.page_data is None:
            return
        analysis = self.page_data.analysis()
        lists = ranked_lists(analysis, dataset, embeddings if self.parts else None)
        title = f"{dataset.root.absolute().name} ({dataset.kind})"
        notes = _notes(dataset, len(lists))
        if self.html is not None:
            with stages() as progress:
                write_page(
                    self.html,
                    title=title,
                    notes=notes,
                    reports=reports,
                    analysis=analysis,
                    lists=lists,
                    progress=progress,
                )
        if self.png is not None:
            write_sheet(self.png, lists, title=f"{title}: hardest queries")


@contextlib.contextmanager
def drawing(arguments: argparse.Namespace) -> Iterator[Drawing]:
    """Tries the outputs before any work, and gives them their names when all of it went well.

    Args:
        arguments: the parsed command line.

    Yields:
        What is to be drawn.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: a file that cannot be written, or an option outside its range.
    """
    if arguments.html is not None or arguments.png is not None:
        require_count("lists", arguments.lists)
        require_count("depth", arguments.depth)
    elif arguments.parts:
        raise InvalidInputError("--parts is given without --html or --png, expected one of them")
    with page_files(arguments) as (html, png):
        yield Drawing(html, png, arguments.lists, arguments.depth, arguments.parts)


def require_parts(arguments: argparse.Namespace, width: int) -> None:
    """Refuses parts of embeddings that have none.

    Args:
        arguments: the parsed command line.
        width: of the embeddings.

    Raises:
        InvalidInputError: they are not MGN's.
    """
    if arguments.parts and width != EMBEDDING_WIDTH:
        raise InvalidInputError(
            f"--parts is given and embeddings are {width} wide, expected {EMBEDDING_WIDTH}: only "
            "MGN's have parts"
        )


def _notes(dataset: Dataset, listed: int) -> list[str]:
    notes = [
        f"{dataset.num_distractors:,} distractors are in the gallery and count against; "
        f"{dataset.num_junk:,} junk pictures were dropped."
    ]
    if listed < len(dataset.query):
        notes.append(
            f"The {listed:,} queries with the lowest average precision are listed, of "
            f"{len(dataset.query):,}."
        )
    return notes
