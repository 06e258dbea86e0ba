# SPDX-License-Identifier: Apache-2.0
"""Which room may import which, and what sources do about it: offenders as lines to read.

Imports inside functions and under TYPE_CHECKING count, and so does `import_module` of a literal.
"""

import ast
from pathlib import Path

# From the ground up. A module imports its own room and rooms of lower floors, never a neighbour.
FLOORS = (
    ("errors",),
    ("types",),
    ("common",),
    ("models", "datasets"),
    ("pictures",),
    ("cann", "inference", "evaluation", "export"),
    ("simulator", "embedding"),
    ("report", "gallery", "verification", "recipe_files", "quantize"),
    ("bench",),
    ("doctor",),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Imports that run up, each for its reason.
ALLOWED = {("bench/__main__.py", "cli")}  # `python -m mgn_fast.bench` is the command
# What writes to a terminal below `cli`: a program of its own, in ATC's place, and a report that is
# told to print itself.
PROGRAMS = {"simulator/atc/program.py", "evaluation/report.py"}
COMPILED = "_core"


def sources(package):
    """Every module as (dotted name, path); the package itself is `__init__`."""
    for path in sorted(Path(package).rglob("*.py")):
        yield ".".join(path.relative_to(package).with_suffix("").parts), path


def graph(package):
    """{module: {imported module: line}} of the package's own modules."""
    modules = dict(sources(package))
    return {
        name: {
            target: line
            for dotted, line in _imported(path, name, Path(package).name)
            if (target := _module_of(dotted, modules)) not in (None, name)
        }
        for name, path in modules.items()
    }


def _module_of(dotted, modules):
    """The module that a dotted name below the package stands for, or holds it as an attribute."""
    if dotted.split(".")[0] == COMPILED:
        return None
    words = dotted.split(".") if dotted else []
    for count in (len(words), len(words) - 1):
        name = ".".join(words[: max(count, 0)])
        for found in (name, f"{name}.__init__" if name else "__init__"):
            if found in modules:
                return found
    return None


def _imported(path, name, package):
    """Dotted names below the package that a module imports, with their lines."""
    base = name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            words = (node.module or "").split(".")
            if node.level:
                words = base[: len(base) - node.level + 1] + [word for word in words if word]
            elif words[0] == package:
                words = words[1:]
            else:
                continue
            yield from ((".".join([*words, alias.name]), node.lineno) for alias in node.names)
        elif isinstance(node, ast.Import):
            own = [alias.name for alias in node.names if alias.name.split(".")[0] == package]
            yield from ((dotted.partition(".")[2], node.lineno) for dotted in own)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            dotted = str(node.args[0].value)
            if called in ("import_module", "__import__") and dotted.startswith(f"{package}."):
                yield dotted.partition(".")[2], node.lineno


def upward_imports(package):
    """Imports of a higher floor, or of a neighbour on the same one."""
    offenders = []
    for name, targets in graph(package).items():
        file = f"{name.replace('.', '/')}.py"
        room = name.split(".")[0]
        for target, line in targets.items():
            other = target.split(".")[0]
            if room != other and FLOOR[other] >= FLOOR[room] and (file, other) not in ALLOWED:
                offenders.append(f"{file}:{line} {room} imports {other}")
    return offenders


STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
DESCRIPTORS = (1, 2)  # standard output and standard error


def prints(package):
    """What writes to a terminal in a room below `cli`."""
    offenders = []
    for name, path in sources(package):
        file = f"{name.replace('.', '/')}.py"
        if name.split(".")[0] in ("cli", "__main__") or file in PROGRAMS:
            continue
        offenders += [
            f"{file}:{node.lineno} {ast.unparse(node)}"
            for node in ast.walk(ast.parse(path.read_text()))
            if _is_print(node)
        ]
    return offenders


def _is_print(node):
    """By name, by stream, by descriptor, or by rich, which exists for nothing else."""
    if isinstance(node, ast.Name):
        return node.id == "print"
    if isinstance(node, ast.Attribute):
        return node.attr in STREAMS and getattr(node.value, "id", "") == "sys"
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] == "rich" for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        return (node.module or "").split(".")[0] == "rich" or (
            node.module == "sys" and not names.isdisjoint(STREAMS)
        )
    if isinstance(node, ast.Call) and node.args:
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        first = getattr(node.args[0], "value", None)
        return called in ("write", "fdopen", "open") and first in DESCRIPTORS
    return False


def circles(edges):
    """Groups of modules that import each other, by way of others too (Tarjan 1972)."""
    order, low, stack, found = {}, {}, [], []

    def visit(module):
        order[module] = low[module] = len(order)
        stack.append(module)
        for target in edges[module]:
            if target not in order:
                visit(target)
            if target in stack:
                low[module] = min(low[module], low[target])
        if low[module] == order[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in edges:
        if module not in order:
            visit(module)
    return found


def longest_chain(edges):
    """The longest way down from a module, as a list; the graph has no circles."""
    chains = {}

    def chain(module):
        if module not in chains:
            below = [chain(target) for target in edges[module]]
            chains[module] = [module, *max(below, key=len, default=[])]
        return chains[module]

    return max(map(chain, edges), key=len)
