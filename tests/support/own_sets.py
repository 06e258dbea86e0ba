# SPDX-License-Identifier: Apache-2.0
"""A dataset as a set of one's own: as a table, as directories, as names, as boxes in frames.

Each writes the form below a directory and gives the words of `evaluate` that read it.
"""

import csv
import os
import shutil

import numpy as np


def rows_of(dataset):
    """(split, path, person, camera) of every picture."""
    for name in ("query", "gallery"):
        split = getattr(dataset, name)
        for place, path in enumerate(split.paths):
            yield name, path, split.person[place], split.camera[place]


def write_table(path, rows, *, seed=None):
    """A CSV file of rows with one set of keys; with a seed in another order than theirs."""
    order = range(len(rows)) if seed is None else np.random.default_rng(seed).permutation(len(rows))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[place] for place in order)
    return path


def as_table(dataset, root):
    rows = [
        {
            "path": os.path.relpath(path, root),
            "person": f"p{person}",
            "camera": camera,
            "split": name,
        }
        for name, path, person, camera in rows_of(dataset)
    ]
    # Nobody's table is in the order of somebody's names.
    return ["--labels", write_table(root / "people.csv", rows, seed=0)]


def as_folders(dataset, root):
    for name, path, person, _ in rows_of(dataset):
        place = root / "folders" / name / f"person {person}"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / path.name)
    return [root / "folders", "--kind", "folders", "--camera-pattern", r"_c(\d+)s"]


def as_own_names(dataset, root):
    for name, path, person, camera in rows_of(dataset):
        place = root / "own" / name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / f"{person:07}_c{camera + 10}_{path.name}")
    return [root / "own", "--kind", "own"]


def as_boxes(dataset, root):
    """Three pictures a frame, side by side, in PNG frames that are larger than they are."""
    import cv2

    pictures, rows = list(rows_of(dataset)), []
    for number in range(0, len(pictures), 3):
        frame, x = np.full((1300, 3000, 3), 90, np.uint8), 7
        path = root / f"frame{number:05}.png"
        for split, picture, person, camera in pictures[number : number + 3]:
            pixels = cv2.imread(str(picture), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
            height, width = pixels.shape[:2]
            frame[11 : 11 + height, x : x + width] = pixels
            labels = {"path": path.name, "person": person, "camera": camera, "split": split}
            rows.append(labels | {"x": x, "y": 11, "w": width, "h": height})
            x += width + 5
        assert cv2.imwrite(str(path), frame)
    return ["--labels", write_table(root / "boxes.csv", rows, seed=1)]


def write_people(dataset, root, names):
    """Whole files of named persons, in no order: people/NAME/000.jpg, and people.csv beside."""
    rows = []
    for number, (_, path, person, camera) in enumerate(rows_of(dataset)):
        if person == 0:
            continue
        place = root / "people" / names[person - 1]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / f"{number:03}.jpg")
        name = f"people/{names[person - 1]}/{number:03}.jpg"
        rows.append({"path": name, "person": names[person - 1], "camera": camera})
    return write_table(root / "people.csv", rows)


FORMS = {"table": as_table, "folders": as_folders, "own": as_own_names, "boxes": as_boxes}
