"""The plan of one home: what a person writes, and what they are told when it does not fit."""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Generator, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import drivers
from gateway.home import Home, Mistake, PlanError
from gateway.plan.advice import warnings
from gateway.plan.file import load
from gateway.plan.walk import nearest
from gateway.records import Device, DeviceKind, Driver, Enrolled, Frame, Reading, RoomKind

PLANS = Path(__file__).parent / "plans"
EXAMPLE = Path(__file__).parent.parent / "packaging" / "plan.example.toml"


def _decode(frame: Frame, enrolled: Enrolled) -> list[Reading]:
    return []


def _poll(device: Device) -> Generator[bytes, bytes, None]:
    yield b"?"


def _check(device: Device) -> str:
    if not device.address.isdigit():
        return "the address is a number"
    if device.kind is DeviceKind.BED:
        return "a bed is no meter"
    return "" if device.options.get("active", "open") == "open" else 'active is "open"'


DRIVERS = {
    "meter": Driver(
        name="meter", transport="serial", title="", decode=_decode, poll=_poll, check=_check
    ),
    "radar": Driver(name="radar", transport="serial", title="", decode=_decode),
    "beacon": Driver(name="beacon", transport="ble", title="", decode=_decode),
}

SMALL = """
[hub]
tenant = "street-1"
id = "hub-1"
[[room]]
id = "kitchen"
kind = "kitchen"
[[port]]
name = "bus"
device = "/dev/ttyUSB0"
[[device]]
id = "water"
driver = "meter"
kind = "water_meter"
address = "00012"
room = "kitchen"
port = "bus"
"""


def told(text: str) -> tuple[Mistake, ...]:
    with pytest.raises(PlanError) as caught:
        load(text, DRIVERS)
    return caught.value.mistakes


def said(text: str) -> dict[str, str]:
    return {mistake.key: f"{mistake.wrong}; {mistake.remedy}" for mistake in told(text)}


# ---------------------------------------------------------------- a sound plan


def test_a_small_plan_is_enough() -> None:
    home = load(SMALL, DRIVERS)
    water = home.device("water")
    assert water is not None
    assert (water.address, water.kind) == ("00012", DeviceKind.WATER_METER)
    assert home.room_kind("water") is RoomKind.KITCHEN
    assert home.rules.water.no_use_h == 12
    assert home.zone == ZoneInfo("Asia/Shanghai")


def test_what_is_not_in_the_home_is_nowhere() -> None:
    home = load(SMALL, DRIVERS)
    assert home.device("ghost") is None
    assert home.room("attic") is None
    assert home.room_kind("ghost") is RoomKind.OTHER


def test_names_of_drivers_are_enough_to_check_a_plan() -> None:
    assert load(SMALL, ["meter"]) == load(SMALL, DRIVERS)
    with pytest.raises(PlanError, match="did you mean metre"):
        load(SMALL, ["metre"])


def test_whole_numbers_do_where_seconds_are_asked_for() -> None:
    home = load(SMALL + "poll_s = 60\nsilent_s = 300", DRIVERS)
    assert [(device.poll_s, device.silent_s) for device in home.devices] == [(60.0, 300.0)]


def test_a_device_may_have_options_of_its_own() -> None:
    home = load(SMALL + '[device.options]\nactive = "open"\ninput = 3\nvalve = true', DRIVERS)
    assert home.devices[0].options == {"active": "open", "input": 3, "valve": True}


# ---------------------------------------------------------------- mistakes


def test_every_mistake_is_told_at_once_each_with_its_key_and_a_remedy() -> None:
    mistakes = told((PLANS / "many-mistakes.toml").read_text())
    expected = (PLANS / "many-mistakes.expected").read_text()
    assert [str(mistake) for mistake in mistakes] == expected.splitlines()
    assert all(m.key and m.wrong and m.remedy and m.line for m in mistakes)


SYNTAX = [
    ("address = 007", "leading zeros are part of it"),
    ("start = 22:00", 'write the time in quotes: "22:00"'),
    ("tls = True", "true or false, in small letters"),
    ("name = street", "write text in quotes"),
    ("name = “street”", "straight quotes"),
    ('name = "street', "close the quotes"),
    ("just words", "a line is [table]"),
    ("a = 1\na = 2", "it is there twice"),
    ("[hub]\n[hub]", "it is there twice"),
    ("list = [1,", "close what is open there"),
    ("[hub", "plan.example.toml"),
]


