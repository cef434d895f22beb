"""An adapter that nothing else wakes is reset on USB, where it is on USB."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.radio.usb import reset


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    """As the kernel lays it out: hci0 on a USB dongle, hci1 on the board's UART."""
    dongle = tmp_path / "devices" / "usb1" / "1-1"
    (dongle / "1-1:1.0" / "bluetooth" / "hci0").mkdir(parents=True)
    (dongle / "busnum").write_text("1\n")
    (dongle / "devnum").write_text("42\n")
    (tmp_path / "devices" / "serial0" / "bluetooth" / "hci1").mkdir(parents=True)
    names = tmp_path / "class" / "bluetooth"
    for name, device in (("hci0", dongle / "1-1:1.0"), ("hci1", tmp_path / "devices" / "serial0")):
        (names / name).mkdir(parents=True)
        (names / name / "device").symlink_to(device)
    return tmp_path


def test_the_dongle_is_reset_by_the_number_it_has_now(sys: Path) -> None:
    done: list[str] = []
    assert reset("hci0", str(sys), done.append)
    assert done == ["/dev/bus/usb/001/042"]


@pytest.mark.parametrize("name", ["hci1", "hci7"])
def test_what_is_soldered_in_or_gone_is_left_alone(sys: Path, name: str) -> None:
    done: list[str] = []
    assert not reset(name, str(sys), done.append)
    assert done == []


def test_without_the_right_to_do_so_it_says_so(sys: Path) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(path)

    with pytest.raises(PermissionError):
        reset("hci0", str(sys), refuse)
