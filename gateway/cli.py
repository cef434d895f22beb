"""The command `lamplight`: a table of commands, each in a file of its own below `commands/`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence

from gateway import __version__
from gateway.commands.output import Complaint, Exit, complain

Arguments = Callable[[argparse.ArgumentParser], None]

# name: (module below gateway.commands, help). A module is imported only when its command runs,
# so that `lamplight decode` does not pay for the web server.
COMMANDS = {
    "run": "start the daemon of one home",
    "demo": "a simulated home with everything around it; and things to do to it",
    "status": "what the hub thinks now, and why",
    "alerts": "the open alerts, and those that ended lately",
    "explain": "why an alert was raised, and what speaks against it",
    "decode": "bytes of captures to readings, one JSON object a line",
    "record": "write down what the radios hear",
    "replay": "what the recorded past would have alerted",
    "pair": "who is on the air over Bluetooth, to find a new device by using it",
    "doctor": "check ports, permissions, clock, broker and disk, and say what to do",
    "plan": "check a plan, and say all that is wrong with it at once",
}


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line. With `only`, just that command's arguments are built."""
    top = argparse.ArgumentParser(prog="lamplight", description=__doc__.partition("\n")[0])
    top.add_argument("--version", action="version", version=f"lamplight {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_ in COMMANDS.items():
        command = commands.add_parser(name, help=help_, description=help_)
        command.add_argument("--json", action="store_true", help="print JSON, for scripts")
        if only in (None, name):
            importlib.import_module(f"gateway.commands.{name}").arguments(command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 well, 1 something is wrong in the home or the file, 2 the call or
    its input is wrong, 3 the daemon does not answer."""
    argv = sys.argv[1:] if argv is None else list(argv)
    named = next((word for word in argv if word in COMMANDS), None)
    args = parser(named).parse_args(argv)
    try:
        return int(importlib.import_module(f"gateway.commands.{args.command}").run(args))
    except Complaint as complaint:
        return complain(complaint)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has heard enough (`lamplight alerts | head`).
        sys.stderr.close()
        return Exit.WELL


if __name__ == "__main__":
    sys.exit(main())