@pytest.mark.parametrize(("text", "remedy"), SYNTAX)
def test_a_line_that_is_no_toml_is_one_mistake_with_its_place(text: str, remedy: str) -> None:
    (mistake,) = told("# a plan\n" + text)
    assert remedy in mistake.remedy
    assert mistake.key.startswith(f"line {2 + text.count(chr(10))}")


def test_an_empty_plan_lacks_its_hub_and_says_so() -> None:
    assert said("") == {"hub": "is missing; add it: a table"}


def test_a_misspelt_key_is_not_also_told_as_missing() -> None:
    assert said(SMALL.replace("tenant", "tennant")) == {
        "hub.tennant": "is not a key of a plan; did you mean tenant?"
    }


def test_a_room_that_is_misspelt_in_one_place_still_exists_for_its_devices() -> None:
    assert set(said(SMALL.replace('kind = "kitchen"', 'kind = "kitchn"'))) == {"room[1].kind"}


@pytest.mark.parametrize(
    ("written", "instead", "key", "told_by_driver"),
    [
        ('"00012"', '"x"', "device[1].address", "the address is a number"),
        ("water_meter", "bed", "device[1].kind", "a bed is no meter"),
        ('port = "bus"', 'port = "bus"\noptions.active = 1', "device[1].options", "active is"),
    ],
)
def test_what_a_driver_says_of_its_device_stands_under_the_right_key(
    written: str, instead: str, key: str, told_by_driver: str
) -> None:
    found = said(SMALL.replace(written, instead))
    assert list(found) == [key]
    assert found[key].startswith(told_by_driver)


def test_an_address_without_quotes_is_told_why() -> None:
    found = said(SMALL.replace('"00012"', "12"))
    assert "leading zeros are part of it" in found["device[1].address"]


NOT_FITTING = [
    ('tenant = "a/b"', "hub.tenant"),
    ('tenant = "a+b"', "hub.tenant"),
    ('tenant = "a#b"', "hub.tenant"),
    ('tenant = ""', "hub.tenant"),
    (f'tenant = "{"a" * 32}"', "hub.tenant"),
    ("tenant = 5", "hub.tenant"),
    ("tenant = [1]", "hub.tenant"),
    ("tenant = {x = 1}", "hub.tenant"),
]


@pytest.mark.parametrize(("line", "key"), NOT_FITTING)
def test_a_tenant_that_would_spoil_a_topic_is_refused(line: str, key: str) -> None:
    assert key in said(SMALL.replace('tenant = "street-1"', line))


UPLINK = '[[uplink]]\nname = "a"\nhost = "b.example"\n'
BEACON = '[[device]]\nid = "r"\ndriver = "beacon"\nkind = "plug"\naddress = "A4:C1:38:8D:18:B2"\n'

MORE = [
    ("poll_s = 0.01", "device[1].poll_s"),
    ("poll_s = -1", "device[1].poll_s"),
    ("poll_s = nan", "device[1].poll_s"),
    ("silent_s = -1", "device[1].silent_s"),
    ('[web]\nlisten = "8377"', "web.listen"),
    ('[web]\nlisten = "127.0.0.1:99999"', "web.listen"),
    ('[web]\nlisten = "192.168.1.5:8377"', "web.token"),
    ('[web]\nlisten = "[::]:8377"', "web.token"),
    ('[hub2]\nid = "x"', "hub2"),
    (UPLINK + 'key = "/k.pem"', "uplink[1].certificate"),
    (UPLINK + 'password_file = "/p"', "uplink[1].username"),
    (UPLINK + 'username = "u"\npassword_file = "/p"\ntls = false', "uplink[1].tls"),
    (UPLINK + "port = 70000", "uplink[1].port"),
    (UPLINK.replace("b.example", "b..example"), "uplink[1].host"),
    (UPLINK.replace("b.example", "b.example:8883"), "uplink[1].host"),
    (UPLINK.replace("b.example", "b" * 70), "uplink[1].host"),
    (UPLINK + 'tls = "yes"', "uplink[1].tls"),
    ("rules = 5", "device[1].rules"),
    (BEACON + "room = 3", "device[2].room"),
    ('[[port]]\nname = "bus2"\ndevice = "/dev/ttyUSB0"', "port[2]"),
    ('[[port]]\nname = "bus2"\nusb = "ftdi"', "port[2].usb"),
    ('[clock]\nsource = "simulated"', "clock.file"),
]


