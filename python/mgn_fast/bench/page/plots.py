# SPDX-License-Identifier: Apache-2.0
"""Series against batch size as an SVG inside the page.

Colours are the page's CSS variables, so that a plot follows the reader's light or dark scheme.
Draws on figures of its own: pyplot's state and the user's matplotlibrc have no part in it.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mgn_fast.bench.page.series import Series
from mgn_fast.report.kit.drawing import plain_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# As wide as a phone's screen, so that the text is legible there; the legend adds its lines.
WIDTH_PT, HEIGHT_PT, LEGEND_LINE_PT, FONT_PT = 430, 275, 18, 13
NUM_COLOURS = 6
MARKERS = "os^Dvp"

# Stand-ins that matplotlib takes as colours, and the CSS variables that replace them in the SVG.
_COLOURS = {
    "#0a0b01": "--ink",
    "#0a0b02": "--muted",
    "#0a0b03": "--grid",
    "#0a0b04": "--card",
    "#0a0b05": "--watermark",
} | {f"#0a0b1{i}": f"--series-{i}" for i in range(NUM_COLOURS)}
_INK, _MUTED, _GRID, _CARD, _WATERMARK, *_SERIES = _COLOURS

# Beyond this many times the smallest value the small ones would lie on a linear axis' floor.
_LOG_FROM = 5.0


def draw(
    series: Sequence[Series],
    published: Series | None,
    *,
    name: str,
    title: str,
    unit: str,
    simulated: bool,
    logarithmic: bool = False,
) -> str:
    """A plot against batch size, as an <svg> element.

    Args:
        series: the lines, in the legend's order.
        published: another line, dashed.
        name: prefix of the element's ids; of the letters a to z, digits and hyphens.
        title: what a screen reader says.
        unit: of the values, beside their axis.
        simulated: whether it is written across the plot.
        logarithmic: whether values far apart may have a logarithmic axis; its label says so.

    Returns:
        The element; the same arguments give the same text.

    Raises:
        RuntimeUnavailableError: matplotlib is not installed.
    """
    drawn = [*series, *([published] if published else [])]
    columns = _legend_columns([line.label for line in drawn])
    height_pt = HEIGHT_PT + LEGEND_LINE_PT * -(-len(drawn) // columns)
    fonts = {"font__size": FONT_PT, "font__family": ["DejaVu Sans"]}
    with plain_matplotlib(svg__fonttype="none", svg__hashsalt=name, **fonts):
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH_PT / 72, height_pt / 72), layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_visible(False)
        axes = figure.add_subplot(facecolor="none")
        if simulated:
            _write_across(axes, "SIMULATED")
        handles = [_draw_line(axes, line, i, len(series)) for i, line in enumerate(series)]
        if published is not None:
            handles.append(_draw_published(axes, published))
        _set_batch_axis(axes, sorted({n for line in drawn for n in line.batch_sizes}))
        _set_value_axis(axes, drawn, unit, logarithmic=logarithmic)
        look = {"frameon": False, "labelcolor": _INK, "columnspacing": 1.2, "handlelength": 2.0}
        figure.legend(handles=handles, loc="outside upper left", ncols=columns, **look)
        drawing = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(drawing, format="svg", metadata=nothing)
    return _as_element(drawing.getvalue(), name, title, height_pt)


def _legend_columns(labels: Sequence[str]) -> int:
    """As many as fit, by the width of a usual letter: one line if all of them do."""
    widths = [48 + 0.55 * FONT_PT * len(label) for label in labels]
    return len(labels) if sum(widths) <= WIDTH_PT else max(1, int(WIDTH_PT / max(widths)))


def _look_of(index: int) -> dict[str, Any]:
    """Colour, marker and dashes: no two of twelve series are drawn alike."""
    turn = index // NUM_COLOURS
    marker = MARKERS[(index + turn) % len(MARKERS)]
    dashes = "-:"[turn % 2]
    return {"color": _SERIES[index % NUM_COLOURS], "marker": marker, "linestyle": dashes}


def _draw_line(axes: Axes, line: Series, index: int, num_series: int) -> Line2D:
    """Series stand a little beside each other, or their intervals would cover each other."""
    from matplotlib.lines import Line2D

    look = _look_of(index)
    aside = 2 ** (0.07 * (index - (num_series - 1) / 2))
    x = [batch_size * aside for batch_size in line.batch_sizes]
    axes.plot(x, line.values, linewidth=1.6, **look | {"marker": ""})
    if line.intervals:
        reach = [
            (max(value - low, 0.0), max(high - value, 0.0))
            for value, (low, high) in zip(line.values, line.intervals, strict=True)
        ]
        below, above = zip(*reach, strict=True)
        bars: dict[str, Any] = {"ecolor": look["color"], "elinewidth": 1.4, "capsize": 3}
        axes.errorbar(x, line.values, (below, above), fmt="none", **bars)
    for at, value, valid in zip(x, line.values, line.valid, strict=True):
        face = look["color"] if valid else _CARD
        axes.plot(at, value, markerfacecolor=face, markersize=6, **look | {"linestyle": ""})
    return Line2D([], [], markersize=6, label=line.label, **look)


def _draw_published(axes: Axes, line: Series) -> Line2D:
    look: dict[str, Any] = {"color": _MUTED, "linestyle": (0, (4, 3)), "marker": "x"}
    (drawn,) = axes.plot(
        line.batch_sizes, line.values, linewidth=1.4, markersize=6, label=line.label, **look
    )
    return drawn


def _write_across(axes: Axes, text: str) -> None:
    axes.text(
        0.5,
        0.5,
        text,
        transform=axes.transAxes,
        rotation=24,
        rotation_mode="anchor",
        ha="center",
        va="center",
        fontsize=44,
        weight="bold",
        color=_WATERMARK,
        zorder=0,
    )


def _set_batch_axis(axes: Axes, batch_sizes: Sequence[int]) -> None:
    """Ticks at the measured batch sizes; one too close to the one before has no number."""
    import matplotlib.ticker as tick

    axes.set_xscale("log", base=2)
    margin = 2 ** max(0.35, 0.05 * math.log2(batch_sizes[-1] / batch_sizes[0]))
    axes.set_xlim(batch_sizes[0] / margin, batch_sizes[-1] * margin)
    apart = math.log2(batch_sizes[-1] / batch_sizes[0]) / 14
    labelled: list[int] = []
    for batch_size in batch_sizes:
        if not labelled or math.log2(batch_size / labelled[-1]) > apart:
            labelled.append(batch_size)
    axes.set_xticks(labelled, [str(batch_size) for batch_size in labelled])
    axes.xaxis.set_minor_locator(tick.FixedLocator(batch_sizes))
    axes.xaxis.set_minor_formatter(tick.NullFormatter())
    axes.set_xlabel("batch size", color=_INK)


def _set_value_axis(axes: Axes, drawn: Sequence[Series], unit: str, *, logarithmic: bool) -> None:
    import matplotlib.ticker as tick

    ends = [end for line in drawn for pair in line.intervals for end in pair]
    values = [v for line in drawn for v in line.values if not math.isnan(v)] + ends
    highest, lowest = max(values, default=1.0), min(values, default=1.0)
    if logarithmic and 0 < lowest * _LOG_FROM < highest:
        axes.set_yscale("log")
        axes.set_ylim(lowest / 1.3, highest * 1.3)
        subs = (1.0, 2.0, 5.0) if highest < 300 * lowest else (1.0,)
        axes.yaxis.set_major_locator(tick.LogLocator(subs=subs))
        axes.yaxis.set_minor_locator(tick.NullLocator())
        unit += ", logarithmic"
    else:
        axes.set_ylim(0, highest * 1.08 or 1.0)
    axes.yaxis.set_major_formatter(tick.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.set_ylabel(unit, color=_INK)
    axes.tick_params(which="both", color=_GRID, labelcolor=_INK)
    axes.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_MUTED)


def _as_element(drawing: str, name: str, title: str, height_pt: int) -> str:
    """Without the file's head, sized by the page, with ids that no other plot of the page has."""
    from markupsafe import escape

    # Its style sheet would reach beyond the plot; the page has the same rules.
    body = re.sub(r"\s*<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>", "", drawing)
    body = body[body.index("<svg") :].strip()
    for colour, variable in _COLOURS.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body)
    head = (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH_PT} {height_pt}" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return re.sub(r"^<svg[^>]*>", lambda _: head, body)
