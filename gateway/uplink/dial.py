"""Opens the TLS connection to a broker, and says in plain words why it cannot."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

from gateway.home import UplinkSettings


class LinkLost(Exception):
    """There is no connection, or no longer; the text is for a person and names the remedy."""


async def dial(settings: UplinkSettings, timeout_s: float) -> socket.socket:
    """A connected socket (an SSLSocket if the plan says so). Raises LinkLost."""
    loop = asyncio.get_running_loop()
    # Names are resolved and handshakes made by blocking calls, hence a thread.
    call = loop.run_in_executor(None, _connect, settings, timeout_s)
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        call.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(call: asyncio.Future[socket.socket]) -> None:
    if not call.cancelled() and call.exception() is None:
        call.result().close()


def _connect(settings: UplinkSettings, timeout_s: float) -> socket.socket:
    context = _context(settings) if settings.tls else None
    where = f"{settings.host}:{settings.port}"
    try:
        plain = socket.create_connection((settings.host, settings.port), timeout_s)
        # A press is one small packet; it must not wait for a second one.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain if context is None else _handshake(context, plain, settings.host)
    except ssl.SSLError as problem:
        raise LinkLost(tls_words(problem, settings)) from problem
    except socket.gaierror as problem:
        raise LinkLost(
            f"the name {settings.host} is unknown: check the network, its DNS and [[uplink]] host"
        ) from problem
    except TimeoutError as problem:
        raise LinkLost(
            f"no answer from {where} within {timeout_s:g} s: is the network there, "
            "does a firewall block the port?"
        ) from problem
    except ConnectionRefusedError as problem:
        raise LinkLost(
            f"nothing listens at {where}: is the broker running, is [[uplink]] port right?"
        ) from problem
    except OSError as problem:
        raise LinkLost(f"{where} cannot be reached ({problem}): check the network") from problem


def _handshake(context: ssl.SSLContext, plain: socket.socket, host: str) -> socket.socket:
    """Closes the socket if it fails: nobody else knows it yet."""
    wrapped: socket.socket | None = None
    try:
        wrapped = context.wrap_socket(plain, server_hostname=host)
        return wrapped
    finally:
        if wrapped is None:
            plain.close()


def _context(settings: UplinkSettings) -> ssl.SSLContext:
    for key, path in _files(settings):
        if not Path(path).is_file():
            raise LinkLost(f"the file {path} is missing: put it there or correct [[uplink]] {key}")
    try:
        context = ssl.create_default_context(cafile=settings.ca or None)
        if settings.certificate:
            context.load_cert_chain(settings.certificate, settings.key or None)
    except PermissionError as problem:
        raise LinkLost(
            "the hub may not read its certificate or key: give the files to the hub's user"
        ) from problem
    except (ssl.SSLError, OSError) as problem:
        raise LinkLost(
            f"certificate, key and ca of [[uplink]] {settings.name} do not fit together "
            f"({problem}): the key must belong to the certificate, all three must be PEM"
        ) from problem
    return context


def _files(settings: UplinkSettings) -> list[tuple[str, str]]:
    named = [("ca", settings.ca), ("certificate", settings.certificate), ("key", settings.key)]
    return [(key, path) for key, path in named if path]


def tls_words(problem: ssl.SSLError | str, settings: UplinkSettings) -> str:
    """What a TLS failure means and what to do. Also reads the text of a late alert: under TLS 1.3
    a broker refuses a client's certificate only after the handshake."""
    text = str(problem).lower()
    if "eof occurred" in text:
        return EOF_WORDS[bool(settings.certificate)]
    for sign, words in TLS_WORDS:
        if sign in text:
            return words.format(name=settings.name, host=settings.host, port=settings.port)
    return (
        f"the TLS handshake with {settings.host} failed ({problem}): check [[uplink]] certificates"
    )


EOF_WORDS = {
    True: "the broker closed the connection at once: most likely it does not accept the hub's "
    "certificate; ask the operator for one signed by the broker's own authority",
    False: "the broker closed the connection at once: most likely it wants a certificate of the "
    "hub; set [[uplink]] certificate and key",
}
TLS_WORDS = (
    (
        "hostname mismatch",
        "the broker's certificate is not for {host}: use the name in its certificate as "
        "[[uplink]] host, or have it issued for {host}",
    ),
    (
        "ip address mismatch",
        "the broker's certificate is not for {host}: use the name in its certificate as "
        "[[uplink]] host, or have it issued for {host}",
    ),
    (
        "certificate is not yet valid",
        "the broker's certificate is not valid yet: the hub's clock is probably wrong; "
        "it needs a time server",
    ),
    (
        "certificate has expired",
        "the broker's certificate has expired: the operator must renew it (or the hub's clock "
        "is wrong)",
    ),
    (
        "certificate verify failed",
        "the broker's certificate was not signed by the authority in [[uplink]] ca: take the "
        "ca file of this broker's operator",
    ),
    (
        "unknown ca",
        "the broker does not accept the hub's certificate (unknown authority): "
        "ask the operator for one signed by the broker's own authority",
    ),
    (
        "certificate required",
        "the broker wants a certificate of the hub: set [[uplink]] certificate and key",
    ),
    (
        "alert certificate expired",
        "the hub's certificate has expired: ask the operator for a new one",
    ),
    (
        "alert certificate revoked",
        "the hub's certificate was revoked: ask the operator for a new one",
    ),
    (
        "alert bad certificate",
        "the broker does not accept the hub's certificate: ask the operator for a new one",
    ),
    (
        "decrypt error",
        "the broker does not accept the hub's certificate: certificate and key do not belong "
        "to the authority it trusts; ask the operator for new ones",
    ),
    (
        "wrong version number",
        "{host}:{port} does not speak TLS: the TLS port is usually 8883; or set [[uplink]] "
        "tls = false if that is meant",
    ),
    (
        "record layer failure",
        "{host}:{port} does not speak TLS: the TLS port is usually 8883; or set [[uplink]] "
        "tls = false if that is meant",
    ),
)
