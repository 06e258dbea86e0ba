# SPDX-License-Identifier: Apache-2.0
"""What the documents' commands work on: a checkpoint, pictures, a dataset, tools' outputs, a host.

All of it is small and drawn; the names are those that the documents use.
"""

import shutil
import sys

import numpy as np

from mgn_fast import datasets, open_session
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.models.contract import Contract
from mgn_fast.recipe_files.write import write_bins
from mgn_fast.simulator import library_path
from support.docs_command import TOOLS, install
from support.foreign_model import write_twelve_outputs
from support.own_sets import as_boxes, write_people
from support.small_network import write_small_network
from support.tool_outputs import run_tool

DATASET = "Market-1501-v15.09.15"
PERSONS = 4
NUM_PICTURES = 15
GIVEN = (
    "model.pt", "theirs.onnx", "recipe.onnx", "pictures", "query.jpg", DATASET, "result",
    "people", "people.csv", "frames", "boxes.csv", "rows.npy",
)  # fmt: skip
PEOPLE = ("ann", "bob", "cleo", "dan")


def prepare_things(folder):
    """Everything that documents take as given, made once."""
    import cv2
    import torch

    from mgn_fast.export.network import seeded_state_dict

    weights = seeded_state_dict(0)
    state = {name: torch.from_numpy(np.asarray(values)) for name, values in weights.items()}
    torch.save(state, folder / "model.pt")
    (folder / "pictures").mkdir()
    for number, pixels in enumerate(draw_pictures(NUM_PICTURES, seed=1)):
        path = folder / "pictures" / f"{number:02d}.jpg"
        assert cv2.imwrite(str(path), pixels[..., ::-1])
    shutil.copy(folder / "pictures" / "00.jpg", folder / "query.jpg")
    dataset = datasets.synthetic(folder / DATASET, persons=PERSONS, seed=2)
    # The real set's own directory has no file that says it was drawn.
    (folder / DATASET / "mgn_fast_synthetic.json").unlink()
    write_people(dataset, folder, PEOPLE)
    _prepare_frames(dataset, folder)
    np.save(
        folder / "rows.npy", np.random.default_rng(0).standard_normal((len(_people(folder)), 64))
    )
    data = folder / "tensors"
    data.mkdir()
    write_bins(dataset, data)
    # An OSNet's size and width; and the recipe's twelve outputs.
    osnet = Contract(height=256, width=128, embedding_width=512, mirror="none")
    write_small_network(folder / "theirs.onnx", contract=osnet, stored=False)
    write_twelve_outputs(folder / "recipe.onnx")
    small = write_small_network(folder / "small.onnx")
    with open_session(small) as session:
        run_tool("benchmark", "txt", data, folder / "result", session)
    shutil.rmtree(data)
    return folder


def _people(folder):
    return (folder / "people.csv").read_text().split("\n")[1:-1]


def _prepare_frames(dataset, folder):
    """Frames 000000.png, 000003.png, ..., and the boxes in them with who they show."""
    (folder / "frames").mkdir()
    _, table = as_boxes(dataset, folder / "frames")
    rows = [line.split(",") for line in table.read_text().split()]
    place = {name: column for column, name in enumerate(rows[0])}
    lines = ["frame,x,y,w,h,person"]
    for row in sorted(rows[1:]):
        cells = [row[place[name]] for name in ("path", "x", "y", "w", "h", "person")]
        lines.append(",".join(cells))
    table.unlink()
    (folder / "boxes.csv").write_text("\n".join([*lines, ""]))


def fill(place, things, root):
    """A directory to type a document's commands in: a clone's files and the given things."""
    place.mkdir()
    for name in ("pyproject.toml", "constraints.txt", "tests", "bench", "docs", "fuzz", ".ci"):
        (place / name).symlink_to(root / name)
    install(place / "tools", TOOLS)
    for name in GIVEN:
        (place / name).symlink_to(things / name)
    return place


def prepare_host(root):
    """An Ascend host's directories: CANN with the simulated ATC, and what a driver leaves.

    Below `root` stands what would stand below /, and texts that say /usr/local/Ascend are rewritten
    to say where it is.
    """
    ascend = root / "usr/local/Ascend"
    latest = ascend / "ascend-toolkit/latest"
    for folder in (latest / "bin", latest / "lib64", ascend / "driver", root / "etc", root / "dev"):
        folder.mkdir(parents=True)
    atc = latest / "bin/atc"
    atc.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mgn_fast.simulator.atc "$@"\n')
    atc.chmod(0o755)
    (latest / "lib64/libascendcl.so").symlink_to(library_path())
    (latest / "version.cfg").write_text("version=8.0.RC3\n")
    (ascend / "ascend-toolkit/set_env.sh").write_text(
        f"export ASCEND_TOOLKIT_HOME={latest} ASCEND_HOME_PATH={latest}\n"
        f"export ASCEND_OPP_PATH={latest}/opp PATH={latest}/bin:$PATH\n"
    )
    (ascend / "driver/version.info").write_text("Version=23.0.3\n")
    (root / "etc/ascend_install.info").write_text(f"Driver_Install_Path_Param={ascend}\n")
    install(root / "sbin", ["npu-smi", "docker"])
    for name in ("davinci_manager", "davinci0", "davinci1"):
        (root / "dev" / name).touch()
    return root
