# SPDX-License-Identifier: Apache-2.0
"""A run as one HTML page that opens anywhere, offline: figures, plots, and the ranked lists.

Figures and plots are there without scripts; the lists are made by the page's own script from the
data inside it when they come near the screen. The page's policy lets nothing out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.checks import output_name
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import write_atomically
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.report import Report
from mgn_fast.evaluation.roc.curve import VerificationCurve
from mgn_fast.report.analysis import Analysis
from mgn_fast.report.kit.templates import SUFFIXES, render
from mgn_fast.report.page import plots, words
from mgn_fast.report.page.script_data import ScriptData
from mgn_fast.report.thumbnails import thumbnails_of, tiles_of
from mgn_fast.report.tiles import RankedList
from mgn_fast.types import PathLike

_SCRIPTS = ("tiles.js", "lists.js", "look.js", "start.js")


def write_page(
    path: PathLike,
    *,
    title: str,
    reports: Mapping[str, Report],
    lists: Sequence[RankedList],
    notes: Sequence[str] = (),
    warning: str | None = None,
    analysis: Analysis | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Writes the page of an evaluation; it appears whole or not at all.

    Args:
        path: the .html file.
        title: of the page.
        reports: by the name of their table row and curve; at least one.
        lists: in the order shown, hardest first.
        notes: paragraphs under the title.
        warning: what a reader must know before any figure.
        analysis: what else the run showed; None to leave it out.
        progress: is told how far the work is.

    Returns:
        The path written.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: the suffix is another, there is no report, the file cannot be written, or
            tiles tell of different parts. A picture that cannot be read is no error: its place says
            so.
    """
    if not reports:
        raise InvalidInputError("reports is empty, expected at least one")
    return _write(
        path,
        lists,
        progress,
        title=title,
        notes=notes,
        warning=warning,
        rows={name: report.row() for name, report in reports.items()},
        first=next(iter(reports.values())),
        reports=reports,
        analysis=analysis,
    )


def write_search_page(
    path: PathLike,
    *,
    title: str,
    lists: Sequence[RankedList],
    notes: Sequence[str] = (),
    progress: Progress = no_progress,
) -> Path:
    """Writes the page of a search: ranked lists without figures; whole or not at all.

    Args:
        path: the .html file.
        title: of the page.
        lists: in the order shown.
        notes: paragraphs under the title.
        progress: is told how far the work is.

    Returns:
        The path written.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: the suffix is another, the file cannot be written, or tiles tell of
            different parts. A picture that cannot be read is no error: its place says so.
    """
    nothing: dict[str, Any] = {"rows": {}, "first": None, "reports": {}, "analysis": None}
    content = {"title": title, "notes": notes, "warning": None} | nothing
    return _write(path, lists, progress, names=True, **content)


def _write(
    path: PathLike,
    lists: Sequence[RankedList],
    progress: Progress,
    *,
    names: bool = False,
    **content: Any,
) -> Path:
    output_name(path, *SUFFIXES)
    require_extra("report", "jinja2")
    script = "".join(map(_text, _SCRIPTS))
    content |= {
        "lists": lists,
        "data": ScriptData(lists, thumbnails_of(tiles_of(lists), progress), names=names),
        "script": script,
        "script_digest": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "has": _columns(lists),
        "plots": plots,
        "curves": _curves(content["reports"]),
        "heat_ends": _heat_ends,
        "camera_rules": words.CAMERA_RULES,
        "metric_rules": words.METRIC_RULES,
        "precision_rules": words.PRECISION_RULES,
    }
    return write_atomically(path, render("mgn_fast.report.page", words, content).encode())


def _heat_ends(analysis: Analysis) -> tuple[float, float]:
    """The lowest and the highest mAP of any camera pair; never equal."""
    pairs = [found.pairs for found in analysis.findings.values() if found.pairs is not None]
    known = np.concatenate([each.mean_average_precision.ravel() for each in pairs])
    known = known[~np.isnan(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return min(low, high - 0.01), high


def _curves(reports: Mapping[str, Report]) -> list[VerificationCurve]:
    return [report.verification for report in reports.values() if report.verification is not None]


def _columns(lists: Sequence[RankedList]) -> dict[str, bool]:
    """Which of the page's controls have anything to do, by name."""
    tiles = tiles_of(lists)
    return {
        "persons": any(entry.query.person is not None for entry in lists),
        "cameras": any(entry.query.camera is not None for entry in lists),
        "parts": any(tile.parts is not None for tile in tiles),
        "verdicts": any(tile.verdict in ("match", "junk", "other") for tile in tiles),
        "junk": any(tile.verdict == "junk" for tile in tiles),
        "rankings": len({name for entry in lists for name in entry.tiles}) > 1,
    }


def _text(name: str) -> str:
    return (resources.files("mgn_fast.report.page") / name).read_text(encoding="utf-8")
