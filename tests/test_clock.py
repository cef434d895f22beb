"""Time that never steps back, on machines whose clocks do."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import (
    HOLDOVER_S,
    LONGEST_DOWNTIME_S,
    LOOK_S,
    Machine,
    SimulatedClock,
    SystemClock,
    pace,
    this_machine,
    timesyncd_synced,
)
from gateway.clock.anchor import (
    Anchor,
    boot_id,
    decode_anchor,
    encode_anchor,
    load_anchor,
    newest,
    save_anchor,
)

EVENING = 1_790_000_000.0
DAY = 86_400.0


class HandWound:
    """A machine whose clocks a test moves."""

    def __init__(self, wall: float = EVENING, synced: bool = True, boot: str = "first") -> None:
        self.ticks = 5.0
        self.wall = wall
        self.synced = synced
        self.boot = boot
        self.asked = 0

    def passes(self, seconds: float) -> None:
        self.ticks += seconds
        self.wall += seconds

    def power_cut(self, off: float, wall: float | None = None, synced: bool = False) -> None:
        """Another boot; the wall goes on if it has a battery, else it is what is given."""
        self.boot += "'"
        self.ticks = 3.0
        self.wall = self.wall + off if wall is None else wall
        self.synced = synced

    def machine(self) -> Machine:
        return Machine(lambda: self.ticks, lambda: self.wall, self._is_synced, self.boot)

    def clock(self, anchor: Anchor | None = None) -> SystemClock:
        return SystemClock(anchor, machine=self.machine())

    def _is_synced(self, wall: float) -> bool:
        self.asked += 1
        return self.synced


# ---------------------------------------------------------------- one boot


def test_seconds_pass_on_both_times() -> None:
    hand = HandWound()
    clock = hand.clock()
    before = clock.now()
    hand.passes(90)
    after = clock.now()
    assert after.since(before) == pytest.approx(90)
    assert after.wall - before.wall == pytest.approx(90)
    assert after.trusted


def test_a_hub_that_wakes_in_1970_counts_seconds_and_trusts_no_date() -> None:
    hand = HandWound(wall=12.0, synced=False)
    clock = hand.clock()
    before = clock.now()
    hand.passes(3600)
    assert clock.now().since(before) == pytest.approx(3600)
    assert not clock.now().trusted
    assert clock.quality == "unsure"


def test_1970_is_not_believed_whoever_vouches_for_it() -> None:
    hand = HandWound(wall=12.0, synced=True)
    assert not hand.clock().now().trusted
    assert not SystemClock(trust="always", machine=hand.machine()).now().trusted


def test_the_first_sync_jumps_56_years_and_no_duration_notices() -> None:
    hand = HandWound(wall=12.0, synced=False)
    clock = hand.clock()
    before = clock.now()
    hand.passes(600)
    hand.wall, hand.synced = EVENING, True
    after = clock.now()
    assert after.since(before) == pytest.approx(600)
    assert (after.wall, after.trusted, clock.quality) == (EVENING, True, "synced")
    assert clock.jumps == 0, "nobody had vouched for the time before"


def test_a_wall_clock_that_is_put_back_takes_nothing_back() -> None:
    hand = HandWound()
    clock = hand.clock()
    before = clock.now()
    hand.passes(60)
    hand.wall -= 2 * 3600
    after = clock.now()
    assert after.since(before) == pytest.approx(60)
    assert clock.jumps == 1


def test_a_time_that_somebody_set_by_hand_is_no_longer_trusted() -> None:
    hand = HandWound()
    clock = hand.clock()
    assert clock.now().trusted
    hand.passes(1)
    hand.wall += 3600
    hand.synced = False  # as the kernel does on settimeofday
    assert not clock.now().trusted
    hand.passes(DAY)
    assert not clock.now().trusted


def test_without_the_network_a_right_clock_stays_right_for_a_week() -> None:
    hand = HandWound()
    clock = hand.clock()
    clock.now()
    hand.synced = False
    hand.passes(HOLDOVER_S - 60)
    assert clock.now().trusted
    assert clock.quality == "holdover"
    hand.passes(120)
    assert not clock.now().trusted


def test_a_little_drift_is_no_jump() -> None:
    hand = HandWound()
    clock = hand.clock()
    clock.now()
    for _ in range(100):
        hand.ticks += 600
        hand.wall += 600.03
        assert clock.now().trusted
    assert clock.jumps == 0


def test_whether_it_is_synchronised_is_asked_every_ten_seconds_not_every_time() -> None:
    hand = HandWound()
    clock = hand.clock()
    for _ in range(100):
        clock.now()
        hand.passes(LOOK_S / 10)
    assert hand.asked == 10


def test_a_machine_with_a_clock_battery_may_be_trusted_without_a_network() -> None:
    hand = HandWound(synced=False)
    assert SystemClock(trust="always", machine=hand.machine()).now().trusted
    assert not hand.clock().now().trusted


def test_daylight_saving_and_a_wrong_zone_change_no_duration() -> None:
    """On 25 October 2026 at 01:00 UTC Berlin goes from summer to winter time."""
    hand = HandWound(wall=1_792_888_200.0)  # 00:30 UTC
    clock = hand.clock()
    before = clock.now()
    hand.passes(3600)
    after = clock.now()
    berlin, shanghai = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
    assert [before.local(berlin).hour, after.local(berlin).hour] == [2, 2]
    assert after.since(before) == pytest.approx(3600)
    assert [before.local(shanghai).hour, after.local(shanghai).hour] == [8, 9]


async def test_sleeping_waits() -> None:
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(0.01)
    assert clock.now().since(before) >= 0.01


# ---------------------------------------------------------------- restarts


def test_a_restart_in_the_same_boot_goes_on_exactly() -> None:
    hand = HandWound()
    first = hand.clock()
    hand.passes(100)
    anchor = first.anchor()
    hand.passes(7)
    second = hand.clock(anchor)
    assert second.now().line == pytest.approx(anchor.line + 7)


def test_a_restart_in_the_same_boot_is_exact_though_the_wall_was_set_meanwhile() -> None:
    hand = HandWound()
    anchor = hand.clock().anchor()
    hand.passes(7)
    hand.wall += 5 * DAY
    assert hand.clock(anchor).now().line == pytest.approx(anchor.line + 7)


def test_a_restart_without_the_network_in_the_same_boot_keeps_its_trust() -> None:
    hand = HandWound()
    anchor = hand.clock().anchor()
    hand.synced = False
    hand.passes(60)
    clock = hand.clock(anchor)
    assert clock.now().trusted
    assert clock.quality == "holdover"


def test_after_a_power_cut_the_time_off_counts_if_the_clock_is_right_at_once() -> None:
    hand = HandWound()
    anchor = hand.clock().anchor()
    hand.power_cut(off=8 * 3600, synced=True)
    clock = hand.clock(anchor)
    assert clock.now().line == pytest.approx(anchor.line + 8 * 3600)
    assert clock.downtime_s == pytest.approx(8 * 3600)


def test_after_a_power_cut_without_a_clock_the_time_off_counts_once_it_is_known() -> None:
    hand = HandWound()
    anchor = hand.clock().anchor()
    hand.power_cut(off=0, wall=40.0)
    clock = hand.clock(anchor)
    assert clock.now().line == pytest.approx(anchor.line)
    hand.passes(600)
    assert clock.now().line == pytest.approx(anchor.line + 600)
    hand.wall, hand.synced = EVENING + 8 * 3600, True
    assert clock.now().line == pytest.approx(anchor.line + 8 * 3600)
    assert clock.downtime_s == pytest.approx(8 * 3600 - 600)
    hand.passes(60)
    assert clock.now().line == pytest.approx(anchor.line + 8 * 3600 + 60), "counted once"


def test_two_power_cuts_before_the_network_returns_are_both_made_up_for() -> None:
    hand = HandWound()
    anchor = hand.clock().anchor()
    hand.power_cut(off=0, wall=40.0)
    between = hand.clock(anchor)
    hand.passes(300)
    second = between.anchor()
    assert not second.trusted
    hand.power_cut(off=0, wall=40.0)
    hand.wall, hand.synced = EVENING + DAY, True
    clock = hand.clock(decode_anchor(encode_anchor(second)))
    assert clock.now().line == pytest.approx(anchor.line + DAY)


def test_a_clock_that_woke_too_early_takes_nothing_back() -> None:
    hand = HandWound()
    anchor = hand.clock().anchor()
    hand.power_cut(off=-3 * DAY, synced=True)
    assert hand.clock(anchor).now().line == pytest.approx(anchor.line)


def test_a_date_far_in_the_future_adds_a_year_at_most() -> None:
    hand = HandWound()
    anchor = hand.clock().anchor()
    hand.power_cut(off=40 * 365 * DAY, synced=True)
    assert hand.clock(anchor).now().line == pytest.approx(anchor.line + LONGEST_DOWNTIME_S)


def test_without_boot_ids_every_start_counts_as_a_boot() -> None:
    hand = HandWound(boot="", synced=False)
    anchor = hand.clock().anchor()
    hand.passes(100)
    assert hand.clock(anchor).now().line == pytest.approx(anchor.line)


EVENTS = st.one_of(
    st.tuples(st.just("passes"), st.floats(0, 1e6)),
    st.tuples(st.just("wall"), st.floats(-3e9, 5e9)),
    st.tuples(st.just("ticks"), st.floats(-1e5, 1e5)),
    st.tuples(st.just("synced"), st.booleans()),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("power cut"), st.floats(-1e6, 1e8)),
)


@given(st.lists(EVENTS, max_size=30))
def test_the_timeline_never_steps_back_whatever_the_clocks_do(
    events: list[tuple[str, float | bool | None]],
) -> None:
    hand = HandWound()
    clock = hand.clock()
    last = clock.now().line
    for what, value in events:
        number = float(value or 0)
        if what == "passes":
            hand.passes(number)
        elif what == "wall":
            hand.wall = number
        elif what == "ticks":
            hand.ticks += number
        elif what == "synced":
            hand.synced = bool(value)
        else:
            anchor = clock.anchor()
            if what == "power cut":
                hand.power_cut(number, synced=hand.synced)
            clock = hand.clock(decode_anchor(encode_anchor(anchor)))
        line = clock.now().line
        assert line >= last
        last = line


# ---------------------------------------------------------------- the anchor on disk


def test_the_anchor_survives_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    assert load_anchor(file) is None
    anchor = HandWound().clock().anchor()
    save_anchor(file, anchor)
    save_anchor(file, anchor)
    assert load_anchor(file) == anchor
    assert [path.name for path in tmp_path.iterdir()] == ["clock.json"]


@pytest.mark.parametrize(
    "saved", [b"", b"{", b'{"line": "x"}', b'{"line": NaN}', b"\xff\xfe", None]
)
def test_a_damaged_anchor_is_none(saved: bytes | None) -> None:
    assert decode_anchor(saved) is None


def test_of_two_anchors_the_later_on_the_timeline_counts() -> None:
    hand = HandWound()
    clock = hand.clock()
    early = clock.anchor()
    hand.passes(1)
    late = clock.anchor()
    assert newest([late, None, early]) == late
    assert newest([None]) is None


# ---------------------------------------------------------------- this machine


def test_this_machine_has_clocks_that_go_forward() -> None:
    machine = this_machine()
    assert machine.boottime() <= machine.boottime()
    assert machine.boot_id == boot_id() != ""
    assert machine.synced(machine.wall()) in (True, False)


def test_a_fresh_mark_of_timesyncd_counts_and_an_old_one_does_not(tmp_path: Path) -> None:
    mark = tmp_path / "synchronized"
    assert not timesyncd_synced(EVENING, mark)
    mark.touch()
    os.utime(mark, (EVENING, EVENING))
    assert timesyncd_synced(EVENING + 60, mark)
    assert not timesyncd_synced(EVENING + 2 * DAY, mark)
    assert not timesyncd_synced(EVENING - 3600, mark)


# ---------------------------------------------------------------- simulated time


class Real:
    """The world's seconds, by hand; begins where the machine is, as a pace file does."""

    def __init__(self) -> None:
        self.seconds = pace.real_seconds()

    def __call__(self) -> float:
        return self.seconds


