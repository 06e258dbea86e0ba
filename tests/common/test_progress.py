# SPDX-License-Identifier: Apache-2.0
import importlib
import inspect

from mgn_fast.common.progress import no_progress
from support import rooms
from support.repository import PACKAGE


def test_it_may_be_told_anything():
    assert no_progress("embedding", 0, 0) is None


def test_whatever_takes_progress_tells_nobody_unless_asked():
    """Of the functions that users reach through a face."""
    faces = [name for name, _ in rooms.sources(PACKAGE) if name.endswith(".__init__")]
    defaults = {}
    for face in faces:
        module = importlib.import_module(f"mgn_fast.{face.removesuffix('.__init__')}")
        for name in module.__all__:
            value = getattr(module, name)
            parameters = inspect.signature(value).parameters if inspect.isfunction(value) else {}
            if "progress" in parameters:
                defaults[name] = parameters["progress"].default
    assert len(defaults) >= 5
    assert [name for name, default in defaults.items() if default is not no_progress] == []
