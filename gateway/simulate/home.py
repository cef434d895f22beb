"""The demo's home: three buses, a radar over the bed, and a resident who lives an ordinary day.

    bus1  RS-485      CJ/T 188 water meter, DL/T 645 electricity meter
    bus2  M-Bus       hot-water meter
    bus3  RS-485      8-channel input module (buttons, door, motion, leak), gas alarm; Modbus-RTU
    bed   UART        60 GHz radar over the bed: speaks by itself

The hub opens `directory/bus1`.. and does not know that nothing is behind them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from gateway.records import Clock
from gateway.simulate.day import Act, acts_between, second_of_day
from gateway.simulate.fixtures import Circuits, Mains, Pipe
from gateway.simulate.meters import ElectricityMeter, MBusMeter, WaterMeter
from gateway.simulate.modules import GasAlarm, InputModule
from gateway.simulate.radars import BedRadar, Sleeper, speak
from gateway.simulate.wires import Fault, Noise, Slave, Wire

ZONE = "Asia/Shanghai"
WATER_NUMBER, POWER_NUMBER = "00000024150733", "000000240161"
HOT_NUMBER, HOT_PRIMARY = "24070018", 5
GAS_SLAVE, MODULE_SLAVE = 1, 3

Gone = Literal["", "errand", "away"]
"""At home, out and back by the day's plan, or away until somebody says otherwise."""

MODULE = (
    "call-button",
    "pull-cord",
    "front-door",
    "motion-living-room",
    "motion-kitchen",
    "motion-bathroom",
    "leak-sensor",
    "cancel-key",
)
"""The inputs of the module, the first one first."""
BREAK_CONTACTS = ("front-door",)
"""A reed contact is closed while the door is."""

RADAR = "bed"
RADAR_S = 1.0
"""How often the radar speaks, in real seconds."""
BEDTIME = (22 * 3600 + 1800, 6 * 3600 + 1800)
"""In bed from half past ten to half past six, in seconds of the day."""

PRESS_S = 1.0
MOTION_S = 4.0
DOOR_S = 8.0
SEEN_S = 0.4
"""What happens in the home lasts at least this long in the real world, so that a hub that looks
every 50 ms sees it however fast the demo's clock runs."""
LONGEST_WAIT_S = 60.0
CATCH_UP = timedelta(hours=1)
"""After a longer jump of the clock the day goes on from there, and nothing is made up for."""
ORDINARY = Noise(stray=0.02, flip=0.002)
ALARM_LEL = 126
"""0.1 %LEL; alarms are set at 5 to 20 %LEL (GB 15322)."""