@pytest.mark.parametrize(("addition", "key"), MORE)
def test_what_cannot_work_is_refused_under_its_key(addition: str, key: str) -> None:
    assert list(said(f"{SMALL}{addition}\n")) == [key]


def test_a_device_cannot_be_asked_on_a_port_that_only_listens() -> None:
    listening = SMALL.replace('name = "bus"', 'name = "bus"\ndriver = "radar"')
    assert said(listening) == {
        "device[1].port": "port bus only listens for radar; "
        "give it another port, or remove driver from port bus"
    }


def test_a_device_that_speaks_by_itself_needs_a_port_that_listens_for_it() -> None:
    radar = SMALL.replace('driver = "meter"', 'driver = "radar"')
    assert said(radar)["device[1].driver"].endswith('add driver = "radar" to port bus')
    load(radar.replace('name = "bus"', 'name = "bus"\ndriver = "radar"'), DRIVERS)


def test_only_a_radio_device_needs_no_port() -> None:
    assert list(said(SMALL.replace('port = "bus"\n', ""))) == ["device[1].port"]
    on_air = SMALL.replace('port = "bus"\n', "").replace('"meter"', '"beacon"')
    on_air = on_air.replace('"00012"', '"a4:c1:38:8d:18:b2"')
    home = load(on_air, DRIVERS)
    assert (home.devices[0].port, home.devices[0].address) == ("hci0", "A4:C1:38:8D:18:B2")
    assert [adapter.name for adapter in home.adapters] == ["hci0"]


@pytest.mark.parametrize("kind", ["gas_alarm", "smoke_alarm", "co_alarm", "call_button"])
def test_what_an_emergency_depends_on_is_asked_every_second(kind: str) -> None:
    plan = SMALL.replace("water_meter", kind)
    assert list(said(plan + "poll_s = 2")) == ["device[1].poll_s"]
    load(plan + "poll_s = 1", DRIVERS)


def test_thresholds_keep_their_order() -> None:
    assert list(said(SMALL + "[rules.hub]\nlink_down_min = 120")) == ["rules.hub.link_urgent_min"]


@pytest.mark.parametrize("listen", ["127.0.0.1:8377", "localhost:80", "[::1]:8377"])
def test_a_page_that_only_the_hub_itself_can_read_needs_no_token(listen: str) -> None:
    load(f'{SMALL}[web]\nlisten = "{listen}"', DRIVERS)


def test_a_page_for_the_network_is_open_to_who_has_the_token() -> None:
    load(f'{SMALL}[web]\nlisten = "0.0.0.0:8377"\ntoken = "sixteen-letters!"', DRIVERS)


def test_a_table_written_once_where_it_may_repeat_is_told_how() -> None:
    found = said(SMALL.replace("[[room]]", "[room]"))
    assert found == {"room": "is written once; it may repeat: write [[room]] with two brackets"}


# ---------------------------------------------------------------- advice


def test_a_plan_without_a_call_button_is_sound_but_unwise() -> None:
    keys = [(w.key, w.wrong) for w in warnings(load(SMALL, DRIVERS), DRIVERS)]
    assert ("device", "no call button and no pendant") in keys
    assert ("uplink", "no alert leaves this home") in keys
    assert ("contact", "nobody is the first carer") in keys


def test_devices_of_two_speeds_on_one_wire_are_pointed_out() -> None:
    fast = msgspec.structs.replace(
        DRIVERS["meter"],
        name="fast",
        line=msgspec.structs.replace(DRIVERS["meter"].line, baud=2400),
    )
    second = '[[device]]\nid = "b"\ndriver = "fast"\nkind = "plug"\naddress = "2"\nport = "bus"'
    drivers = {**DRIVERS, "fast": fast}
    wrong = [w.wrong for w in warnings(load(SMALL + second, drivers), drivers)]
    assert "its devices speak differently: 2400 8N1 and 9600 8N1" in wrong


def test_a_word_that_resembles_nothing_is_answered_with_the_choice() -> None:
    assert nearest("zzz", ["N", "E"]) == "use one of: N, E"
    assert nearest("zzz", []) == "there is none yet"


# ---------------------------------------------------------------- the example


def test_the_example_is_a_sound_plan_without_warnings() -> None:
    known = drivers.load()
    assert warnings(load(EXAMPLE.read_text(), known), known) == []


