# SPDX-License-Identifier: Apache-2.0
import re
import sys

import pytest

from mgn_fast.common.extras import EXTRAS, install_line, require_extra
from mgn_fast.errors import ExportError, RuntimeUnavailableError
from support.repository import ROOT


def test_what_is_there_is_no_error():
    require_extra("report", "json", "decimal")


def test_the_first_package_that_is_missing_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "decimal", None)
    message = r"^decimal cannot be imported \(.*decimal.*\): pip install 'mgn-fast\[report\]'$"
    with pytest.raises(RuntimeUnavailableError, match=message) as caught:
        require_extra("report", "json", "decimal", "absent")
    assert isinstance(caught.value.__cause__, ImportError)


def test_several_extras_are_installed_by_one_line():
    assert install_line("export", "report") == "pip install 'mgn-fast[export,report]'"


def test_a_package_that_breaks_while_it_is_imported_says_why(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("raise ImportError('libfoo is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeUnavailableError, match="libfoo is missing"):
        require_extra("search", "broken_package")


def test_the_class_of_the_error_may_be_another(monkeypatch):
    monkeypatch.setitem(sys.modules, "absent", None)
    with pytest.raises(ExportError, match=re.escape("mgn-fast[export]")):
        require_extra("export", "absent", error=ExportError)


def test_the_extras_that_modules_ask_for_can_be_installed():
    text = (ROOT / "pyproject.toml").read_text()
    extras = set(re.findall(r"^(\w+) = \[", text.partition("optional-dependencies]")[2], re.M))
    sources = (path.read_text() for path in (ROOT / "python").rglob("*.py"))
    asked = {name for text in sources for name in re.findall(r'require_extra\(\s*"(\w+)"', text)}
    assert asked | set(EXTRAS) <= extras
