"""One sentence says why, in Chinese and in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway import words
from gateway.detect.inactivity import Inactivity
from gateway.detect.power_no_use import PowerNoUse
from gateway.detect.presence import Presence
from gateway.records import (
    HUB,
    Alert,
    AlertType,
    Code,
    Condition,
    Device,
    DeviceKind,
    Evidence,
    Fact,
    Finding,
    Instant,
    Outcome,
    Quantity,
    RoomKind,
    Severity,
    Signal,
    State,
)
from gateway.rules import CheckinRules, InactivityRules, PowerRules, PresenceRules, Rules
from gateway.sentences import (
    Language,
    condition_name,
    device_name,
    device_state_name,
    duration,
    outcome_name,
    place_name,
    reasons,
    room_name,
    sentence,
    severity_name,
    state_name,
    title,
)
from tests.household import DEVICES, SHANGHAI, Household, WaterMeter, detectors, local

NOW = local("2026-09-22 23:40")
GAP = Fact(Code.USUAL_LONGEST_GAP_NIGHT, value=22_800.0, unit="s")
RULE = (Fact(Code.RULE, value=1.0), Fact(Code.LIMIT, value=43_200.0, unit="s"))


def finding(
    *observed: Fact, usual: tuple[Fact, ...] = (), against: tuple[Fact, ...] = ()
) -> Finding:
    evidence = Evidence(observed, usual, RULE, against)
    type_ = AlertType.WATER_NO_USE
    return Finding(type_, "bus1", Signal.HOLDS, Severity.S2, NOW, evidence)


def both(
    spoken: Finding, room: RoomKind | None = None, kind: DeviceKind | None = None
) -> list[str]:
    return [sentence(spoken, language, SHANGHAI, room, kind) for language in ("zh", "en")]


def test_no_water_is_said_as_people_say_it() -> None:
    spoken = finding(Fact(Code.NO_WATER, since=local("2026-09-22 21:10")), usual=(GAP,))
    assert both(spoken) == [
        "今日21:10后无用水；平时夜间最长间隔6小时20分",
        "No water since 21:10; the longest usual gap at night is 6 h 20 min",
    ]


@pytest.mark.parametrize(
    ("since", "chinese", "english"),
    [
        ("2026-09-22 00:05", "今日00:05后无用水", "No water since 00:05"),
        ("2026-09-21 21:10", "昨日21:10后无用水", "No water since yesterday 21:10"),
        ("2026-09-19 08:00", "9月19日08:00后无用水", "No water since 19 Sep 08:00"),
        ("2025-12-31 08:00", "2025年12月31日08:00后无用水", "No water since 31 Dec 2025 08:00"),
    ],
)
def test_an_older_moment_says_its_day(since: str, chinese: str, english: str) -> None:
    assert both(finding(Fact(Code.NO_WATER, since=local(since)))) == [chinese, english]


@pytest.mark.parametrize(("then", "now"), [(False, True), (True, False), (False, False)])
def test_without_a_trusted_clock_a_duration_is_said(then: bool, now: bool) -> None:
    since = Instant(NOW.line - 12_720, 77.0, trusted=then)
    spoken = msgspec.structs.replace(
        finding(Fact(Code.NO_WATER, since=since)), at=Instant(NOW.line, NOW.wall, trusted=now)
    )
    assert both(spoken) == ["已3小时32分无用水", "No water for 3 h 32 min"]


def test_an_event_without_a_trusted_clock_was_some_time_ago() -> None:
    pressed = Fact(Code.PRESSED, since=Instant(NOW.line - 180, 5.0, trusted=False))
    assert both(finding(pressed), RoomKind.BEDROOM, DeviceKind.CALL_BUTTON) == [
        "3分钟前卧室呼叫按钮被按下",
        "The call button in the bedroom pressed 3 min ago",
    ]


def test_a_reader_of_tomorrow_reads_yesterday() -> None:
    spoken = finding(Fact(Code.NO_WATER, since=local("2026-09-22 21:10")))
    tomorrow = local("2026-09-23 09:00")
    assert sentence(spoken, "zh", SHANGHAI, now=tomorrow) == "昨日21:10后无用水"
    assert sentence(spoken, "en", SHANGHAI, now=tomorrow) == "No water since yesterday 21:10"


def test_the_time_of_day_is_the_homes() -> None:
    spoken = finding(Fact(Code.NO_WATER, since=local("2026-09-22 21:10")))
    assert sentence(spoken, "en", ZoneInfo("UTC")) == "No water since 13:10"


def test_what_speaks_against_it_comes_last() -> None:
    against = (
        Fact(Code.DOOR_OPENED, since=local("2026-09-22 14:02")),
        Fact(Code.PERHAPS_AWAY),
    )
    spoken = finding(
        Fact(Code.NO_WATER, since=local("2026-09-22 09:10")), usual=(GAP,), against=against
    )
    assert both(spoken) == [
        "今日09:10后无用水；平时夜间最长间隔6小时20分；今日14:02大门打开过，可能已外出",
        "No water since 09:10; the longest usual gap at night is 6 h 20 min; "
        "the front door opened at 14:02, perhaps nobody is at home",
    ]


MOMENT = local("2026-09-22 21:10")


@pytest.mark.parametrize(
    ("facts", "kind", "chinese", "english"),
    [
        (
            (Fact(Code.PRESSED, since=MOMENT),),
            DeviceKind.CALL_BUTTON,
            "今日21:10卧室呼叫按钮被按下",
            "The call button in the bedroom pressed at 21:10",
        ),
        (
            (
                Fact(Code.DETECTOR_ALARM, since=MOMENT),
                Fact(Code.CONCENTRATION, value=23.5, unit="%LEL"),
            ),
            DeviceKind.GAS_ALARM,
            "卧室燃气报警器自今日21:10起报警，燃气浓度23.5%LEL",
            "The gas alarm in the bedroom in alarm since 21:10, gas concentration 23.5 %LEL",
        ),
        (
            (Fact(Code.WATER_USED, value=2.134, unit="m3", since=MOMENT),),
            DeviceKind.WATER_METER,
            "今日21:10后用水2.134立方米",
            "2.134 m³ of water used since 21:10",
        ),
        (
            (Fact(Code.WATER_USED, value=0.012, unit="m3", since=MOMENT),),
            DeviceKind.WATER_METER,
            "今日21:10后用水12升",
            "12 L of water used since 21:10",
        ),
        (
            (Fact(Code.SILENT, since=MOMENT),),
            DeviceKind.MOTION,
            "卧室人体感应器自今日21:10起无信号",
            "The motion sensor in the bedroom silent since 21:10",
        ),
        (
            (
                Fact(Code.BATTERY_LEVEL, value=9.0, unit="%"),
                Fact(Code.BATTERY_DAYS_LEFT, value=12.0, unit="d"),
            ),
            DeviceKind.MOTION,
            "卧室人体感应器电量9%，预计还可用12天",
            "Battery at 9 % (the motion sensor in the bedroom), expected to last 12 days more",
        ),
        (
            (Fact(Code.RADIO_SILENT, since=MOMENT),),
            DeviceKind.HUB,
            "接收端口“bus1”自今日21:10起无信号",
            "Receiver “bus1” hears nothing since 21:10",
        ),
    ],
)
def test_facts_read_well(
    facts: tuple[Fact, ...], kind: DeviceKind, chinese: str, english: str
) -> None:
    assert both(finding(*facts), RoomKind.BEDROOM, kind) == [chinese, english]


def test_an_alert_reads_like_its_finding() -> None:
    spoken = finding(Fact(Code.NO_WATER, since=MOMENT), usual=(GAP,))
    alert = Alert(
        id="01",
        rev=3,
        type=spoken.type,
        cause=spoken.cause,
        severity=spoken.severity,
        state=State.RAISED,
        condition=Condition.PRESENT,
        raised_at=NOW,
        changed_at=NOW,
        evidence=spoken.evidence,
    )
    for language in ("zh", "en"):
        assert sentence(alert, language, SHANGHAI) == sentence(spoken, language, SHANGHAI)


def test_whoever_asks_why_hears_the_rule_too() -> None:
    spoken = finding(Fact(Code.NO_WATER, since=MOMENT), usual=(GAP,))
    assert reasons(spoken.evidence, "zh", SHANGHAI, NOW) == [
        "今日21:10后无用水",
        "平时夜间最长间隔6小时20分",
        "规则第1版",
        "设定界限12小时",
    ]
    assert reasons(spoken.evidence, "en", SHANGHAI, NOW)[3] == "The limit is 12 h"


@pytest.mark.parametrize(
    ("seconds", "chinese", "english"),
    [
        (-3, "0秒", "0 s"),
        (0, "0秒", "0 s"),
        (59.4, "59秒", "59 s"),
        (59.6, "1分钟", "1 min"),
        (45 * 60, "45分钟", "45 min"),
        (3599, "1小时", "1 h"),
        (3660, "1小时1分", "1 h 1 min"),
        (43_200, "12小时", "12 h"),
        (90_000, "25小时", "25 h"),
        (3 * 86_400 + 4 * 3600, "3天4小时", "3 days 4 h"),
        (28 * 86_400, "28天", "28 days"),
    ],
)
def test_durations_are_said_in_two_parts_at_most(
    seconds: float, chinese: str, english: str
) -> None:
    assert (duration(seconds, "zh"), duration(seconds, "en")) == (chinese, english)


@pytest.mark.parametrize(
    ("room", "kind", "chinese", "english"),
    [
        (RoomKind.KITCHEN, DeviceKind.GAS_ALARM, "厨房燃气报警器", "the gas alarm in the kitchen"),
        (RoomKind.BALCONY, DeviceKind.MOTION, "阳台人体感应器", "the motion sensor on the balcony"),
        (RoomKind.OTHER, DeviceKind.BED, "床垫传感器", "the bed sensor"),
        (None, None, "设备", "the device"),
        (RoomKind.HALL, DeviceKind.HUB, "主机", "the hub"),
    ],
)
def test_a_device_is_named_with_its_room(
    room: RoomKind | None, kind: DeviceKind | None, chinese: str, english: str
) -> None:
    assert (place_name(room, kind, "zh"), place_name(room, kind, "en")) == (chinese, english)


# ---------------------------------------------------------------- nothing is left out

HAN = re.compile(r"[\u4e00-\u9fff]")
LEFT_OVER = re.compile(r"[{}_]|None|  ")


def names(language: Language) -> Iterator[tuple[Enum | str, str]]:
    yield from ((t, title(t, language)) for t in AlertType)
    yield from ((r, room_name(r, language)) for r in RoomKind)
    yield from ((d, device_name(d, language)) for d in DeviceKind)
    yield from ((s, state_name(s, language)) for s in State)
    yield from ((c, condition_name(c, language)) for c in Condition)
    yield from ((o, outcome_name(o, language)) for o in Outcome)
    yield from ((s, severity_name(s, language)) for s in Severity)
    yield from ((s, device_state_name(s, language)) for s in ("ok", "late", "lost", "unknown"))


def test_every_name_is_there_in_both_languages() -> None:
    for (_, chinese), (_, english) in zip(names("zh"), names("en"), strict=True):
        assert HAN.search(chinese), english
        assert re.fullmatch(r"[A-Za-z -]+", english), chinese


def test_titles_rooms_and_devices_are_not_confused_with_each_other() -> None:
    for table in (words.TITLES, words.ROOMS, words.DEVICES, words.STATES, words.OUTCOMES):
        for language in (0, 1):
            said = [pair[language] for pair in table.values()]
            assert len(set(said)) == len(said)


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("since", [None, MOMENT, Instant(5, 5, trusted=False)])
def test_every_code_says_something_in_both_languages(code: Code, since: Instant | None) -> None:
    fact = Fact(code, value=7.0, unit="s", since=since)
    chinese, english = both(finding(fact), RoomKind.KITCHEN, DeviceKind.MOTION)
    assert HAN.search(chinese)
    assert not HAN.search(english)
    for text in (chinese, english):
        assert not LEFT_OVER.search(text)
        assert text == text.strip()
    assert english[0] == english[0].upper()


def everything_said() -> list[Finding]:
    """A home in which every rule has something to say."""
    house = Household(local("2026-09-21 21:00"), *detectors(Rules()))
    meter = WaterMeter(house)
    meter.read()
    house.hear("bedside", Quantity.TEST, True)
    house.hear("bedside", Quantity.BUTTON, "press")
    for level in range(30, 8, -1):
        house.hear("living", Quantity.BATTERY, float(level))
        house.pass_time(3 * 86_400, 86_400)
    for quantity in Quantity:
        for device in (*DEVICES, None):
            for value in (True, False, "press", "long_press", "cancel", 5.0, True):
                house.hear(device.id if device else HUB, quantity, value)
                house.hear(device.id if device else HUB, quantity, value, event=str(value))
    for well in (Quantity.RADIO_ALIVE, Quantity.LINK_UP, Quantity.EVALUATOR_OK):
        house.hear(HUB, well, False, channel="radio")
    for well in (Quantity.MAINS_OK, Quantity.STORAGE_OK):
        house.hear(HUB, well, False)
    meter.read()
    meter.run(14, every=900)
    meter.run(26, litres_per_h=200, every=900)
    house.now = Instant(house.now.line, house.now.wall, trusted=False)
    meter.run(7, every=900)
    house.now = Instant(house.now.line, house.now.wall)
    for device in DEVICES:
        house.hear(device.id, Quantity.SEEN)
    return house.said + idle_appliances() + not_returned() + strange_days()


def not_returned() -> list[Finding]:
    house = Household(local("2026-09-22 08:00"), Inactivity(InactivityRules(), DEVICES, SHANGHAI))
    house.hear("door", Quantity.CONTACT_OPEN, True)
    house.hear("door", Quantity.CONTACT_OPEN, False)
    house.pass_time(25 * 3600, 600)
    return house.said


def strange_days() -> list[Finding]:
    """A cold home, then a hot one; a door left open, a night out, a day in bed, a night up."""
    rules = msgspec.structs.replace(Rules(), checkin=CheckinRules(every_days=1))
    bed = Device("bed", "test", "bed", DeviceKind.BED, port="inputs")
    house = Household(
        local("2026-09-21 12:00"), *detectors(rules, devices=(*DEVICES, bed), zone=SHANGHAI)
    )
    for celsius in (12.0, 20.0, 35.0, 20.0):
        house.hear("living", Quantity.TEMPERATURE, celsius)
        house.pass_time(3 * 3600, 600)
    for rate in [140.0] * 12 + [70.0] * 24:
        house.hear("bed", Quantity.HEART_RATE, rate)
        house.hear("bed", Quantity.BREATH_RATE, rate / 4)
        house.pass_time(60)
    for quantity in (Quantity.CONTACT_OPEN, Quantity.BED_OCCUPIED):
        for value in (True, False, True):
            house.hear("door" if quantity is Quantity.CONTACT_OPEN else "bed", quantity, value)
            house.pass_time(1800, 300)
    house.hear("door", Quantity.CONTACT_OPEN, False)
    house.pass_time(60)
    for room, hours in (("bath", 2), ("kitchen", 15), ("living", 30), ("bath", 1)):
        house.hear(room, Quantity.MOTION, True)
        house.pass_time(hours * 3600, 600)
    house.hear("bed", Quantity.BED_OCCUPIED, False)
    house.hear("help", Quantity.BUTTON, "press")
    return house.said


def idle_appliances() -> list[Finding]:
    presence = Presence(PresenceRules(), DEVICES)
    house = Household(local("2026-09-22 08:00"), PowerNoUse(PowerRules(), DEVICES, presence))
    for watts in [60.0] * 800 + [900.0]:
        house.hear("power", Quantity.POWER, watts)
        house.pass_time(60)
    return house.said


def test_everything_that_any_rule_says_can_be_read() -> None:
    said = everything_said()
    silent = {AlertType.TEST_PERIODIC}
    assert {finding.type for finding in said} == set(AlertType) - silent
    texts = set()
    for spoken in {(f.type, f.cause, f.signal, f.evidence): f for f in said}.values():
        for language in ("zh", "en"):
            text = sentence(spoken, language, SHANGHAI, RoomKind.KITCHEN, DeviceKind.MOTION)
            texts.add(text)
            assert text
            assert not LEFT_OVER.search(text.replace("water_no_use", ""))
            assert bool(HAN.search(text)) is (language == "zh")
    assert len(texts) > 40
