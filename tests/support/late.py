# SPDX-License-Identifier: Apache-2.0
"""Libraries that take long to import: the first test that uses one imports it, collecting does not.

`onnx = late("onnx")` stands where `import onnx` would, and
`TensorProto = late("onnx.TensorProto")` where `from onnx import TensorProto` would.
"""

import pkgutil
from functools import cached_property

# Of whatever a test module holds, to tell what it is.
ASKED_BY_PYTEST = ("_mock_name", "__wrapped__", "__bases__", "__test__")


class Late:
    """Stands for a module, class or function; only its attributes and calls are there."""

    def __init__(self, name):
        vars(self)["_name"] = name

    @cached_property
    def _target(self):
        return pkgutil.resolve_name(self._name)

    def __getattr__(self, attribute):
        if attribute in ASKED_BY_PYTEST:
            raise AttributeError(attribute)
        return getattr(self._target, attribute)

    def __setattr__(self, attribute, value):
        raise TypeError(f"patch {self._name}.{attribute} itself, by its name")

    def __call__(self, *arguments, **options):
        return self._target(*arguments, **options)


late = Late
