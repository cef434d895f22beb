"""The far ends of a home's wires in a process of their own, so that they cost the hub nothing.

python -m bench.far_end FOLDER DEVICES      prints "ready", then answers until it is ended
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bench.homes import meters, modules
from gateway.simulate.wires import Noise, Wire


async def serve(folder: Path, devices: int) -> None:
    wires = [
        Wire(folder / "bus1", meters(devices), Noise()),
        Wire(folder / "bus2", modules(devices), Noise()),
    ]
    for wire in wires:
        wire.plug_in()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
