"""The doctor: what it finds on a well and on an ill machine, and what it says to do."""

from __future__ import annotations

import fcntl
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.clock import Machine, SystemClock
from gateway.doctor import checks, disk, links, machine
from gateway.doctor.certificate import NoCertificate, validity
from gateway.doctor.check import Check
from gateway.home import ClockSettings, Home, Hub, Port, UplinkSettings, WebSettings
from gateway.records import Device, DeviceKind
from tests.brokers import Authority, Mosquitto, free_port, hub_of, mosquitto

EVENING = 1_790_000_000.0
HUB = Hub(tenant="street-1", id="hub-1")


def home(**more: object) -> Home:
    return Home(**({"hub": HUB} | more))  # type: ignore[arg-type]


def by_name(found: Iterator[Check]) -> dict[str, Check]:
    return {check.name: check for check in found}


def is_well(check: Check) -> bool:
    return check.ok == "ok" and check.remedy == ""


# ---------------------------------------------------------------- the machine


def test_a_python_that_is_too_old_or_untested_is_told() -> None:
    assert is_well(machine.python((3, 12)))
    assert machine.python((3, 10)).ok == "fail"
    assert machine.python((3, 99)).ok == "warn"


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("MemTotal: 1 kB\nMemAvailable:  300000 kB", "ok"),
        ("MemAvailable: 60000 kB", "warn"),
        ("", "warn"),
        ("MemAvailable: lots", "warn"),
    ],
)
def test_a_machine_without_memory_to_spare_is_told(tmp_path: Path, text: str, ok: str) -> None:
    (tmp_path / "meminfo").write_text(text)
    assert machine.memory(tmp_path / "meminfo").ok == ok


def clock(synced: bool) -> SystemClock:
    return SystemClock(machine=Machine(lambda: 5.0, lambda: EVENING, lambda wall: synced, "boot"))


def zone_link(folder: Path, zone: str) -> Path:
    link = folder / "localtime"
    link.symlink_to(f"/usr/share/zoneinfo/{zone}")
    return link


def test_a_synchronised_clock_in_the_homes_zone_is_well(tmp_path: Path) -> None:
    (tmp_path / "rtc" / "rtc0").mkdir(parents=True)
    here = msgspec.structs.replace(HUB, timezone="Etc/UTC" if time.timezone == 0 else "Etc/GMT-1")
    found = by_name(
        machine.clock(home(hub=here), clock(True), tmp_path / "rtc", zone_link(tmp_path, "Etc/UTC"))
    )
    assert is_well(found["clock"])
    assert "2026-09-21" in found["clock"].found
    assert is_well(found["clock battery"])
    assert found["time zone"].ok == ("ok" if time.localtime(EVENING).tm_gmtoff == 0 else "warn")


def test_a_clock_that_nobody_vouches_for_is_told_with_what_to_do(tmp_path: Path) -> None:
    far = home(hub=msgspec.structs.replace(HUB, timezone="Pacific/Kiritimati"))
    link = zone_link(tmp_path, "Europe/Berlin")
    found = by_name(machine.clock(far, clock(False), tmp_path / "none", link))
    assert {name: check.ok for name, check in found.items()} == {
        "clock": "warn",
        "clock battery": "warn",
        "time zone": "warn",
    }
    assert "timedatectl set-timezone Pacific/Kiritimati" in found["time zone"].remedy


def test_a_simulated_clock_needs_its_file(tmp_path: Path) -> None:
    simulated = home(clock=ClockSettings(source="simulated", file=str(tmp_path / "pace.json")))
    assert [check.ok for check in machine.clock(simulated)] == ["fail"]
    (tmp_path / "pace.json").touch()
    assert [check.ok for check in machine.clock(simulated)] == ["ok"]


# ---------------------------------------------------------------- the disk


def test_a_directory_on_a_sound_disk_is_well_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw,noatime 0 0\n")
    data = tmp_path / "data"
    data.mkdir()
    found = by_name(disk.directory(data, mounts))
    assert is_well(found["data directory"])
    assert found["file system"].found == "ext4 at /"
    assert found["durable write"].ok in ("ok", "warn")
    assert list(data.iterdir()) == []


def test_a_directory_that_is_not_there_is_told_with_the_command_that_makes_it(
    tmp_path: Path,
) -> None:
    (check,) = disk.directory(tmp_path / "none")
    assert (check.ok, "mkdir -p" in check.remedy) == ("fail", True)


