"""BLE devices in a plan: what is refused, and which adapter hears them."""

from __future__ import annotations

import pytest

from gateway.home import PlanError
from gateway.plan.file import load
from gateway.records import Driver, Enrolled, Frame, Reading


def _decode(frame: Frame, enrolled: Enrolled) -> list[Reading]:
    return []


DRIVERS = {
    "beacon": Driver(name="beacon", transport="ble", title="", decode=_decode),
    "meter": Driver(name="meter", transport="zigbee", title="", decode=_decode),
}
HOME = '[hub]\ntenant = "street-1"\nid = "hub-1"\n'
BUTTON = '[[device]]\nid = "b"\ndriver = "beacon"\nkind = "call_button"\naddress = "{}"\n'
SOUND = BUTTON.format("a4:c1:38:8d:18:b2")
TWO = '[[adapter]]\nname = "hci0"\n[[adapter]]\nname = "hci1"\nsilent_s = 300\n'


def keys(text: str) -> list[str]:
    with pytest.raises(PlanError) as caught:
        load(HOME + text, DRIVERS)
    return [mistake.key for mistake in caught.value.mistakes]


def test_a_plan_with_a_ble_button_and_no_adapter_means_the_one_adapter() -> None:
    home = load(HOME + SOUND, DRIVERS)
    assert [(adapter.name, adapter.silent_s) for adapter in home.adapters] == [("hci0", 45.0)]
    assert home.devices[0].port == "hci0"
    assert home.devices[0].address == "A4:C1:38:8D:18:B2"


def test_a_plan_without_ble_devices_has_no_adapter() -> None:
    assert load(HOME, DRIVERS).adapters == ()


def test_with_two_adapters_a_device_says_which_one_hears_it() -> None:
    assert keys(TWO + SOUND) == ["device[1].port"]
    home = load(HOME + TWO + SOUND + 'port = "hci1"\n', DRIVERS)
    assert home.devices[0].port == "hci1"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (BUTTON.format("button-1"), "device[1].address"),
        (BUTTON.format("A4C1388D18B2"), "device[1].address"),
        (SOUND + 'port = "hci7"\n', "device[1].port"),
        (SOUND + "poll_s = 1\n", "device[1].poll_s"),
        (SOUND.replace("beacon", "meter") + 'port = "hci0"\n', "device[1].port"),
        (TWO.replace("hci1", "hci0"), "adapter[2].name"),
        ('[[adapter]]\nname = "ttyUSB0"\n', "adapter[1].name"),
        ("[[adapter]]\nsilent_s = 5\n", "adapter[1].silent_s"),
    ],
)
def test_what_cannot_work_is_refused_under_its_key(text: str, key: str) -> None:
    assert keys(text) == [key]
