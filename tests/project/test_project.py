# SPDX-License-Identifier: Apache-2.0
"""What a reviewer would otherwise look after: layout, budgets, the stub, what import costs."""

import ast
import inspect
import re
import subprocess
import sys

import pytest

import mgn_fast
from mgn_fast import _core
from support.repository import CPP, PACKAGE, ROOT

MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = MODULES + sorted(CPP.rglob("*.cpp")) + sorted(CPP.rglob("*.h"))

# Tested through what calls them: they only re-export, or only start what is tested elsewhere.
NO_TEST_OF_THEIR_OWN = {"__init__.py", "__main__.py"}
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 50


def name_of(path):
    return str(path.relative_to(ROOT))


def mirrored(path, root, tests):
    """Where a source's tests stand."""
    relative = path.relative_to(root)
    return tests / relative.parent / f"test_{path.stem}.py"


def test_every_module_has_its_tests():
    tested = [path for path in MODULES if path.name not in NO_TEST_OF_THEIR_OWN]
    missing = [p for p in tested if not mirrored(p, PACKAGE, ROOT / "tests").is_file()]
    assert list(map(name_of, missing)) == []


def test_every_kernel_has_its_tests():
    kernels = [path for path in CPP.rglob("*.cpp") if path.parent.name != "bindings"]
    missing = [p for p in kernels if not mirrored(p, CPP, ROOT / "tests" / "cpp").is_file()]
    assert list(map(name_of, missing)) == []


# Tests that stand beside no module of their name, and why.
WITHOUT_A_MODULE = {
    "bench/page/test_in_browser.py": "the whole page",
    "cli/commands/test_evaluate_drawn.py": "evaluate.py with what it draws, which is slow",
    "cli/commands/test_evaluate_own.py": "evaluate.py on one set in every form",
    "cli/commands/test_search_drawn.py": "search.py with what it draws, which is slow",
    "cpp/simulator/test_clients.py": "whole programs against the whole library",
    "datasets/test_dataset_counts.py": "dataset.py on sets of the published sizes, which are slow",
    "inference/test_flight.py": "lane.py's other class",
    "recipe_files/test_write_stops.py": "write.py interrupted, killed and out of space",
    "report/page/test_in_browser.py": "the whole page",
}
# What has no room: the repository, and the NPU itself.
OF_NO_ROOM = {"project", "device"}


def stands_beside_a_module(test):
    """Whether there is a module, or a header, whose tests these are."""
    room, *rest = test.parent.parts or [""]
    if room == "tools":  # programs have no ending
        folder, suffixes = ROOT / test.parent, (".py", "")
    elif room == "cpp":
        folder, suffixes = CPP.joinpath(*rest), (".cpp", ".h")
    else:
        folder, suffixes = PACKAGE / test.parent, (".py",)
    name = test.stem.removeprefix("test_")
    return any((folder / f"{name}{suffix}").is_file() for suffix in suffixes)


def test_every_test_stands_beside_its_module():
    tests = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    alone = {
        str(test)
        for test in tests
        if test.parts[0] not in OF_NO_ROOM and not stands_beside_a_module(test)
    }
    assert alone == set(WITHOUT_A_MODULE)


def test_files_stay_small_and_say_their_licence():
    offenders = []
    for path in SOURCES:
        lines = path.read_text().splitlines()
        if len(lines) > MAX_FILE_LINES:
            offenders.append(f"{name_of(path)} has {len(lines)} lines")
        if "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
            offenders.append(f"{name_of(path)} says no licence")
        long = [number for number, line in enumerate(lines, 1) if len(line) > 100]
        offenders += [f"{name_of(path)}:{number} is long" for number in long]
    assert offenders == []