@pytest.mark.parametrize(
    ("mount", "ok", "word"),
    [
        ("tmpfs {} tmpfs rw,noatime 0 0", "warn", "power cut"),
        ("//nas/x {} cifs rw,noatime 0 0", "warn", "no promises"),
        ("/dev/mmcblk0p2 {} ext4 rw 0 0", "warn", "noatime"),
        ("/dev/mmcblk0p2 {} ext4 rw,relatime 0 0", "ok", "ext4"),
        ("broken", "warn", "unknown"),
    ],
)
def test_a_medium_that_forgets_or_wears_out_is_told(
    tmp_path: Path, mount: str, ok: str, word: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(mount.format(tmp_path) + "\n")
    found = by_name(disk.directory(tmp_path, mounts))["file system"]
    assert (found.ok, word in found.found) == (ok, True)


def test_slow_writes_are_told() -> None:
    assert is_well(disk._judged(0.01, 0.03))
    assert disk._judged(0.01, 0.3).ok == "warn"
    assert disk._judged(1.2, 2).ok == "fail"


OUTBOX = """
import sys
from pathlib import Path
from gateway.clock import SystemClock
from gateway.outbox import Outbox
outbox = Outbox.open(Path(sys.argv[1]), SystemClock())
print("open", flush=True)
sys.stdin.readline()
if sys.argv[2] == "close":
    outbox.close()
"""


class RunningHub:
    """Another process that has the outbox open."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OUTBOX, str(path), "close"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"open\n"

    def stop(self) -> None:
        self._process.communicate(b"\n", timeout=10)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=10)


def test_the_outbox_of_a_running_hub_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    assert is_well(disk.outbox(path))
    hub = RunningHub(path)
    assert disk.outbox(path).found == "held by the running hub"
    hub.stop()
    assert disk.outbox(path).found.startswith("sound")


def test_looking_at_the_outbox_of_a_killed_hub_changes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    RunningHub(path).kill()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert disk.outbox(path).found.startswith("sound")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_damaged_outbox_is_told(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    check = disk.outbox(path)
    assert (check.ok, "sets it aside" in check.remedy) == ("fail", True)


# ---------------------------------------------------------------- ports, drivers, page, systemd


@pytest.fixture
def wire() -> Iterator[str]:
    ours, theirs = pty.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_a_port_that_can_be_opened_is_well(wire: str) -> None:
    assert is_well(links.port(Port(name="bus", device=wire), running=False))


def test_a_port_that_is_not_there_is_told_with_what_is() -> None:
    check = links.port(Port(name="bus", device="/dev/serial/by-id/none"), running=False)
    assert (check.ok, "is not there" in check.found) == ("fail", True)
    assert check.remedy


def test_a_port_held_by_another_program_is_told_and_one_held_by_the_hub_is_well(wire: str) -> None:
    bus = Port(name="bus", device=wire)
    with open(wire, "rb", buffering=0) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert "another program holds" in links.port(bus, running=False).found
        assert is_well(links.port(bus, running=True))
    assert links.port(bus, running=True).ok == "warn", "the hub runs but has it not"


def test_a_driver_that_is_not_installed_is_told() -> None:
    devices = [
        Device("a", "dlt645_2007", "1", DeviceKind.ELECTRICITY_METER),
        Device("b", "nobody", "2", DeviceKind.PLUG),
    ]
    found = by_name(links.device_drivers(home(devices=tuple(devices))))
    assert is_well(found["driver dlt645_2007"])
    assert found["driver nobody"].ok == "fail"


def test_the_pages_address_is_free_or_taken_by_the_hub_or_by_somebody_else() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        web = WebSettings(listen=f"127.0.0.1:{other.getsockname()[1]}")
        other.listen()
        assert links.page(web, running=False).ok == "fail"
        assert is_well(links.page(web, running=True))
    assert is_well(links.page(web, running=False))
    assert links.page(WebSettings(listen="203.0.113.1:80"), running=True).ok == "fail"


def test_a_socket_of_systemd_that_is_none_is_told(tmp_path: Path) -> None:
    assert is_well(links.systemd(""))
    assert is_well(links.systemd("@abstract"))
    assert links.systemd(str(tmp_path / "none")).ok == "fail"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        assert is_well(links.systemd(str(tmp_path / "notify")))


# ---------------------------------------------------------------- platforms


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("doctor")) as running:
        yield running


@pytest.mark.needs("mosquitto")
def test_a_platform_that_lets_the_hub_in_is_well(broker: Mosquitto) -> None:
    settings = broker.settings("street-1/hub-1")
    found = by_name(links.uplink(settings, hub_of("street-1/hub-1"), running=False))
    assert found["uplink street, own certificate"].found.startswith("valid until")
    assert "TLSv1.3" in found["uplink street"].found
    assert found["uplink street, login"].found == "accepted, MQTT 5"


@pytest.mark.needs("mosquitto")
def test_the_doctor_does_not_log_in_where_the_hub_is(broker: Mosquitto) -> None:
    settings = broker.settings("street-1/hub-1")
    found = by_name(links.uplink(settings, hub_of("street-1/hub-1"), running=True))
    assert "left to the running hub" in found["uplink street, login"].found


@pytest.mark.needs("mosquitto")
def test_a_hub_that_the_broker_does_not_know_is_told(broker: Mosquitto, tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path, "stranger").issue("street-1/hub-1")
    settings = broker.settings("street-1/hub-1", certificate=str(certificate), key=str(key))
    found = list(links.uplink(settings, HUB, running=False))
    assert found[-1].ok == "fail"
    assert found[-1].remedy


@pytest.mark.needs("mosquitto")
def test_a_broker_of_another_authority_is_told(broker: Mosquitto, tmp_path: Path) -> None:
    settings = broker.settings("street-1/hub-1", ca=str(Authority(tmp_path, "other").ca))
    found = list(links.uplink(settings, HUB, running=False))
    assert (found[-1].ok, "authority" in found[-1].found) == ("fail", True)


def test_nothing_at_the_address_is_told() -> None:
    silent = UplinkSettings(name="a", host="127.0.0.1", port=free_port(), tls=False)
    (check,) = links.uplink(silent, HUB, running=False)
    assert (check.ok, "nothing listens" in check.found) == ("fail", True)


def test_a_certificates_days_are_read_and_judged(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("street-1/hub-1")
    begin, end = validity(certificate)
    assert begin < datetime.now(UTC) < end

    def judged(moment: datetime) -> str:
        return links._certificate("own", certificate, moment.timestamp()).ok

    assert judged(begin - timedelta(days=1)) == "fail"
    assert judged(end - timedelta(hours=1)) == "warn"
    assert judged(end + timedelta(seconds=1)) == "fail"
    assert links._certificate("own", tmp_path / "none").ok == "fail"
    assert links._certificate("own", key).ok == "fail"


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_a_damaged_certificate_is_none(tmp_path: Path, cut: int) -> None:
    certificate, _ = Authority(tmp_path).issue("street-1/hub-1")
    text = certificate.read_text()
    broken = tmp_path / "broken.crt"
    broken.write_text(text[:cut] + text[cut + 1 + cut % 5 * 4 :])
    try:
        begin, end = validity(broken)
    except NoCertificate:
        return
    assert (begin.tzinfo, end.tzinfo) == (UTC, UTC), "damaged elsewhere"


# ---------------------------------------------------------------- all of it


def test_the_whole_examination_names_everything_once_and_has_a_remedy_for_all_that_is_not_well(
    tmp_path: Path, wire: str
) -> None:
    plan = home(
        hub=Hub(tenant="street-1", id="hub-1", data=str(tmp_path)),
        ports=(Port(name="bus", device=wire), Port(name="gone", device="/dev/none")),
        devices=(Device("a", "dlt645_2007", "1", DeviceKind.ELECTRICITY_METER, port="bus"),),
        web=WebSettings(listen=f"127.0.0.1:{free_port()}"),
        uplinks=(UplinkSettings(name="a", host="127.0.0.1", port=free_port(), tls=False),),
    )
    found = list(checks(plan))
    names = [check.name for check in found]
    assert len(names) == len(set(names))
    assert {"python", "clock", "outbox", "port bus", "port gone", "page", "uplink a"} <= set(names)
    assert all(bool(check.remedy) == (check.ok != "ok") for check in found)
    assert {check.name for check in found if check.ok == "fail"} == {"port gone", "uplink a"}
