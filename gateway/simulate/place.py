"""Where a demo lives on this machine, so that `lamplight demo press` finds it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def demo_directory() -> Path:
    """One demo for each user; $LAMPLIGHT_DEMO names another place (several demos, tests)."""
    named = os.environ.get("LAMPLIGHT_DEMO")
    if named:
        return Path(named)
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"lamplight-demo-{os.getuid()}"


def demo_plan() -> Path:
    return demo_directory() / "plan.toml"


def demo_socket() -> Path:
    return demo_directory() / "control"