def test_simulated_time_runs_as_fast_as_it_is_told(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    pace.create(file, wall=EVENING, speed=600, line=50)
    real = Real()
    clock = SimulatedClock(file, real)
    before = clock.now()
    real.seconds += 6
    assert clock.now().since(before) == pytest.approx(3600, abs=1)
    assert clock.now().wall - before.wall == pytest.approx(3600, abs=1)
    assert clock.now().trusted


def test_a_change_of_speed_is_no_step(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    pace.create(file, wall=EVENING, speed=1000)
    clock = SimulatedClock(file)
    lines = [clock.now().line]
    for speed in (1, 5000, 0, 3):
        pace.set_speed(file, speed)
        assert clock.speed == speed
        changed = pace.read(file)
        lines += [changed.line, max(clock.now().line, changed.line)]
    assert lines == sorted(lines)


def test_time_that_stands_still_stands_still(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    pace.create(file, wall=EVENING, speed=0, line=7)
    real = Real()
    clock = SimulatedClock(file, real)
    real.seconds += 1000
    assert clock.now().line == 7


@pytest.mark.parametrize("speed", [-1.0, float("nan"), float("inf")])
def test_time_cannot_be_told_to_run_backwards(tmp_path: Path, speed: float) -> None:
    file = tmp_path / "pace.json"
    with pytest.raises(ValueError, match="no speed"):
        pace.create(file, wall=EVENING, speed=speed)


def test_when_the_pace_is_taken_away_time_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    pace.create(file, wall=EVENING, speed=10)
    real = Real()
    clock = SimulatedClock(file, real)
    before = clock.now()
    file.unlink()
    real.seconds += 6
    assert clock.now().since(before) == pytest.approx(60)


async def test_who_sleeps_through_a_simulated_night_wakes_when_it_is_sped_up(
    tmp_path: Path,
) -> None:
    file = tmp_path / "pace.json"
    pace.create(file, wall=EVENING, speed=1)
    clock = SimulatedClock(file)
    night = asyncio.create_task(clock.sleep(8 * 3600))
    await asyncio.sleep(0.01)
    assert not night.done()
    pace.set_speed(file, 1e6)
    await asyncio.wait_for(night, 10)
    assert clock.now().line >= 8 * 3600


async def test_sleeping_for_no_time_lets_the_others_run(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    pace.create(file, wall=EVENING, speed=0)
    await asyncio.wait_for(SimulatedClock(file).sleep(0), 10)


def test_the_anchor_of_a_simulated_clock_is_its_present(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    pace.create(file, wall=EVENING, speed=0, line=9)
    anchor = SimulatedClock(file).anchor()
    assert (anchor.line, anchor.wall, anchor.trusted) == (9, EVENING, True)


OTHER = """
import json, sys
from pathlib import Path
from gateway.clock import SimulatedClock
from gateway.clock.pace import real_seconds
clock = SimulatedClock(Path(sys.argv[1]))
before = real_seconds()
line = clock.now().line
print(json.dumps([before, line, real_seconds()]))
"""


def test_two_processes_agree_on_the_simulated_time(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    pace.create(file, wall=EVENING, speed=3600)
    told = subprocess.run(
        [sys.executable, "-c", OTHER, str(file)], capture_output=True, check=True, text=True
    )
    before, line, after = json.loads(told.stdout)
    ours = pace.read(file)
    assert ours.at(before).line <= line <= ours.at(after).line
