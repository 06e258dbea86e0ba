# SPDX-License-Identifier: Apache-2.0
"""An evaluation drawn for people: the page and the sheet that `mgn-fast evaluate` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.text import sentence
from mgn_fast.datasets.dataset import Dataset
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.report import Report, notes_of
from mgn_fast.models.contract import Contract
from mgn_fast.report.analysis import Analysis, ranked_lists
from mgn_fast.report.page.render import write_page
from mgn_fast.report.page.words import prepared
from mgn_fast.report.sheet import write_sheet
from mgn_fast.types import AnyArray, PathLike


def draw_evaluation(
    dataset: Dataset,
    reports: Mapping[str, Report],
    analysis: Analysis,
    *,
    html: PathLike | None = None,
    png: PathLike | None = None,
    embeddings: tuple[AnyArray, AnyArray] | None = None,
    contract: Contract | None = None,
    progress: Progress = no_progress,
) -> None:
    """Writes figures, plots and ranked lists to a page, and the hardest lists to a sheet.

    Args:
        dataset: the pictures.
        reports: by the name of their table row and curve; at least one.
        analysis: of the same run: what an `AnalysisBuilder` gathered.
        html: the page's file; None for no page.
        png: the sheet's; None for no sheet.
        embeddings: of queries and gallery, to tell the parts of each pair; None to leave them out.
        contract: of the model that made them, for the page and for their parts; None where it is
            not known.
        progress: is told how far the page is.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: another suffix, a file that cannot be written, or embeddings without a
            contract that says their parts.
    """
    if embeddings is not None and (contract is None or contract.parts is None):
        raise InvalidInputError(
            "embeddings are given to tell their parts, and "
            f"{'no contract' if contract is None else 'their contract has none'}; expected the "
            "contract of a model with parts, or embeddings=None"
        )
    parts = () if contract is None or contract.parts is None else contract.parts
    lists = ranked_lists(analysis, dataset, embeddings, parts)
    title = f"{dataset.root.absolute().name} ({dataset.kind})"
    if html is not None:
        write_page(
            html,
            title=title,
            notes=[*_notes(dataset, len(lists), contract), *map(sentence, notes_of(reports))],
            reports=reports,
            analysis=analysis,
            lists=lists,
            progress=progress,
        )
    if png is not None:
        write_sheet(png, lists, title=f"{title}: hardest queries")


def _notes(dataset: Dataset, listed: int, contract: Contract | None) -> Iterator[str]:
    yield (
        f"{dataset.num_distractors:,} distractors are in the gallery and count against; "
        f"{dataset.num_junk:,} junk pictures were dropped."
    )
    if listed < len(dataset.query):
        yield (
            f"The {listed:,} queries with the lowest average precision are listed, of "
            f"{len(dataset.query):,}."
        )
    if contract is not None:
        yield prepared(contract)
