"""Who may read the page: a known name in the Host header, and the plan's token beyond loopback.

Everything here decides about strings; the server asks it for every request.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping

import msgspec

COOKIE = "lamplight"
COOKIE_S = 365 * 86400

HEADERS: dict[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "lamplight",
}
"""On every answer, also on refusals."""


class Address(msgspec.Struct, frozen=True):
    """Where the page listens."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        return self.host == "localhost" or _is_loopback(self.host)


class Guard(msgspec.Struct, frozen=True):
    """What one request must bring along."""

    address: Address
    token: str = ""
    names: frozenset[str] = frozenset()
    """The machine's own names, by which a browser may call it."""

    def knows(self, host_header: str) -> bool:
        """Against DNS rebinding: a foreign name that resolves to this machine is refused. A bare
        IP address cannot be rebound."""
        name = _host_of(host_header)
        if name is None:
            return False
        if self.address.loopback:
            return name == "localhost" or _is_loopback(name)
        return name == "localhost" or name in self.names or _is_ip(name)

    @property
    def wants_token(self) -> bool:
        return bool(self.token)

    def opens(self, query: Mapping[str, str], headers: Mapping[str, str], cookie: str) -> bool:
        """Whether the request carries the token, in whichever of the three ways."""
        if not self.wants_token:
            return True
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        said = bearer.strip() if scheme.lower() == "bearer" else ""
        # All three are compared, so that the time taken does not tell which one was tried.
        return any(
            [
                _same(query.get("token", ""), self.token),
                _same(said, self.token),
                _same(cookie, self.pass_mark),
            ]
        )

    @property
    def pass_mark(self) -> str:
        """What the cookie holds: it opens this page, and does not tell the token."""
        return hmac.new(self.token.encode(), b"lamplight page", hashlib.sha256).hexdigest()


def address(listen: str) -> Address:
    """ "127.0.0.1:8377" or "[::1]:8377". Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"[web] listen = {listen!r}: write address:port, such as 127.0.0.1:8377")
    return Address(host.strip("[]"), int(port))


def guard(listen: str, token: str, machine: str = "") -> Guard:
    """`machine`: the host name. Raises ValueError where the page would be open to the network."""
    where = address(listen)
    if not where.loopback and not token:
        raise ValueError(
            f"[web] listen = {listen!r} is open to the network: "
            "set [web] token, or listen on 127.0.0.1"
        )
    name = machine.lower()
    names = frozenset({name, f"{name.partition('.')[0]}.local"}) if name else frozenset()
    return Guard(where, token, names)


def _same(said: str, wanted: str) -> bool:
    return hmac.compare_digest(said.encode(errors="surrogateescape"), wanted.encode())


def _host_of(header: str) -> str | None:
    """The name in a Host header without its port, in small letters; None if it is no name."""
    header = header.strip().lower()
    if header.startswith("["):
        name, bracket, _ = header[1:].partition("]")
        return name if bracket else None
    name, _, port = header.partition(":")
    return name.rstrip(".") if name and (not port or port.isdecimal()) else None


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_ip(name) and ipaddress.ip_address(name).is_loopback
