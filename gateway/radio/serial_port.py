"""One serial port and its one owner: asks the devices of a bus in turn, or listens to one driver.

Time on the wire (time-outs, gaps) is real seconds; how often a device is asked, and how long it
may be silent, is on the hub's clock.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing

from serialx import SerialException

from gateway.home import Port
from gateway.radio.bus import Listener, PolledBus
from gateway.radio.line import Line, open_line
from gateway.radio.polling import group
from gateway.radio.ports import PortMissing, Roots, advice, find_port
from gateway.records import Clock, Device, Driver, Frame, RadioState, SerialLine

BACK_OFF_S = (0.1, 30.0)
"""First and longest pause between two attempts to open the port, in real seconds."""
LOOK_S = 0.5
"""How often we look whether an unplugged port is back."""


class SerialPort:
    """A Radio. `frames()` runs for ever: unplugged, it opens the port again when it returns."""

    def __init__(
        self,
        settings: Port,
        devices: Sequence[Device],
        drivers: Mapping[str, Driver],
        clock: Clock,
        roots: Roots | None = None,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._roots = roots or Roots()
        self._owner = self._make_owner(devices, drivers)
        self._line: Line | None = None
        self._path = settings.device or settings.usb
        self._why = "not opened yet"

    def _make_owner(
        self, devices: Sequence[Device], drivers: Mapping[str, Driver]
    ) -> Listener | PolledBus:
        if self._settings.driver:
            driver = drivers[self._settings.driver]
            return Listener(self.name, driver, self._speaks(driver.line), self._clock)
        here = [device for device in devices if device.port == self.name]
        conversations = group(here, drivers)
        return PolledBus(self.name, conversations, self._speaks, self._clock)

    def state(self) -> RadioState:
        why = self._what_is_wrong()
        return RadioState(self.name, not why, why, dict(self._owner.rejected()))

    def _what_is_wrong(self) -> str:
        if self._line is None:
            return self._why
        if self._line.gone:
            return f"{self._path} was unplugged: plug it in again"
        if silence := self._owner.blind_for():
            return (
                f"nobody on {self.name} ({self._path}) has answered for {silence:.0f} s: check "
                "that the bus cable is plugged in, that A and B are not swapped and that the "
                "devices have power"
            )
        return ""

    async def frames(self) -> AsyncIterator[Frame]:
        pause, longest = BACK_OFF_S
        while True:
            try:
                self._path = find_port(self._settings, self._roots)
                async with open_line(self._path, self._owner.first_line()) as self._line:
                    pause = BACK_OFF_S[0]
                    async with aclosing(self._owner.frames(self._line)) as frames:
                        async for frame in frames:
                            yield frame
            except OSError as error:
                self._why = advice(error, self._path)
            except SerialException as error:
                self._why = f"{self._path} cannot be set up: {error}"
            finally:
                self._line = None
            await self._back_off(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, longest)

    async def _back_off(self, seconds: float) -> None:
        """Wait, but not when the port has come back meanwhile."""
        loop = asyncio.get_running_loop()
        until, was_there = loop.time() + seconds, self._is_there()
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(left, LOOK_S))
            if not was_there and self._is_there():
                return

    def _is_there(self) -> bool:
        try:
            find_port(self._settings, self._roots)
        except PortMissing as missing:
            self._why = missing.advice
            return False
        return True

    def _speaks(self, line: SerialLine) -> SerialLine:
        """How a driver speaks on this port: what the plan says, else what the protocol says."""
        ours = self._settings
        return SerialLine(
            baud=ours.baud or line.baud,
            parity=ours.parity or line.parity,
            stop_bits=ours.stop_bits or line.stop_bits,
            timeout_s=ours.timeout_s or line.timeout_s,
            idle_gap_s=line.idle_gap_s,
        )
