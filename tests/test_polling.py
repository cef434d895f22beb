"""Whom the owner of a bus asks next, and how often; time is an argument here."""

from __future__ import annotations

from drivers import load
from gateway.radio.polling import RAREST_S, SHARE, SHORTEST_S, Asked, Schedule, group, pace
from gateway.records import Device, DeviceKind

DRIVERS = load()
FOREVER = 1e9


def device(name: str, driver: str, address: str, kind: DeviceKind, poll_s: float) -> Device:
    return Device(name, driver, address, kind, port="bus", poll_s=poll_s)


def meter(poll_s: float = 600.0) -> Device:
    return device("water", "cjt188", "12345678", DeviceKind.WATER_METER, poll_s)


def button(number: int = 1, poll_s: float = 0.25) -> Device:
    return device(f"in{number}", "modbus_inputs", f"3/{number}", DeviceKind.CALL_BUTTON, poll_s)


def gas(poll_s: float = 1.0) -> Device:
    return device("gas", "modbus_gas", "1", DeviceKind.GAS_ALARM, poll_s)


def schedule(*devices: Device) -> tuple[Schedule, dict[str, Asked]]:
    conversations = group(devices, DRIVERS)
    made = Schedule(conversations)
    made.restart(0.0)
    return made, {asked.name: asked for asked in conversations}


def times_asked(made: Schedule, until: float, silent: frozenset[str] = frozenset()) -> list[str]:
    """Runs the schedule on a clock that is as fast as the world; a poll takes 0.05 s, a time-out
    0.3 s."""
    now, asked_for = 0.0, []
    while now < until:
        asked = made.next(now, now)
        if asked is None:
            now += sum(made.pause(now, now)) + 1e-6
            continue
        asked_for.append(asked.name)
        if asked.name in silent:
            now += 0.3
            made.missed(asked, now, now, 0.3)
        else:
            now += 0.05
            made.answered(asked, now, now)
    return asked_for


def test_emergencies_are_asked_before_meters_that_are_due_too() -> None:
    made, _ = schedule(meter(), gas(), button())
    assert times_asked(made, 0.14)[-1] == "water"


def test_everybody_keeps_the_pace_of_the_plan() -> None:
    asked = times_asked(schedule(button(), gas(), meter(10.0))[0], 60.0)
    assert 236 <= asked.count("in1") <= 241
    assert 58 <= asked.count("gas") <= 61
    assert asked.count("water") == 6


def test_a_bus_that_is_too_busy_starves_nobody() -> None:
    made, _ = schedule(button(1, 0.05), gas(0.05), meter(10.0))
    assert times_asked(made, 60.0).count("water") >= 3


def test_a_dead_meter_is_asked_ever_more_rarely() -> None:
    made, _ = schedule(button(), meter(10.0))
    asked = times_asked(made, 600.0, silent=frozenset({"water"}))
    assert 9 <= asked.count("water") <= 14
    assert asked.count("in1") > 2300


def test_a_dead_gas_alarm_is_asked_at_its_pace_and_the_buttons_keep_theirs() -> None:
    made, _ = schedule(button(), gas())
    asked = times_asked(made, 60.0, silent=frozenset({"gas"}))
    assert asked.count("gas") >= 60 / (1.0 + SHARE * 0.3)
    assert asked.count("in1") >= 170


def test_a_damaged_answer_of_a_slow_meter_is_asked_for_again_soon() -> None:
    made, by_name = schedule(meter(600.0))
    made.missed(by_name["water"], 1.0, 1.0, 1.0)
    assert made.next(5.9, FOREVER) is None
    assert made.next(6.1, FOREVER) is by_name["water"]


def test_a_silent_meter_is_still_asked_every_minute() -> None:
    made, by_name = schedule(meter(10.0))
    for _ in range(50):
        made.missed(by_name["water"], 100.0, 0.0, 1.0)
    assert by_name["water"].due == 100.0 + RAREST_S


def test_however_fast_the_clock_nobody_is_asked_more_often_than_twenty_times_a_second() -> None:
    made, by_name = schedule(button())
    made.answered(by_name["in1"], line=1000.0, real=1.0)
    assert made.next(FOREVER, 1.0 + SHORTEST_S - 0.001) is None
    assert made.pause(FOREVER, 1.0)[1] > 0
    assert made.next(FOREVER, 1.0 + SHORTEST_S) is by_name["in1"]


def test_inputs_of_one_module_share_a_poll_and_other_slaves_do_not() -> None:
    other = device("porch", "modbus_inputs", "4/1", DeviceKind.MOTION, 1.0)
    _, by_name = schedule(button(1, 1.0), button(8, 0.25), other, gas())
    assert [d.id for d in by_name["in1"].devices] == ["in1", "in8"]
    assert by_name["in1"].period == 0.25
    assert set(by_name) == {"in1", "porch", "gas"}


def test_a_device_without_a_pace_has_that_of_its_kind() -> None:
    assert pace(button(poll_s=0.0)) == 0.25
    assert pace(gas(poll_s=0.0)) == 1.0
    assert pace(meter(poll_s=0.0)) == 60.0


def test_a_port_with_nobody_to_ask_rests() -> None:
    made, _ = schedule()
    assert made.next(0.0, 0.0) is None
    assert made.pause(0.0, 0.0)[0] > 0
