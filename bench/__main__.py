"""`make bench`: the figures we promise, each beside its floor, measured in one run.

python -m bench [NAME...] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import msgspec

from bench.table import Machine, Size, Table, lines, machine

BENCHES = ("press", "throughput", "protocols", "ble", "idle", "day")
"""Modules of this folder, each with `run(size, folder) -> Table`."""

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


class Report(msgspec.Struct, frozen=True):
    machine: Machine
    size: Size
    tables: tuple[Table, ...]


def measure(name: str, size: Size) -> Table:
    """Runs one bench on the disk that this folder is on: /tmp may be no disk at all."""
    run: Callable[[Size, Path], Table] = import_module(f"bench.{name}").run
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        return run(size, Path(folder).resolve())


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("name", nargs="*", help=f"of {', '.join(BENCHES)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, under 90 seconds")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there as well")
    parser.add_argument("--into", metavar="FILE", type=Path, help="put them into docs/figures.md")
    parsed = parser.parse_args(words)
    if unknown := set(parsed.name) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    return parsed


def put_into(file: Path, report: Report) -> None:
    """Between the two marks of a page. Raises ValueError without them."""
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{file} has no {BEGIN} ... {END}")
    tables = "\n".join(line for table in report.tables for line in lines(table))
    text = f"{before}{BEGIN}\n{report.machine}\n\n{tables}{end}{after}"
    file.write_text(text, encoding="utf-8")


def main(words: Sequence[str]) -> None:
    asked = arguments(words)
    size: Size = "quick" if asked.quick else "full"
    here = machine()
    print(here, end="\n\n", flush=True)
    tables = []
    for name in asked.name or BENCHES:
        tables.append(measure(name, size))
        print("\n".join(lines(tables[-1])), flush=True)
    report = Report(here, size, tuple(tables))
    if asked.json:
        asked.json.write_bytes(msgspec.json.encode(report))
    if asked.into:
        put_into(asked.into, report)


if __name__ == "__main__":
    main(sys.argv[1:])
