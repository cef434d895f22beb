"""`lamplight decode FILE`: what captured bytes say, one JSON object for each step."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import drivers
from gateway.commands.output import Complaint, Exit, print_json
from gateway.decode import BadFile, decode_file


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a vector file (schema 2), or - for standard input")


def run(args: argparse.Namespace) -> int:
    try:
        for result in decode_file(_document(args.file), drivers.load()):
            print_json(result)
    except BadFile as bad:
        raise Complaint(f"{args.file}: {bad}") from None
    return Exit.WELL


def _document(file: str) -> object:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as unreadable:
        raise Complaint(f"{file} cannot be read: {unreadable.strerror}") from None
    except UnicodeDecodeError:
        raise Complaint(f"{file} is not text", "a vector file is JSON in UTF-8") from None
    except json.JSONDecodeError as bad:
        where = f"line {bad.lineno}, column {bad.colno}"
        raise Complaint(f"{file} is not JSON: {bad.msg} at {where}") from None
