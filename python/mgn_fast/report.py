# SPDX-License-Identifier: Apache-2.0
"""A run as one HTML page that opens anywhere: the table, the CMC curve, ranked lists as pictures.

Self-contained: pictures and curve are inside the file, nothing is fetched. Names are escaped.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from . import images
from .errors import RuntimeUnavailableError
from .files import write_atomically
from .types import PathLike, Report

THUMBNAIL = (96, 48)  # height, width: small enough for a page of hundreds, big enough to recognise

QUOTED_RANKS = (1, 3, 5, 10)  # the recipe's

Verdict = Literal["query", "match", "junk", "other"]


@dataclass(frozen=True)
class Tile:
    """One picture of a ranked list.

    Attributes:
        path: the picture.
        verdict: what it is to the query; decides its frame.
        caption: what stands under it; line breaks are kept.
    """

    path: Path
    verdict: Verdict
    caption: str


@dataclass(frozen=True)
class RankedList:
    """A query and the gallery pictures nearest to it.

    Attributes:
        title: what stands above the list.
        tiles: the query first, then the gallery, nearest first.
    """

    title: str
    tiles: Sequence[Tile]


def report_row(report: Report) -> dict[str, float]:
    """A report as the numbers of one table row.

    Args:
        report: the report.

    Returns:
        mAP, the CMC at ranks 1, 3, 5 and 10 as far as it reaches, and mINP, in [0, 1].
    """
    row = {"mAP": report.mean_average_precision}
    row |= {f"R{k}": float(report.cmc[k - 1]) for k in QUOTED_RANKS if k <= len(report.cmc)}
    return row | {"mINP": report.mean_inverse_negative_penalty}


def write_report(
    path: PathLike,
    *,
    title: str,
    notes: Sequence[str],
    reports: Mapping[str, Report],
    ranked: Sequence[RankedList],
) -> Path:
    """Writes the page; it appears whole or not at all.

    Args:
        path: the .html file.
        title: of the page.
        notes: paragraphs under the title; the first is set as a warning.
        reports: by the name of their table row and curve.
        ranked: the lists, in the order shown.

    Returns:
        The path written.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        DecodeError: a picture cannot be read.
        InvalidInputError: the file cannot be written.
    """
    try:
        import jinja2
    except ImportError as error:
        raise RuntimeUnavailableError(
            "reports need jinja2 and matplotlib: pip install 'mgn-fast[report]'"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mgn_fast", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("report.html").render(
        title=title,
        notes=notes,
        rows={name: report_row(report) for name, report in reports.items()},
        curve=_picture_url(_draw_cmc(reports), "image/svg+xml"),
        ranked=[{"title": entry.title, "tiles": _drawn(entry.tiles)} for entry in ranked],
        thumbnail=THUMBNAIL,
    )
    return write_atomically(path, page.encode())


def _drawn(tiles: Sequence[Tile]) -> list[dict[str, Any]]:
    return [
        {
            "url": _picture_url(_thumbnail(tile.path), "image/jpeg"),
            "verdict": tile.verdict,
            "caption": tile.caption,
            "name": tile.path.name,
        }
        for tile in tiles
    ]


def _thumbnail(path: Path) -> bytes:
    import simplejpeg

    height, width = THUMBNAIL
    small = images.resize(images.decode(path), height=height * 2, width=width * 2)
    jpeg: bytes = simplejpeg.encode_jpeg(small, quality=85)
    return jpeg


def _picture_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _draw_cmc(reports: Mapping[str, Report]) -> bytes:
    """The curves as SVG. Draws on a figure of its own: pyplot's state belongs to the caller."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for name, report in reports.items():
        ranks = np.arange(1, len(report.cmc) + 1)
        axes.plot(ranks, report.cmc, drawstyle="steps-post", label=name)
    axes.set(xlabel="rank", ylabel="queries with a match so far", ylim=(0, 1.02))
    axes.set_xlim(left=1)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right")
    drawing = io.BytesIO()
    figure.savefig(drawing, format="svg", metadata={"Date": None})
    return drawing.getvalue()