class SimulatedHome:
    """Everything a demo can do to a home. The methods act at once; `run()` lives the day."""

    def __init__(
        self, directory: Path, clock: Clock, seed: int = 1, noise: Noise | None = None
    ) -> None:
        self._clock = clock
        self._seed = seed
        now = clock.now().line
        self._cold = Pipe(482_137.0)
        self._hot = Pipe(96_480.0)
        self._mains = Mains(5312.4, now)
        self._circuits = Circuits(MODULE, BREAK_CONTACTS)
        self._gas = False
        self._gone: Gone = ""
        self._still = False
        self._slaves = self._make_slaves()
        self.wires = self._make_wires(directory, noise or ORDINARY, seed)
        self.wires[RADAR] = Wire(directory / RADAR, [], noise or ORDINARY, seed)

    def _make_slaves(self) -> dict[str, Slave]:
        return {
            "water-meter": WaterMeter(
                WATER_NUMBER, lambda: self._cold.litres(self._line()), baud=2400
            ),
            "electricity-meter": ElectricityMeter(
                POWER_NUMBER,
                lambda: self._mains.watts(self._line()),
                lambda: self._mains.kwh(self._line()),
                baud=2400,
            ),
            "hot-water-meter": MBusMeter(
                HOT_PRIMARY, HOT_NUMBER, lambda: self._hot.litres(self._line()), baud=2400
            ),
            "gas-alarm": GasAlarm(GAS_SLAVE, self._gas_registers, baud=9600),
            "input-module": InputModule(
                MODULE_SLAVE,
                lambda: self._circuits.closed(self._line(), time.monotonic()),
                baud=9600,
            ),
        }

    def _make_wires(self, directory: Path, noise: Noise, seed: int) -> dict[str, Wire]:
        hung = {
            "bus1": ("water-meter", "electricity-meter"),
            "bus2": ("hot-water-meter",),
            "bus3": ("input-module", "gas-alarm"),
        }
        return {
            bus: Wire(directory / bus, [self._slaves[name] for name in names], noise, seed + n)
            for n, (bus, names) in enumerate(hung.items())
        }

    def _line(self) -> float:
        return self._clock.now().line

    def _gas_registers(self) -> tuple[int, int]:
        return (ALARM_LEL, 1) if self._gas else (0, 0)

    def _sleeper(self) -> Sleeper:
        """Whom the radar over the bed sees; whoever stopped moving did so somewhere else."""
        second = second_of_day(self._clock.now().local(ZoneInfo(ZONE)))
        night = second >= BEDTIME[0] or second < BEDTIME[1]
        return Sleeper(in_bed=night and not self._gone and not self._still)

    # ------------------------------------------------------------ what a demo does to it

    def press(self, device: str = "call-button") -> None:
        """For about a second, as people do."""
        self._pulse(known(device, MODULE), PRESS_S)

    def hold(self, device: str) -> None:
        """A button, a relay or the leak sensor: active until it is released."""
        self._circuits.hold(known(device, MODULE))

    def release(self, device: str = "call-button") -> None:
        self._circuits.release(known(device, MODULE))

    def gas(self, on: bool = True) -> None:
        self._gas = on

    def leak(self, on: bool = True) -> None:
        (self._circuits.hold if on else self._circuits.release)("leak-sensor")

    def leave_home(self) -> None:
        """Out of the door, and nothing moves until somebody says `come_home`."""
        self._go("away")

    def come_home(self) -> None:
        """In at the door, and about in the home."""
        self._pulse("front-door", DOOR_S)
        self._gone, self._still = "", False
        for room in ("living-room", "kitchen"):
            self._pulse(f"motion-{room}", MOTION_S)

    def stop_moving(self) -> None:
        """From now on nobody moves, draws water or switches anything."""
        self._still = True
        self._shut_taps()

    def resume(self) -> None:
        """The resident gets up and drinks a glass of water."""
        self._gone, self._still = "", False
        self._mains.all_off(self._line())
        self._perform(Act(0.0, motion="kitchen", litres=1.0, seconds=10))

    def unplug(self, bus: str) -> None:
        self.wires[known(bus, self.wires)].unplug()

    def replug(self, bus: str) -> None:
        self.wires[known(bus, self.wires)].plug_in()

    def kill(self, device: str) -> None:
        self.spoil(device, Fault.DEAD)

    def revive(self, device: str) -> None:
        self.spoil(device, Fault.NONE)

    def spoil(self, device: str, fault: Fault) -> None:
        """A device on a bus behaves like this from now on; a wired one takes its module along."""
        name = "input-module" if device in MODULE else device
        self._slaves[known(name, self._slaves)].fault = fault

    # ------------------------------------------------------------ the day

    def start(self) -> None:
        """Plug everything in. Needs a running event loop."""
        for wire in self.wires.values():
            wire.plug_in()

    def close(self) -> None:
        for wire in self.wires.values():
            wire.unplug()

    async def run(self) -> None:
        """Live, from the present time of day, until cancelled."""
        self.start()
        speaking = asyncio.create_task(speak(self.wires[RADAR], BedRadar(self._sleeper), RADAR_S))
        try:
            await self._live()
        finally:
            speaking.cancel()
            self.close()

    async def _live(self) -> None:
        zone = ZoneInfo(ZONE)
        done = self._clock.now().local(zone)
        self._settle_in(done)
        while True:
            now = self._clock.now().local(zone)
            if not done <= now < done + CATCH_UP:
                done = now
            for act in acts_between(done, now, self._seed):
                self._perform(act)
            done = now
            coming = next(iter(acts_between(now, now + CATCH_UP, self._seed)), None)
            await self._clock.sleep(self._wait(now, coming))

    def _wait(self, now: datetime, coming: Act | None) -> float:
        left = coming.second - second_of_day(now) if coming else LONGEST_WAIT_S
        return min(max(left, 0.5), LONGEST_WAIT_S)

    def _settle_in(self, now: datetime) -> None:
        """What was switched on earlier today is on."""
        for act in acts_between(now.replace(hour=0, minute=0, second=0), now, self._seed):
            if act.appliance:
                self._mains.switch(self._line(), act.appliance, act.watts)

    def _perform(self, act: Act) -> None:
        if self._still:
            return
        if act.door == "in" and self._gone == "errand":
            self.come_home()
        if self._gone:
            return
        if act.door == "out":
            self._go("errand")
        if act.motion:
            self._pulse(f"motion-{act.motion}", MOTION_S)
        self._use(act, self._line())

    def _use(self, act: Act, now: float) -> None:
        """Water and electricity."""
        if act.litres:
            self._cold.draw(now, act.litres - act.hot, act.seconds)
        if act.hot:
            self._hot.draw(now, act.hot, act.seconds)
        if act.appliance:
            self._mains.switch(now, act.appliance, act.watts)

    def _go(self, gone: Gone) -> None:
        """Lights off, taps shut, out of the door."""
        self._mains.all_off(self._line())
        self._shut_taps()
        self._pulse("front-door", DOOR_S)
        self._gone = gone

    def _shut_taps(self) -> None:
        for pipe in (self._cold, self._hot):
            pipe.shut(self._line())

    def _pulse(self, circuit: str, seconds: float) -> None:
        self._circuits.pulse(circuit, self._line() + seconds, time.monotonic() + SEEN_S)


def known(name: str, names: Collection[str]) -> str:
    """The name, if the home has it. Raises ValueError with those it has."""
    if name not in names:
        raise ValueError(f"there is no {name} here; there is {', '.join(names)}")
    return name
