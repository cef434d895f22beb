"""When a certificate begins and ceases to be valid; the little of X.509 that the doctor needs."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

SEQUENCE, UTC_TIME, GENERALIZED_TIME, EXPLICIT_0 = 0x30, 0x17, 0x18, 0xA0


class NoCertificate(ValueError):
    """This is no certificate in PEM."""


def validity(file: Path) -> tuple[datetime, datetime]:
    """(from, until) of the first certificate in a PEM file. Raises OSError, NoCertificate.

    RFC 5280, 4.1: Certificate ::= SEQUENCE { tbsCertificate ::= SEQUENCE { [0] version OPTIONAL,
    serialNumber, signature, issuer, validity ::= SEQUENCE { notBefore, notAfter } ... } ... }
    """
    try:
        der = ssl.PEM_cert_to_DER_cert(_first(file.read_text(encoding="ascii")))
        return _validity(der)
    except (ValueError, IndexError) as error:
        raise NoCertificate(f"{file} holds no certificate in PEM") from error


def _first(text: str) -> str:
    start = text.index(ssl.PEM_HEADER)
    return text[start : text.index(ssl.PEM_FOOTER, start) + len(ssl.PEM_FOOTER)]


def _validity(der: bytes) -> tuple[datetime, datetime]:
    certificate = _parts(der)[0][1]
    fields = _parts(_parts(certificate)[0][1])
    if fields[0][0] == EXPLICIT_0:
        fields = fields[1:]
    tag, times = fields[3]
    if tag != SEQUENCE:
        raise ValueError("validity")
    begin, end = _parts(times)
    return _moment(*begin), _moment(*end)


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    """The (tag, content) pairs one after the other (X.690: definite lengths only)."""
    found, at = [], 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(der[at : at + size], "big")
            at += size
        if at + length > len(der):
            raise ValueError("length")
        found.append((tag, der[at : at + length]))
        at += length
    return found


def _moment(tag: int, content: bytes) -> datetime:
    """RFC 5280, 4.1.2.5: YYMMDDHHMMSSZ until 2049, YYYYMMDDHHMMSSZ from 2050 on."""
    text = content.decode("ascii")
    if tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != GENERALIZED_TIME:
        raise ValueError("time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
