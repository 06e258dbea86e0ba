# SPDX-License-Identifier: Apache-2.0
"""Makes the README's pictures from what `mgn-fast demo` draws. Needs Chromium.

python docs/make_pictures.py [--directory DEMO]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import cv2

from mgn_fast.cli import main as mgn_fast

ROOT = Path(__file__).parent.parent
PICTURES = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 1200, 1900  # of the page, as much of it as says what it is
SHEET_ROWS = 4

sys.path.append(str(ROOT / "tests"))
from support import browser  # noqa: E402


def photograph(page: Path, picture: Path) -> None:
    """The page's upper part, as a wide screen shows it."""
    with browser.Browser(browser.find_chromium()) as opened:
        shown = opened.open(page.as_uri(), width=WIDTH, height=HEIGHT)
        shown.screenshot(picture)
    cut(picture, picture, HEIGHT)


def cut(source: Path, picture: Path, height: int) -> None:
    """The upper part of a picture, in few colours: a README is loaded often."""
    pixels = cv2.imread(str(source))[:height]
    cv2.imwrite(str(picture), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main() -> None:
    """Runs the demo, unless its directory is given, and takes both pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, help="of a demo that has run")
    directory = parser.parse_args().directory
    with tempfile.TemporaryDirectory() as made:
        if directory is None:
            directory = Path(made) / "demo"
            mgn_fast(["demo", "--directory", str(directory)])
        PICTURES.mkdir(exist_ok=True)
        photograph((directory / "report.html").absolute(), PICTURES / "page.png")
        cut(directory / "sheet.png", PICTURES / "sheet.png", 78 + 214 * SHEET_ROWS)


if __name__ == "__main__":
    main()
