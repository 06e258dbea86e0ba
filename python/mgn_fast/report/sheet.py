# SPDX-License-Identifier: Apache-2.0
"""Ranked lists as one PNG picture: the query first, then the gallery, one row for each list.

Frames differ in line and symbol as well as in colour. Draws on a figure of its own: pyplot's state
and the user's matplotlibrc have no part in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mgn_fast.common.checks import one_of, output_name
from mgn_fast.common.files import replacing
from mgn_fast.common.text import printable
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.models.parts import BodyPart
from mgn_fast.report.kit.drawing import INK, MUTED, legible, plain_matplotlib, rectangle, write_text
from mgn_fast.report.kit.words import short_name
from mgn_fast.report.thumbnails import small_pixels, source_key
from mgn_fast.report.tiles import RankedList, Tile, parts_told
from mgn_fast.types import PathLike, U8Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LISTS = 50
MOST_TILES = 20
SUFFIXES = (".png",)

# In the drawing's units, a pixel each at 100 dpi.
_SIDE = 128
_HEAD, _MARGIN = 64, 14
_COLUMN, _SQUARE = 14, 10  # of parts beside a picture: a size of stripe, and a part without one
_DPI = 100
# Of a name under a picture: lines, and the width of a letter.
_NAME_LINES, _NAME_LINE, _LETTER = 2, 11, 6.4

# Colour, line and symbol of each verdict; the symbols are in matplotlib's own font.
_LOOKS = {
    "query": ("#0b5fad", "-", "query"),
    "match": ("#157a3f", "-", "✓"),
    "other": ("#b3261e", (0, (4, 1.5)), "✗"),
    "junk": ("#727a84", (0, (1, 1)), "junk"),
    "unknown": ("#9aa2ab", "-", ""),
}
# Verdict, words and the width that they take.
_KEY = (("match", "✓ match", 92), ("other", "✗ non-match", 118), ("junk", "junk: not counted", 152))
# The page's, in page/tiles.js.
PART_COLOURS = ((43, 29, 107), (122, 38, 133), (203, 66, 98), (247, 148, 58), (252, 238, 140))


@dataclass(frozen=True)
class _Box:
    """What a picture fits into; those of vehicles want another one than those of people."""

    width: int = 68
    height: int = _SIDE

    @classmethod
    def of(cls, pictures: Iterable[U8Array | None]) -> _Box:
        shapes = [pixels.shape[1] / pixels.shape[0] for pixels in pictures if pixels is not None]
        wide = len(shapes) > 0 and sorted(shapes)[len(shapes) // 2] > 0.75
        return cls(108, 108) if wide else cls()

    @property
    def cell(self) -> int:
        return self.width + 24

    @property
    def row(self) -> int:
        return self.height + 86

    def lines_of(self, name: str) -> list[str]:
        """A name on a few lines, as wide as a picture's place; the end of a longer one."""
        letters = int(self.cell / _LETTER)
        text = legible(short_name(name))
        if len(text) > _NAME_LINES * letters:
            text = "…" + text[1 - _NAME_LINES * letters :]
        return [text[at : at + letters] for at in range(0, len(text), letters)]


class _Scale:
    """From the lowest to the highest cosine on the sheet."""

    def __init__(self, comparisons: Sequence[PartComparison]) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        cosines = sorted(cosine for comparison in comparisons for cosine in comparison.cosines)
        # The lowest hundredth would take the colours from all others.
        self.low, self.high = cosines[len(cosines) // 100], cosines[-1]
        colours = [[level / 255 for level in colour] for colour in PART_COLOURS]
        self._colours = LinearSegmentedColormap.from_list("parts", colours)

    def colour(self, cosine: float) -> tuple[float, ...]:
        reach = (self.high - self.low) or 1.0
        red, green, blue, _ = self._colours(max(0.0, min(1.0, (cosine - self.low) / reach)))
        return red, green, blue


def write_sheet(
    path: PathLike,
    lists: Sequence[RankedList],
    *,
    title: str = "",
    notes: Sequence[str] = (),
    ranking: str | None = None,
    names: bool = False,
) -> Path:
    """Writes the sheet; it appears whole or not at all.

    Args:
        path: the .png file.
        lists: in the order drawn, at least one; the first 50 are drawn, 20 pictures of each, and
            the sheet says so where there are more.
        title: above the lists.
        notes: lines under the title.
        ranking: whose pictures are drawn; None for the first list's first.
        names: whether names and persons stand under the gallery's pictures.

    Returns:
        The path written.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: the suffix is another, there is no list or no such ranking, tiles tell of
            different parts, or the file cannot be written. A picture that cannot be read is no
            error: its place says so.
    """
    output_name(path, *SUFFIXES)
    if not lists:
        raise InvalidInputError("lists is empty, expected at least one")
    rankings = list(lists[0].tiles)
    name = ranking if ranking is not None else next(iter(rankings), "")
    one_of("ranking", name, rankings)
    rows = [[entry.query, *entry.tiles.get(name, ())][: MOST_TILES + 1] for entry in lists]
    rows = rows[:MOST_LISTS]
    lines = [*notes, *_left_out(lists, name)]
    heading = " · ".join(part for part in (title, name if len(rankings) > 1 else "") if part)
    with plain_matplotlib():
        figure = _drawn(list(lists[:MOST_LISTS]), rows, name, heading, lines, names=names)
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=_DPI, metadata={"Software": "mgn_fast"})
    return Path(path)


