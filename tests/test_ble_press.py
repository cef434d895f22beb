"""From an advertisement to an alert: one press of a BLE button is one call for help."""

from __future__ import annotations

from Crypto.Cipher import AES

import drivers
from gateway.alerts import AlertBook
from gateway.detect.pressed import Pressed
from gateway.pipeline import Pipeline
from gateway.records import AlertType, Device, DeviceKind, Frame
from gateway.rules import SosRules
from tests.fakes import at, numbered

PLAIN = Device("plain", "bthome", "A4:C1:38:8D:18:B2", DeviceKind.CALL_BUTTON, port="hci0")
KEY = "231d39c1d7cc1ab1aee224cd096db932"
SEALED = Device(
    "sealed", "bthome", "54:48:E6:8F:80:A5", DeviceKind.CALL_BUTTON, options={"key": KEY}
)
DEVICES = (PLAIN, SEALED)


def hub() -> Pipeline:
    loaded = drivers.load(["bthome", "mibeacon"])
    return Pipeline(DEVICES, loaded, [Pressed(SosRules(), DEVICES)], AlertBook(numbered()))


def restarted(pipe: Pipeline) -> Pipeline:
    again = hub()
    assert again.restore(pipe.snapshot()) == []
    return again


def plain(number: int, seconds: float, fresh: bool = True) -> Frame:
    payload = bytes([0x44, 0x00, number, 0x01, 94, 0x3A, 0x01])
    return Frame("bthome", "hci0", payload, at(seconds), PLAIN.address, -60.0, fresh)


def sealed(counter: int, seconds: float, key: str = KEY) -> Frame:
    head, count = b"\x41", counter.to_bytes(4, "little")
    nonce = bytes.fromhex(SEALED.address.replace(":", "")) + b"\xd2\xfc" + head + count
    cipher = AES.new(bytes.fromhex(key), AES.MODE_CCM, nonce=nonce, mac_len=4)
    text, mic = cipher.encrypt_and_digest(b"\x01\x5e\x3a\x01")
    payload = head + text + count + mic
    return Frame("bthome", "hci0", payload, at(seconds), SEALED.address)


def calls(pipe: Pipeline, *frames: Frame) -> list[int]:
    """The presses of the call for help after each frame that changed it."""
    changed = [alert for frame in frames for alert in pipe.on_frame(frame).alerts]
    assert {alert.type for alert in changed} <= {AlertType.SOS_PRESSED}
    return [alert.presses for alert in changed]


def test_a_burst_is_one_press_and_so_is_its_echo_hours_later_or_after_a_restart() -> None:
    pipe = hub()
    burst = [plain(7, seconds / 10) for seconds in range(20)]
    assert len(calls(pipe, *burst)) == 1
    assert calls(pipe, plain(7, 9000)) == []
    assert calls(restarted(pipe), plain(7, 9001), plain(7, 9002, fresh=False)) == []


def test_a_second_press_a_fifth_of_a_second_later_is_a_second_press() -> None:
    assert calls(hub(), plain(7, 0), plain(8, 0.2), plain(9, 0.4)) == [1, 2, 3]


def test_a_hub_that_never_heard_the_button_believes_no_memory_but_the_next_press() -> None:
    pipe = hub()
    assert calls(pipe, plain(7, 0, fresh=False), plain(7, 1), plain(8, 60)) == [1]


def test_a_recorded_press_played_again_calls_nobody_and_is_counted() -> None:
    pipe = hub()
    recorded = sealed(500, 0)
    assert len(calls(pipe, recorded, sealed(501, 60))) == 2
    later = [Frame(**{name: getattr(recorded, name) for name in recorded.__struct_fields__})]
    for again in (pipe, restarted(pipe)):
        assert calls(again, *later, sealed(99, 86400), sealed(0, 86401)) == []
        assert again.rejected == {"bthome: replayed": 3}
    assert len(calls(pipe, sealed(502, 86402))) == 1


def test_damage_and_wrong_keys_are_counted_and_the_next_good_press_is_heard() -> None:
    pipe = hub()
    good = sealed(7, 3)
    cut = Frame("bthome", "hci0", good.payload[:-1], at(1), SEALED.address)
    forged = Frame("bthome", "hci0", bytes.fromhex("44000a3a01"), at(2), SEALED.address)
    assert calls(pipe, cut, forged, sealed(6, 2, "00" * 16)) == []
    assert pipe.rejected == {"bthome: integrity": 2, "bthome: plain": 1}
    assert len(calls(pipe, good)) == 1


def test_the_other_button_has_its_own_numbers() -> None:
    pipe = hub()
    assert len(calls(pipe, sealed(7, 0), plain(7, 60))) == 2
    assert pipe.rejected == {}
