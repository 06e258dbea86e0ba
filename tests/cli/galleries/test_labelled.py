# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import DatasetError, Gallery
from mgn_fast.cli.galleries.labelled import labelled_galleries

NAMES = ["a.jpg", "b.jpg", "c.jpg"]


def saved(path, *labels):
    names = NAMES[: len(labels)]
    rows = np.eye(len(labels), 4, dtype=np.float32)
    Gallery.of(rows, names, labels=dict(zip(names, labels, strict=True))).save(path)
    return path


def test_labels_are_persons_and_cameras(tmp_path):
    one = saved(tmp_path / "q.gallery", {"person": "ann", "camera": "x"})
    two = saved(
        tmp_path / "g.gallery", *[{"person": p, "camera": "y"} for p in ("bo", "ann", "-1")]
    )
    dataset = labelled_galleries(one, two)
    assert dataset.query.identities.person_names == ("ann",)
    assert dataset.gallery.identities.person_names == ("bo", "ann", "-1")
    assert dataset.gallery.names == tuple(NAMES)
    assert dataset.query.identities.camera_names == ("x",)


def test_one_gallery_is_compared_with_itself(tmp_path):
    path = saved(tmp_path / "g.gallery", {"person": "7"}, {"person": "-1"})
    dataset = labelled_galleries(path, tmp_path / "." / "g.gallery")
    assert dataset.query is dataset.gallery
    assert (dataset.query.person.tolist(), dataset.query.camera) == ([7], None)
    assert dataset.num_junk == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (({"person": "a"}, {}), r"does not say who is on 1 of 2 pictures, the first 'b\.jpg'"),
        (({"person": "a", "camera": "1"}, {"person": "a"}), r"not say the camera of 'b\.jpg'"),
        (({"person": "-1"},), "no picture to use, only junk"),
    ],
)
def test_pictures_that_nobody_knows_are_refused(tmp_path, labels, message):
    path = saved(tmp_path / "g.gallery", *labels)
    with pytest.raises(DatasetError, match=message):
        labelled_galleries(path, path)
