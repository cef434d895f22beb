"""What in a plan does not fit together: the hub, its routes, its page, its clock, its people."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from gateway.home import Home, Mistake
from gateway.plan.walk import nearest, repeats

TOKEN_LENGTH = 16


def _timezone_exists(home: Home) -> Iterator[Mistake]:
    name = home.hub.timezone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        remedy = nearest(name, sorted(available_timezones()), "see")[:80]
        remedy = remedy if remedy.startswith("did") else 'use a name such as "Asia/Shanghai"'
        yield Mistake("hub.timezone", f'there is no time zone "{name}"', remedy)


def _paths_are_full(home: Home) -> Iterator[Mistake]:
    paths = {"hub.data": home.hub.data, "clock.file": home.clock.file}
    for number, uplink in enumerate(home.uplinks, 1):
        for name in ("ca", "certificate", "key", "password_file"):
            paths[f"uplink[{number}].{name}"] = getattr(uplink, name)
    for key, path in paths.items():
        if path and not path.startswith("/"):
            yield Mistake(key, f'"{path}" is no full path', "begin it with /")


def _uplinks_can_log_in(home: Home) -> Iterator[Mistake]:
    for number, uplink in enumerate(home.uplinks, 1):
        key = f"uplink[{number}]"
        if bool(uplink.certificate) != bool(uplink.key):
            missing = "key" if uplink.certificate else "certificate"
            remedy = "a client certificate is two files: certificate and key"
            yield Mistake(f"{key}.{missing}", "is missing", remedy)
        if uplink.password_file and not uplink.username:
            yield Mistake(f"{key}.username", "is missing", "a password needs its user name")
        if uplink.password_file and not uplink.tls and not loopback(uplink.host):
            remedy = "set tls = true, or log in with a certificate"
            yield Mistake(f"{key}.tls", "the password would travel in the open", remedy)
        if not (_is_address(uplink.host) or _is_name(uplink.host)):
            remedy = "write its name or address alone, without mqtt:// and port"
            yield Mistake(f"{key}.host", f'"{uplink.host}" is no host', remedy)


def _page_is_guarded(home: Home) -> Iterator[Mistake]:
    place = listen_address(home.web.listen)
    if place is None:
        remedy = 'write address:port, such as "127.0.0.1:8377"'
        yield Mistake("web.listen", f'"{home.web.listen}" is no address with a port', remedy)
    elif not loopback(place[0]) and len(home.web.token) < TOKEN_LENGTH:
        remedy = f"give {TOKEN_LENGTH} characters or more, or listen on 127.0.0.1"
        yield Mistake("web.token", "others in the network could read the page", remedy)


def _clock_has_a_source(home: Home) -> Iterator[Mistake]:
    if home.clock.source == "simulated" and not home.clock.file:
        yield Mistake("clock.file", "is missing", "say which file the simulated time is in")


def _one_first_carer(home: Home) -> Iterator[Mistake]:
    firsts = [c.role if c.role == "first_carer" else None for c in home.contacts]
    for first, number in repeats(firsts):
        wrong = f"contact[{first}] is the first carer already"
        yield Mistake(f"contact[{number}].role", wrong, "only one can be called first")


# ---------------------------------------------------------------- addresses


def listen_address(listen: str) -> tuple[str, int] | None:
    """("127.0.0.1", 8377) from "127.0.0.1:8377", ("::1", 8377) from "[::1]:8377"; else None."""
    found = re.match(r"^(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]\s]+)):(\d{1,5})$", listen)
    if found is None or not 0 <= int(found[3]) <= 65535:
        return None
    return found[1] or found[2], int(found[3])


def loopback(host: str) -> bool:
    """Whether only this machine can be at, or reach, this address."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    """Whether the resolver would take it: it raises over an empty or overlong label."""
    try:
        plain = host.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return re.fullmatch(r"[A-Za-z0-9_.-]+", plain) is not None


CHECKS: tuple[Callable[[Home], Iterable[Mistake]], ...] = (
    _timezone_exists,
    _paths_are_full,
    _uplinks_can_log_in,
    _page_is_guarded,
    _clock_has_a_source,
    _one_first_carer,
)
