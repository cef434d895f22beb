"""What is installed on the hub: the service, its user, its rights; asked of systemd's own tools."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"
SERVICE = PACKAGING / "systemd" / "lamplight.service"
RULES = PACKAGING / "udev" / "60-lamplight.rules"


def settings(section: str) -> dict[str, list[str]]:
    """One section of the unit; a key may stand several times."""
    found: dict[str, list[str]] = defaultdict(list)
    body = SERVICE.read_text().split(f"[{section}]")[1].split("\n[")[0]
    for line in body.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key].append(value)
    return found


def run(*command: str | Path) -> str:
    """What the command prints; it must end well."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def installable(tmp_path: Path) -> Path:
    """The unit as on a hub on which the program is installed."""
    unit = tmp_path / SERVICE.name
    unit.write_text(SERVICE.read_text().replace("/opt/lamplight/bin/lamplight", "/bin/true"))
    return unit


@pytest.mark.needs("systemd")
def test_systemd_understands_every_line_of_the_service(tmp_path: Path) -> None:
    assert run("systemd-analyze", "verify", "--man=no", installable(tmp_path)) == ""


@pytest.mark.needs("systemd")
def test_the_service_is_kept_away_from_what_it_does_not_need(tmp_path: Path) -> None:
    report = run("systemd-analyze", "security", "--offline=true", installable(tmp_path))
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", report)
    assert exposure, report
    assert float(exposure[1]) <= 2.5


def test_the_hub_starts_without_a_network_and_without_a_clock() -> None:
    unit = settings("Unit")
    waits = " ".join(unit["After"] + unit["Wants"] + unit["Requires"] + unit["BindsTo"])
    assert "network" not in waits
    assert "time" not in waits


def test_a_hub_that_fails_or_hangs_is_started_again_for_ever() -> None:
    service = settings("Service")
    assert settings("Unit")["StartLimitIntervalSec"] == ["0"]
    assert service["Restart"] == ["always"]
    assert service["Type"] == ["notify"]
    assert int(service["WatchdogSec"][0]) == 180


def test_an_adapter_plugged_in_after_the_start_may_be_opened() -> None:
    """By number: a driver's name is unknown to the kernel until its first adapter appears."""
    allowed = settings("Service")["DeviceAllow"]
    assert allowed[:4] == [f"char-{major} rw" for major in (188, 166, 204, 4)]


def test_receivers_and_the_pins_of_the_board_may_be_opened_too() -> None:
    """Pins by name: their number is the kernel's choice, and it knows the name from the start."""
    assert settings("Service")["DeviceAllow"][4:] == ["char-189 rw", "char-gpiochip rw"]


def test_the_service_reads_the_plan_that_the_command_line_knows() -> None:
    from gateway.commands.home import INSTALLED

    assert settings("Service")["ExecStart"][0].endswith(f"run --plan {INSTALLED}")


@pytest.mark.needs("systemd")
def test_the_hubs_user_may_open_serial_ports_and_cannot_log_in(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    accounts = PACKAGING / "sysusers.d" / "lamplight.conf"
    run("systemd-sysusers", f"--root={tmp_path}", accounts)
    passwd = (tmp_path / "etc/passwd").read_text()
    groups = (tmp_path / "etc/group").read_text()
    assert re.search(r"^lamplight:.*:/var/lib/lamplight:/usr/sbin/nologin$", passwd, re.M)
    assert re.search(r"^dialout:.*\blamplight$", groups, re.M)


def test_only_the_hub_may_read_the_plan_and_the_keys() -> None:
    lines = (PACKAGING / "tmpfiles.d" / "lamplight.conf").read_text().splitlines()
    directories = {line.split()[1]: line.split()[2:5] for line in lines if line.startswith("d ")}
    assert directories == {
        "/etc/lamplight": ["0750", "root", "lamplight"],
        "/etc/lamplight/keys": ["0750", "root", "lamplight"],
    }


def rule_lines() -> list[str]:
    lines = RULES.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("line", rule_lines())
def test_every_udev_rule_is_well_formed(line: str) -> None:
    """Each is KEY, operator, quoted value, joined by commas (udev(7))."""
    term = r'[A-Z_]+(\{\w+\})?(==|!=|=|\+=|:=)"[^"]*"'
    assert re.fullmatch(rf"{term}(, {term})*", line)


@pytest.mark.parametrize("vendor", ["10c4", "1a86", "0403"])
def test_modem_manager_leaves_the_adapter_and_its_port_alone(vendor: str) -> None:
    lines = [line for line in rule_lines() if f'=="{vendor}"' in line]
    products = {re.findall(r'\{idProduct\}=="([^"]*)"', line)[0] for line in lines}
    assert any('ENV{ID_MM_DEVICE_IGNORE}="1"' in line and "usb_device" in line for line in lines)
    assert any('ENV{ID_MM_PORT_IGNORE}="1"' in line and "dialout" in line for line in lines)
    assert len(products) == 1, "the adapter and its port are meant for the same products"


def test_every_rule_that_jumps_finds_its_label() -> None:
    text = RULES.read_text()
    assert set(re.findall(r'GOTO="(\w+)"', text)) == set(re.findall(r'LABEL="(\w+)"', text))


def test_the_installation_names_only_files_that_exist() -> None:
    named = re.findall(
        r"`((?:systemd|udev|sysusers\.d|tmpfiles\.d)/[^`]+)`|packaging/(\S+\.toml)",
        (PACKAGING / "README.md").read_text(),
    )
    paths = [Path(first or second) for first, second in named]
    assert len(paths) >= 5
    assert [path for path in paths if not (PACKAGING / path).exists()] == []
