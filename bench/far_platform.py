"""The reference platform in a process of its own, which receipts and does nothing else.

python -m bench.far_platform MEMORY UPLINK      prints "ready" when it listens
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from gateway.home import UplinkSettings
from gateway.simulate.platform import Conduct, Platform


async def serve(memory: Path, way: UplinkSettings) -> None:
    platform = Platform(way, memory, conduct=Conduct(orders=False, resends=False))
    receiving = asyncio.create_task(platform.run())
    while platform.why:  # noqa: ASYNC110 - the platform tells nobody
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await receiving


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=UplinkSettings)))
