"""`python -m drivers` prints the table of devices for the READMEs."""

from __future__ import annotations

from drivers import load, table

if __name__ == "__main__":
    print(table(load().values()))
