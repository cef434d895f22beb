"""The rules by which this program is built. Whoever breaks one hears it here, with the place."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = sorted(
    path
    for folder in ("gateway", "drivers", "models", "tools", "bench")
    for path in (ROOT / folder).rglob("*.py")
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PARTS_OF_THE_SYSTEM = ("mosquitto", "chromium")

# ---------------------------------------------------------------- what each module may know

PURE = (
    "gateway.records*", "gateway.pipeline", "gateway.repeats", "gateway.vitals", "gateway.alerts",
    "gateway.counters",
    "gateway.rules", "gateway.words", "gateway.sentences*", "gateway.wire*", "gateway.detect*",
    "gateway.radio.framing", "gateway.health*", "gateway.plan*", "drivers*",
)  # fmt: skip
IMPURE = {
    "asyncio", "concurrent", "http", "logging", "multiprocessing", "os", "random", "secrets",
    "select", "signal", "socket", "sqlite3", "ssl", "subprocess", "threading", "time", "urllib",
    "aiohttp", "paho", "serial", "serialx",
}  # fmt: skip
ASKS_THE_TIME = {"now", "utcnow", "today", "monotonic", "perf_counter"}

# (who, what of ours they may import). The first that matches counts; nobody else is restricted,
# except by EDGES. `x.y:Name` allows that one record and nothing else of x.y.
MAY_IMPORT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gateway.records*", ("gateway.records.*",)),
    ("gateway.rules", ("gateway.records",)),
    ("gateway.detect", ("gateway.records", "gateway.rules", "gateway.detect.*")),
    ("gateway.detect._*", ("gateway.records", "gateway.rules", "gateway.detect._*")),
    ("gateway.detect.*",
     ("gateway.records", "gateway.rules", "gateway.detect._*", "gateway.detect.presence")),
    ("drivers", ("gateway.records", "drivers.*")),
    ("drivers.__main__", ("drivers",)),
    ("drivers.*", ("gateway.records", "drivers._*")),
    ("gateway.counters", ("gateway.records",)),
    ("gateway.repeats", ("gateway.records",)),
    ("gateway.vitals", ("gateway.records",)),
    ("gateway.alerts", ("gateway.records", "gateway.rules")),
    ("gateway.pipeline",
     ("gateway.records", "gateway.counters", "gateway.repeats", "gateway.vitals",
      "gateway.alerts")),
    ("gateway.words", ("gateway.records",)),
    ("gateway.sentences*",
     ("gateway.records", "gateway.rules", "gateway.words", "gateway.sentences*")),
    ("gateway.wire*", ("gateway.records*", "gateway.home", "gateway.wire*", "gateway.health")),
    ("gateway.home", ("gateway.records", "gateway.rules")),
    ("gateway.plan*", ("gateway.records", "gateway.rules", "gateway.home", "gateway.plan.*")),
    ("gateway.clock*", ("gateway.records", "gateway.clock*")),
    ("gateway.notify", ()),
    ("gateway.outbox*", ("gateway.records*", "gateway.database", "gateway.outbox*")),
    ("gateway.journal*", ("gateway.records", "gateway.database", "gateway.journal*")),
    ("gateway.radio.*", ("gateway.records", "gateway.home", "gateway.radio.*", "drivers")),
    ("gateway.uplink.*", ("gateway.records*", "gateway.home", "gateway.wire*", "gateway.outbox*",
                          "gateway.health", "gateway.uplink.*")),
)  # fmt: skip

# Concrete edges of the program (not the records that they give), and who composes them.
EDGES = (
    "gateway.radio.serial_port*", "gateway.uplink.*", "gateway.outbox", "gateway.outbox:Outbox",
    "gateway.journal", "gateway.journal:Journal",
)  # fmt: skip
COMPOSERS = (
    "gateway.app*", "gateway.report", "gateway.cli", "gateway.commands.*", "gateway.doctor.*",
    "gateway.simulate.*", "gateway.radio.*", "gateway.uplink.*", "gateway.outbox*",
    "gateway.journal*", "bench*",
)  # fmt: skip
# The far ends of the wires were written from the documents, not from our drivers.
FAR_ENDS = (
    "gateway.simulate.meters*", "gateway.simulate.modules*", "gateway.simulate.wires*",
    "gateway.simulate.radars*", "gateway.simulate.air*",
)  # fmt: skip

EVERYTHING = {"Exception", "BaseException"}
MAY_CATCH_EVERYTHING = ("gateway.supervise", "gateway.pipeline")
PARENTS = {
    "Struct", "Protocol", "Exception", "Enum", "StrEnum", "IntEnum", "IntFlag", "NamedTuple",
    "TypedDict", "Generic",
}  # fmt: skip
EMPTY_NAMES = re.compile(r"(Manager|Handler|Helper|Utils?|Abstract\w*|^Base\w*|Base)$")
OPENS = {
    "open", "connect", "socket", "Thread", "Lock", "RLock", "Queue", "ThreadPoolExecutor", "Popen",
    "Client", "ClientSession", "Serial", "get_event_loop", "read_text", "read_bytes", "mkdir",
}  # fmt: skip


def name_of(path: Path) -> str:
    """gateway/detect/leak.py -> gateway.detect.leak"""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def any_of(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def imports(tree: ast.AST) -> Iterator[str]:
    """Every import, wherever it stands; `from x import y` is `x.y` where that is a module of ours,
    else `x:y`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                ours = node.module.split(".")[0] in ("gateway", "drivers", "models")
                yield inside if ours and is_module(inside) else f"{node.module}:{alias.name}"


