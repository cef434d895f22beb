"""Each bench still runs and produces its table. What it measures is not judged here."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.__main__ import BEGIN, BENCHES, END, Report, main, measure, put_into
from bench.table import Figure, Table, lines, machine, quantile


@pytest.mark.needs("mosquitto", "dbus", "cc")
@pytest.mark.parametrize("name", BENCHES)
def test_the_bench_runs_and_produces_its_table(name: str) -> None:
    table = measure(name, "smallest")
    assert table.name == name
    assert len(table.figures) >= 3
    assert all(figure.value >= 0 for figure in table.figures)
    assert len(lines(table)) > len(table.figures)


def test_a_bench_that_does_not_exist_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pres"])
    assert "no such bench: pres" in capsys.readouterr().err


def test_a_figure_is_shown_beside_its_floor_and_its_aim() -> None:
    held = Figure("commit", 3.0, "ms", floor=2.0, most_ratio=2.0)
    missed = Figure("memory", 61.0, "MB", most=60.0)
    text = "\n".join(lines(Table("example", (held, missed), ("a note",))))
    assert "| commit |  3.00 ms | 2.00 ms |  1.50 |" in text
    assert [line.split("|")[-2].strip() for line in text.splitlines()[4:6]] == ["met", "MISSED"]
    assert "a note" in text


def test_a_table_survives_the_way_through_json() -> None:
    table = Table("example", (Figure("commit", 3.0, "ms", floor=2.0),))
    assert msgspec.json.decode(msgspec.json.encode(table), type=Table) == table


def test_the_figures_go_between_the_marks_of_their_page(tmp_path: Path) -> None:
    page = tmp_path / "figures.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    report = Report(machine(), "quick", (Table("example", (Figure("commit", 3.0, "ms"),)),))
    put_into(page, report)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "| commit |  3.00 ms |" in text
    assert "old" not in text


def test_the_99th_percentile_is_what_one_in_a_hundred_exceeds() -> None:
    assert quantile(range(100), 0.99) == 99
    assert quantile(range(1000), 0.99) == 990
    assert quantile([5.0], 0.5) == 5.0