def _left_out(lists: Sequence[RankedList], ranking: str) -> list[str]:
    lines = []
    if len(lists) > MOST_LISTS:
        lines.append(f"The first {MOST_LISTS} of {len(lists):,} lists.")
    deepest = max(len(entry.tiles.get(ranking, ())) for entry in lists)
    if deepest > MOST_TILES:
        lines.append(f"The first {MOST_TILES} of up to {deepest:,} pictures of each.")
    return lines


def _drawn(
    lists: Sequence[RankedList],
    rows: Sequence[Sequence[Tile]],
    ranking: str,
    title: str,
    notes: Sequence[str],
    *,
    names: bool,
) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tiles = [tile for row in rows for tile in row]
    comparisons = [tile.parts for tile in tiles if tile.parts is not None]
    scale = _Scale(comparisons) if comparisons else None
    pixels = _pixels(tiles)
    box = _Box.of(pixels.values())
    bands = _bands(parts_told(tiles), box.height + 8)
    beside = max((left + width for left, _, width, _ in bands), default=-6.0)
    cell = box.cell + round(beside) + 6
    width = max(2 * _MARGIN + cell * max(len(row) for row in rows), 720)
    head = _HEAD + 17 * len(notes)
    each = box.row + (_NAME_LINES + 1) * _NAME_LINE * names
    height = head + each * len(rows) + _MARGIN
    figure = Figure(figsize=(width / _DPI, height / _DPI), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    _write_head(axes, title, notes, scale, {tile.verdict for tile in tiles})
    for number, (entry, row) in enumerate(zip(lists, rows, strict=True)):
        top = head + each * number
        write_text(axes, _MARGIN, top + 12, entry.query.name + _about(entry, ranking), fontsize=9)
        rank = 0
        for place, tile in enumerate(row):
            rank += tile.verdict not in ("query", "junk")
            x = _MARGIN + cell * place
            _draw_tile(axes, tile, pixels[source_key(tile)], box, (x, top + 24))
            if tile.parts is not None and scale is not None:
                _draw_parts(axes, tile.parts, scale, bands, (x + box.width + 16, top + 25))
            middle = x + 7 + box.width / 2, top + 36 + box.height
            _write_caption(axes, tile, rank, *middle)
            if names and tile.verdict != "query":
                _write_name(axes, tile, box, *middle)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def _about(entry: RankedList, ranking: str) -> str:
    said = ""
    if entry.query.person is not None:
        said += f"  ·  person {printable(str(entry.query.person))}"
    precision = entry.average_precision.get(ranking)
    if precision is not None:
        said += f"  ·  average precision {precision:.3f}"
    elif ranking in entry.average_precision:
        said += "  ·  no match in the gallery"
    return said


def _pixels(tiles: Sequence[Tile]) -> dict[Hashable, U8Array | None]:
    sources = {source_key(tile): tile.source for tile in tiles}

    def read(source: Any) -> U8Array | None:
        try:
            return small_pixels(source, side=_SIDE)
        except DecodeError:
            return None

    with ThreadPoolExecutor(thread_count()) as pool:
        return dict(zip(sources, pool.map(read, sources.values()), strict=True))


def _write_head(
    axes: Axes, title: str, notes: Sequence[str], scale: _Scale | None, verdicts: Set[str]
) -> None:
    write_text(axes, _MARGIN, 20, title, fontsize=13, weight="bold")
    x = float(_MARGIN)
    known = not verdicts.isdisjoint(("match", "other", "junk"))
    for verdict, word, step in _KEY if known else ():
        if verdict == "junk" and verdict not in verdicts:
            continue
        colour, line, _ = _LOOKS[verdict]
        axes.add_artist(rectangle(x + 2, 36, 13, 13, edgecolor=colour, linestyle=line, linewidth=2))
        write_text(axes, x + 21, 43, word)
        x += step
    if scale is not None:
        x += 20 if known else 0
        write_text(axes, x, 43, f"beside a picture: cosine of its parts, {scale.low:.2f}")
        for at in range(24):
            place = scale.low + at / 23 * (scale.high - scale.low)
            look = {"facecolor": scale.colour(place), "linewidth": 0}
            axes.add_artist(rectangle(x + 256 + 3 * at, 38, 3, 10, **look))
        write_text(axes, x + 334, 43, f"{scale.high:.2f}")
    for number, note in enumerate(notes):
        write_text(axes, _MARGIN, _HEAD + 17 * number, note, color=MUTED)


def _draw_tile(
    axes: Axes, tile: Tile, pixels: U8Array | None, box: _Box, at: tuple[float, float]
) -> None:
    x, y = at
    middle = x + 7 + box.width / 2, y + 5 + box.height / 2
    colour, line, _ = _LOOKS[tile.verdict]
    look = {"edgecolor": colour, "linestyle": line, "linewidth": 2.6}
    frame = rectangle(x + 3, y + 1, box.width + 8, box.height + 8, **look)
    axes.add_artist(frame)
    if pixels is None:
        write_text(axes, *middle, "cannot\nbe read", color=MUTED, ha="center")
        return
    scale = min(1.0, box.width / pixels.shape[1], box.height / pixels.shape[0])
    height, width = pixels.shape[0] * scale, pixels.shape[1] * scale
    left, top = middle[0] - width / 2, middle[1] - height / 2
    axes.imshow(
        pixels,
        extent=(left, left + width, top + height, top),
        alpha=0.5 if tile.verdict == "junk" else 1.0,
        aspect="auto",
    )


_Band = tuple[float, float, float, float]


def _bands(parts: Sequence[BodyPart], height: float) -> list[_Band]:
    """Left, top, width and height of each part beside a picture of a height.

    Strips for the whole, then halves, then thirds, each at its place on the picture's height; then
    squares for parts that nobody says the place of.
    """
    regions = [part.region for part in parts]
    columns = [region for region in ("whole", "half", "third") if region in regions]
    strip = (_COLUMN - 2) / max(1, regions.count("whole"))
    a_column = int(height // (_SQUARE + 3))
    bands: list[_Band] = []
    for number, part in enumerate(parts):
        before = regions[:number].count(part.region)
        if part.region == "unknown":
            left = float(_COLUMN * (len(columns) + before // a_column))
            bands.append((left, (_SQUARE + 3) * (before % a_column), _SQUARE, _SQUARE))
            continue
        left, width = float(_COLUMN * columns.index(part.region)), float(_COLUMN - 2)
        if part.region == "whole":
            left, width = left + strip * before, strip
        bands.append((left, part.top * height, width, (part.bottom - part.top) * height))
    return bands


def _draw_parts(
    axes: Axes,
    comparison: PartComparison,
    scale: _Scale,
    bands: Sequence[_Band],
    at: tuple[float, float],
) -> None:
    x, y = at
    for (left, top, width, height), cosine in zip(bands, comparison.cosines, strict=True):
        look = {"facecolor": scale.colour(cosine), "edgecolor": "white", "linewidth": 0.7}
        axes.add_artist(rectangle(x + left, y + top, width, height, **look))


def _write_caption(axes: Axes, tile: Tile, rank: int, x: float, y: float) -> None:
    colour, _, symbol = _LOOKS[tile.verdict]
    head = symbol if tile.verdict in ("query", "junk") else f"{symbol} {rank}".strip()
    ink = INK if tile.verdict == "unknown" else colour
    write_text(axes, x, y + 9, head, fontsize=9, weight="bold", color=ink, ha="center")
    said = [] if tile.camera is None else [f"cam {printable(str(tile.camera))}"]
    if tile.distance is not None:
        said.append(f"{tile.distance:.3f}")
    write_text(axes, x, y + 25, "  ".join(said), fontsize=8, color=MUTED, ha="center")


def _write_name(axes: Axes, tile: Tile, box: _Box, x: float, y: float) -> None:
    person = [] if tile.person is None else [f"person {printable(str(tile.person))}"]
    for number, line in enumerate([*person, *box.lines_of(tile.name)]):
        ink = INK if number < len(person) else MUTED
        write_text(axes, x, y + 38 + _NAME_LINE * number, line, fontsize=7, color=ink, ha="center")