def last_name(node: ast.expr) -> str:
    """The last word of `a.b.c`, `c`, or `c[...]`."""
    if isinstance(node, ast.Subscript):
        return last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def calls(tree: ast.AST) -> Iterator[str]:
    return (last_name(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


# ---------------------------------------------------------------- checks: (name, tree) -> faults


def impurities(name: str, tree: ast.Module) -> list[str]:
    if not any_of(name, PURE):
        return []
    modules = [each for each in imports(tree) if re.split(r"[.:]", each)[0] in IMPURE]
    times = [each for each in calls(tree) if each in ASKS_THE_TIME]
    return [f"imports {each}" for each in modules] + [f"calls .{each}()" for each in times]


def trespasses(name: str, tree: ast.Module) -> list[str]:
    ours = [each for each in imports(tree) if re.match(r"(gateway|drivers|models|tests)\b", each)]
    allowed = next((may for who, may in MAY_IMPORT if fnmatch(name, who)), None)
    found = [each for each in ours if allowed is not None and not permitted(each, allowed)]
    if not any_of(name, (*COMPOSERS, *(who for who, _ in MAY_IMPORT))):
        found += [each for each in ours if any_of(each, EDGES)]
    if any_of(name, FAR_ENDS):
        found += [each for each in ours if each.split(".")[0].split(":")[0] == "drivers"]
    return [f"imports {each}" for each in found]


def permitted(imported: str, allowed: tuple[str, ...]) -> bool:
    module = imported.split(":")[0]
    return imported == "gateway:__version__" or any_of(imported, allowed) or any_of(module, allowed)


def swallowed(name: str, tree: ast.Module) -> list[str]:
    """Handlers of any error at all, unless they pass it on after tidying up."""
    if name in MAY_CATCH_EVERYTHING:
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {last_name(each) if each else "BaseException" for each in caught}
            again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if names & EVERYTHING and not again:
                found.append(f"line {node.lineno} catches everything")
        elif isinstance(node, ast.Call) and last_name(node.func) == "suppress":
            names = {last_name(each) for each in node.args}
            found += [f"line {node.lineno} suppresses {each}" for each in names & EVERYTHING]
    return found


def heirs(name: str, tree: ast.Module) -> list[str]:
    """Classes that inherit from something else than a record, an enum, a Protocol or an error."""
    errors = re.compile(r"(Error|Exception|Warning)$")
    own = {"BadFrame", "Stranger", "LinkLost", "StorageFault", "Complaint"}
    return [
        f"{node.name}({last_name(parent)})"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for parent in node.bases
        if last_name(parent) not in PARENTS | own and not errors.search(last_name(parent))
    ]


def empty_names(name: str, tree: ast.Module) -> list[str]:
    classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    module = name.rsplit(".", 1)[-1].title().replace("_", "")
    return [each for each in [module, *classes] if EMPTY_NAMES.search(each)]


def happenings(name: str, tree: ast.Module) -> list[str]:
    """What runs, or opens something, when the module is imported."""
    found: list[str] = []
    for node in [] if name.endswith("__main__") else tree.body:
        if isinstance(node, ast.With | ast.For | ast.While | ast.AsyncFor | ast.AsyncWith):
            found.append(f"line {node.lineno} runs at import")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found.append(f"line {node.lineno} calls something at import")
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            opened = [each for each in eager_calls(node.value) if each in OPENS]
            found += [f"line {node.lineno} calls {each} at import" for each in opened]
    return found


def eager_calls(value: ast.expr) -> Iterator[str]:
    """The calls in an expression that run now, and not when a lambda is called."""
    if isinstance(value, ast.Lambda):
        return
    if isinstance(value, ast.Call):
        yield last_name(value.func)
    for child in ast.iter_child_nodes(value):
        if isinstance(child, ast.expr | ast.keyword):
            yield from eager_calls(child.value if isinstance(child, ast.keyword) else child)


def undocumented(name: str, tree: ast.Module) -> list[str]:
    return [] if ast.get_docstring(tree) else ["does not say what it is for"]


CHECKS = (impurities, trespasses, swallowed, heirs, empty_names, happenings, undocumented)


@pytest.mark.parametrize("path", PROGRAM, ids=name_of)
def test_the_module_keeps_the_rules(path: Path) -> None:
    name, tree = name_of(path), tree_of(path)
    assert {check.__name__: check(name, tree) for check in CHECKS if check(name, tree)} == {}


@pytest.mark.parametrize(
    ("check", "name", "source"),
    [
        (impurities, "gateway.detect.x", "import time"),
        (impurities, "gateway.wire", "def f():\n from asyncio import sleep"),
        (impurities, "drivers.x", "stamp = datetime.now(UTC)"),
        (trespasses, "gateway.records", "from gateway.rules import Rules"),
        (trespasses, "gateway.detect.x", "from gateway.detect.leak import Leak"),
        (trespasses, "drivers.x", "import drivers.cjt188"),
        (trespasses, "gateway.wire", "from gateway.outbox import Outbox"),
        (trespasses, "gateway.health", "from gateway.uplink import mqtt"),
        (trespasses, "gateway.watch", "from gateway.outbox import Outbox"),
        (trespasses, "gateway.simulate.meters", "from drivers._bits import bcd"),
        (swallowed, "gateway.app", "try: f()\nexcept Exception: pass"),
        (swallowed, "gateway.app", "try: f()\nexcept (OSError, BaseException) as e: print(e)"),
        (swallowed, "gateway.app", "try: f()\nexcept: pass"),
        (swallowed, "gateway.app", "with contextlib.suppress(Exception): f()"),
        (heirs, "gateway.app", "class Siren(Annunciator): ..."),
        (empty_names, "gateway.app", "class DeviceManager: ..."),
        (empty_names, "gateway.utils", ""),
        (happenings, "gateway.app", "database = sqlite3.connect('x')"),
        (happenings, "gateway.app", "known = {'a': [open('x')]}"),
        (happenings, "gateway.app", "logging.basicConfig()"),
        (undocumented, "gateway.app", "import os"),
    ],
)
def test_a_broken_rule_is_noticed(check: type, name: str, source: str) -> None:
    assert check(name, ast.parse(source)) != []


# ---------------------------------------------------------------- sizes


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Each function and its lines, from `def` to its last."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def nine_in_ten(sizes: list[int]) -> int:
    return sorted(sizes)[len(sizes) * 9 // 10]


def test_no_file_is_longer_than_400_lines_and_nine_in_ten_have_250() -> None:
    sizes = {name_of(path): lines_of(path) for path in PROGRAM}
    assert {name: size for name, size in sizes.items() if size > 400} == {}
    assert nine_in_ten(list(sizes.values())) <= 250


def test_no_function_is_longer_than_60_lines_and_nine_in_ten_have_30() -> None:
    sizes = {
        f"{name_of(path)}.{name}": size
        for path in PROGRAM
        for name, size in functions(tree_of(path))
    }
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert nine_in_ten(list(sizes.values())) <= 30
    assert statistics.median(sizes.values()) <= 8


# ---------------------------------------------------------------- tests about the tests


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_the_test_is_honest(path: Path) -> None:
    """Fakes instead of mocks, nothing skipped, and a first line that says what it is about."""
    tree = tree_of(path)
    words = {last_name(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    modules = {re.split(r"[:]", each)[0] for each in imports(tree)}
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert undocumented(name_of(path), tree) == [] or path.name == "__init__.py"
    assert modules & {"mock", "unittest.mock", "unittest"} == set()
    assert arguments & {"mocker"} == set()
    assert words & {"skip", "skipif", "xfail", "importorskip", "setattr", "setitem"} == set()


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_that_needs_a_part_of_the_system_says_so(path: Path) -> None:
    """So that it is left out and named where the part cannot be had."""
    tree = tree_of(path)
    told = {
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and last_name(node.func) == "needs"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }
    used = {
        part
        for node in ast.walk(tree)
        for part in PARTS_OF_THE_SYSTEM
        if part in getattr(node, "id", getattr(node, "attr", "")).lower()
    }
    if path.name.startswith("test_"):
        assert used <= told


# ---------------------------------------------------------------- what the README promises


def commands(program: str) -> set[str]:
    """The first words after `program` in the README's code."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S))
    code += "\n" + "\n".join(re.findall(r"`([^`\n]+)`", text))
    return set(re.findall(rf"(?:^|[\s/]){program} ([a-z][\w-]*)", code, re.M))


def test_every_make_command_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"demo", "test"} <= commands("make") <= targets


def test_every_lamplight_command_in_the_readme_exists() -> None:
    from gateway.cli import COMMANDS

    assert commands("lamplight")
    assert commands("lamplight") <= set(COMMANDS)


def test_every_place_that_the_readme_names_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:gateway|drivers|tests|docs|packaging|tools)/[\w/.-]*)`", text))
    named |= set(re.findall(r"\]\(([\w/.-]+)\)", text))
    assert {name for name in named if not (ROOT / name).exists()} == set()
