# SPDX-License-Identifier: Apache-2.0
import hashlib

from mgn_fast.report.searched import doubt


def test_a_file_that_changed_is_doubted_and_one_that_went_is_not(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"as it was")
    sha256 = hashlib.sha256(b"as it was").hexdigest()
    assert doubt(path, sha256) == ""
    path.write_bytes(b"as it is")
    assert doubt(path, sha256) == "changed since it was embedded"
    path.unlink()
    assert doubt(path, sha256) == ""