def functions(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_functions_stay_short():
    offenders = []
    for path in MODULES:
        for function in functions(ast.parse(path.read_text())):
            body = function.body
            if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                body = body[1:]
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            if length > MAX_FUNCTION_LINES:
                offenders.append(f"{name_of(path)}: {function.name} has {length} lines")
    assert offenders == []


def test_public_names_are_sorted_and_there():
    names = mgn_fast.__all__
    assert names == sorted(names)
    assert all(hasattr(mgn_fast, name) for name in names)
    # Errors are one family, and so are modules; what is left is what a reader has to learn.
    learned = [name for name in names if not name.endswith("Error")]
    assert len([name for name in learned if not inspect.ismodule(getattr(mgn_fast, name))]) <= 23


def public_functions():
    for path in MODULES:
        tree = ast.parse(path.read_text())
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        bodies = [tree.body] + [c.body for c in classes if not c.name.startswith("_")]
        for node in (node for body in bodies for node in body):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield path, node


def test_every_public_function_says_what_goes_in_and_out():
    for path, function in public_functions():
        where = f"{path.name}: {function.name}"
        text = ast.get_docstring(function)
        assert text, where
        is_property = any(getattr(d, "id", "") == "property" for d in function.decorator_list)
        # What the parser calls: their arguments and results are the same for all commands.
        is_of_a_command = path.parent.name == "commands" and (
            function.name == "add_parser" or function.name.split("_")[0] == "run"
        )
        arguments = {a.arg for a in function.args.args + function.args.kwonlyargs}
        returns = function.returns is not None and ast.unparse(function.returns) != "None"
        if is_property or is_of_a_command or len(text.splitlines()) == 1:
            continue
        if arguments - {"self", "cls"}:
            assert "Args:" in text, where
        if returns:
            assert "Returns:" in text or "Yields:" in text, where


def stub_arguments(nodes, prefix=""):
    """Every function of the stub, methods as `Class.method`, with its arguments."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            found[prefix + node.name] = [argument.arg for argument in node.args.args]
        elif isinstance(node, ast.ClassDef):
            found |= stub_arguments(node.body, prefix=node.name + ".")
    return found


def compiled_arguments(holder, prefix=""):
    """The same of the compiled module, from the signatures that pybind11 writes."""
    found = {}
    for name, entry in vars(holder).items():
        if inspect.isclass(entry):
            found |= compiled_arguments(entry, prefix=name + ".")
        elif callable(entry) and (name == "__init__" or not name.startswith("_")):
            signature = re.search(rf"{name}\((.*)\)", entry.__doc__)
            if signature is None and name == "__init__":
                continue  # a class that only the module itself makes
            found[prefix + name] = re.findall(r"(?:^|, )(\w+):", signature[1])
    return found


def test_the_stub_is_the_compiled_module():
    stub = ast.parse((PACKAGE / "_core.pyi").read_text())
    assert stub_arguments(stub.body) == compiled_arguments(_core)


def test_there_is_one_version_number():
    text = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1] == mgn_fast.__version__
    assert f"## {mgn_fast.__version__}" in (ROOT / "CHANGELOG.md").read_text()


# What a second of collecting tests would go to; `support.late` stands for them.
LATE = {"torch", "onnx", "onnxruntime", "scipy", "sklearn", "PIL", "hypothesis", "jsonschema"}
LATE |= {"matplotlib", "safetensors", "openvino", "faiss"}
WITH_TORCH = ("checkpoint", "graph", "network", "nodes", "stored", "wrappings")
LATE |= {f"mgn_fast.export.{name}" for name in WITH_TORCH}
LATE |= {f"mgn_fast.quantize.{name}" for name in ("blocks", "rewriting")}


def test_collecting_tests_imports_nothing_heavy():
    offenders = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in getattr(node, "names", [])]
            module = getattr(node, "module", None)
            words = [module, *(f"{module}.{name}" for name in names)] if module else names
            if any(word in LATE or word.split(".")[0] in LATE for word in words):
                offenders.append(f"{name_of(path)}:{node.lineno} {ast.unparse(node)}")
    assert offenders == []


HEAVY = ("torch", "onnx", "onnxruntime", "cv2", "simplejpeg", "rich", "matplotlib", "jinja2")


@pytest.mark.usefixtures("own_process")
def test_import_brings_numpy_and_the_core_only():
    code = f"import sys, mgn_fast; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.usefixtures("own_process", "simulated_time")
def test_import_is_quick():
    """At most 150 ms on top of NumPy: the best of five, because other work may be running."""
    code = (
        "import time, numpy; start = time.perf_counter(); import mgn_fast; "
        "print(time.perf_counter() - start)"
    )
    seconds = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    assert min(seconds) <= 0.150


def test_signatures_are_the_documented_ones():
    parameters = {
        "export_onnx": "checkpoint path batch_size opset outputs input fuse_mirror pool verify "
        "seed",
        "compile_om": "onnx path soc_version batch_sizes aipp precision atc simulate extra_args "
        "timeout_s log_path contract output on_line",
        "open_session": "model backend device lanes batch_size threads precision contract output",
        "evaluate": "query_embeddings gallery_embeddings query gallery rerank k1 k2 "
        "original_weight max_rank ap same_camera same_picture metric verification threads",
        "evaluate_distances": "distances query gallery max_rank ap same_camera same_picture",
        "rerank": "query_embeddings gallery_embeddings k1 k2 original_weight variant threads out",
        "rank": "query_embeddings gallery_embeddings depth",
        "resize_pack": "pixels out mirror contract",
        "load_dataset": "source kind camera",
        "verification_curve": "query_embeddings gallery_embeddings query gallery same_camera "
        "same_picture metric threads",
    }
    for name, expected in parameters.items():
        assert list(inspect.signature(getattr(mgn_fast, name)).parameters) == expected.split(), name