def uncommented() -> str:
    """The example with every setting in it that is commented out (`#key`, not `# prose`)."""
    text = EXAMPLE.read_text().replace('#driver = "NAME"', "# driver")
    return re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)


def test_every_setting_that_the_example_leaves_out_works_and_shows_its_default() -> None:
    known = drivers.load()
    home, plain = load(uncommented(), known), load(EXAMPLE.read_text(), known)
    assert home.rules == plain.rules
    assert home.hub == plain.hub
    assert home.uplinks == plain.uplinks
    assert home.clock.source == plain.clock.source


def test_every_key_of_a_plan_is_in_the_example() -> None:
    known = {*_written(tomllib.loads(uncommented()))}
    assert '#driver = "' in EXAMPLE.read_text()
    missing = [key for key in _keys(Home) if key not in known]
    assert missing == [], "add these to packaging/plan.example.toml"


def _keys(kind: type[msgspec.Struct], path: str = "") -> Iterator[str]:
    """hub.tenant, room.id, rules.water.no_use_h ...: all that may be written."""
    for field in msgspec.structs.fields(kind):
        key = f"{path}.{field.encode_name}".strip(".")
        records = [t for t in (field.type, *typing.get_args(field.type)) if isinstance(t, type)]
        record = next((t for t in records if issubclass(t, msgspec.Struct)), None)
        if record is None:
            yield key
        else:
            yield from _keys(record, key)


def _written(table: dict[str, object], path: str = "") -> Iterator[str]:
    for name, value in table.items():
        key = f"{path}.{name}".strip(".")
        yield key
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                yield from _written(entry, key)


# ---------------------------------------------------------------- anything at all

TOML_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-10, 100_000),
        st.sampled_from(["1.5", "inf", "nan", "2026-03-01", "07:00:00"]),
        st.text("abz-/#019 ", max_size=8).map(lambda text: f'"{text}"'),
    ).map(lambda value: str(value).lower() if isinstance(value, bool) else str(value)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda parts: f"[{', '.join(parts)}]"),
        st.dictionaries(st.sampled_from(["id", "kind", "x"]), inner, max_size=2).map(
            lambda table: "{" + ", ".join(f"{k} = {v}" for k, v in table.items()) + "}"
        ),
    ),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(_keys(Home))), TOML_VALUES, max_size=8))
def test_whatever_is_written_gives_a_home_or_mistakes_with_remedies(
    values: dict[str, str],
) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in values.items())
    assert all(mistake.key and mistake.remedy for mistake in _mistakes(text))


def _mistakes(text: str) -> tuple[Mistake, ...]:
    try:
        load(text, DRIVERS)
    except PlanError as error:
        return error.mistakes
    return ()


FOB = """
[[port]]
name = "air"
usb = "0bda:2838"
driver = "rtl433_json"

[[device]]
id = "fob"
driver = "rtl433_json"
kind = "call_button"
address = "EV1527/165280/8"
port = "air"
"""


def test_a_radio_without_assurance_must_be_known_as_one_and_is_never_the_only_call_button() -> None:
    known = drivers.load()
    hub = '[hub]\ntenant = "t"\nid = "h"\n'
    with pytest.raises(PlanError, match=r"low_assurance.*no counter"):
        load(hub + FOB, known)
    with pytest.raises(PlanError, match=r"kind.*nothing else in this home can call for help"):
        load(hub + FOB + "low_assurance = true\n", known)
    wired = """
[[port]]
name = "wire"
device = "/dev/ttyS0"

[[device]]
id = "bedside"
driver = "modbus_inputs"
kind = "call_button"
address = "3/1"
port = "wire"
"""
    home = load(hub + FOB + "low_assurance = true\n" + wired, known)
    assert [device.low_assurance for device in home.devices] == [True, False]


@pytest.mark.parametrize("driver", ["ld2410", "seeed_tinyframe", "seeed_mr60"])
def test_a_radar_has_its_ports_name_as_its_address(driver: str) -> None:
    text = f"""
[hub]
tenant = "t"
id = "h"

[[port]]
name = "ceiling"
device = "/dev/ttyS0"
driver = "{driver}"

[[device]]
id = "radar"
driver = "{driver}"
kind = "radar"
port = "ceiling"
address = """
    known = drivers.load()
    assert load(text + '"ceiling"', known).devices[0].address == "ceiling"
    with pytest.raises(PlanError, match=r"address: the address is its port's name"):
        load(text + '"7"', known)
