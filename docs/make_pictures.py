# SPDX-License-Identifier: Apache-2.0
"""Makes the documents' pictures of what the demo wrote: `python docs/make_pictures.py DEMO`.

DEMO is the directory of `mgn-fast demo`. The page is shown by Chromium, as a browser shows it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

PICTURES = Path(__file__).with_name("pictures")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 1000
PAGE = (1250, 930)  # of the browser's window: the head of the page and the first plot


def main(demo: Path) -> None:
    """Makes both.

    Args:
        demo: the demo's directory.
    """
    PICTURES.mkdir(exist_ok=True)
    _write(PICTURES / "demo-page.png", _shown(demo / "report.html"))
    sheet = cv2.imread(str(demo / "sheet.png"))
    if sheet is None:
        raise SystemExit(f"{demo / 'sheet.png'} cannot be read, expected what the demo wrote")
    _write(PICTURES / "demo-sheet.jpg", sheet)


def _shown(page: Path) -> np.ndarray:
    """What a browser shows of a page."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"none of {', '.join(BROWSERS)} is installed")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder, "page.png")
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        words += [f"--screenshot={shot}", "--window-size={},{}".format(*PAGE)]
        subprocess.run(  # noqa: S603 (no shell; our own page)
            [browser, *words, page.absolute().as_uri()], check=True, capture_output=True
        )
        return np.asarray(cv2.imread(str(shot)))


def _write(path: Path, pixels: np.ndarray) -> None:
    height = round(pixels.shape[0] * WIDTH / pixels.shape[1])
    small = cv2.resize(pixels, (WIDTH, height), interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    if path.suffix == ".jpg":
        options = [cv2.IMWRITE_JPEG_QUALITY, 85]
    if not cv2.imwrite(str(path), small, options):
        raise SystemExit(f"{path} cannot be written")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
