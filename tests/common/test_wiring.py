# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from mgn_fast.bench import tuning
from mgn_fast.common import wiring

pytestmark = pytest.mark.usefixtures("own_process")


def test_embedders_are_wired_to_tuning_however_they_are_imported(monkeypatch):
    monkeypatch.setattr(tuning, "automatic", lambda *words, **options: (words, options))
    assert wiring.tuned_options("m.onnx", lanes=2) == (("m.onnx",), {"lanes": 2})
    code = (
        "import sys; from mgn_fast.embedding import Embedder; from mgn_fast.common import wiring; "
        "print(callable(wiring.tuned_options), 'mgn_fast.bench' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == [
        "True",
        "False",
    ]
