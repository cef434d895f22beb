"""What a test needs from the system: used for real, or named as untested; in CI never left out."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

import pytest

from tools import parts

UNTESTED = pytest.StashKey[dict[str, set[str]]]()
"""Missing part -> the test files that could not be run for want of it."""

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def needed(item: pytest.Item) -> list[str]:
    return [part for marker in item.iter_markers("needs") for part in marker.args]


def lacking(item: pytest.Item) -> list[str]:
    return parts.missing(needed(item))


def pytest_configure(config: pytest.Config) -> None:
    untested: dict[str, set[str]] = defaultdict(set)
    config.stash[UNTESTED] = untested
    # Daemons live where an ordinary user's PATH does not look.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *parts.SYSTEM_PATHS])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if IN_CI:
        return
    left_out = []
    for item in items:
        for part in lacking(item):
            config.stash[UNTESTED][part].add(item.path.name)
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=list(dict.fromkeys(left_out)))
        items[:] = [item for item in items if item not in left_out]


def pytest_runtest_setup(item: pytest.Item) -> None:
    absent = lacking(item)
    if absent:
        pytest.fail(f"missing: {', '.join(absent)}. {parts.install_line(absent)}", pytrace=False)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    untested = config.stash[UNTESTED]
    if untested:
        terminalreporter.section("not tested: parts of the system are missing")
        for line in report(untested):
            terminalreporter.write_line(line)


def report(untested: dict[str, set[str]]) -> Iterable[str]:
    for part, files in sorted(untested.items()):
        yield f"{part}: {', '.join(sorted(files))}"
    yield f"To test them too:  {parts.install_line(sorted(untested))}"
