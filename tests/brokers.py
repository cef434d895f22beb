"""Real brokers for tests: mosquitto with TLS and client certificates, and nats-server.

The certificates are made on the fly, so that nothing secret and nothing that expires is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import monotonic, sleep

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.home import Hub, UplinkSettings

PACKAGING = Path(__file__).parent.parent / "packaging" / "mosquitto"


class Authority:
    """Signs the certificates of one broker's world, into `folder`."""

    def __init__(self, folder: Path, name: str = "street") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
        self._certificate = self._sign(self._name, self._key.public_key(), authority=True)
        self.ca = folder / f"{name}-ca.crt"
        self.ca.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, common_name: str, host: str = "") -> tuple[Path, Path]:
        """Certificate and key files for `common_name`; with `host` (an address) for a server."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = self._sign(subject, key.public_key(), host=host)
        stem = f"{self.ca.stem}-{common_name.replace('/', '_')}"
        paths = self.folder / f"{stem}.crt", self.folder / f"{stem}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        host: str = "",
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            # RFC 5280, 4.2.1.1 to 4.2.1.3; Python from 3.13 on insists on them.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(_usage(authority), critical=True)
        )
        if host:
            names: list[x509.GeneralName] = [x509.IPAddress(ip_address(host))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            builder = builder.add_extension(usage, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A mosquitto on a loopback port, with our own packaged configuration and ACL."""

    def __init__(self, folder: Path, authority: Authority, port: int = 0, extra: str = "") -> None:
        self.folder = folder
        self.authority = authority
        self.port = port or free_port()
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None
        self._write()

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        certificate, key = self.authority.issue("broker", host="127.0.0.1")
        text = (PACKAGING / "mosquitto.conf").read_text(encoding="utf-8")
        values = {
            "/etc/mosquitto/lamplight/ca.crt": str(self.authority.ca),
            "/etc/mosquitto/lamplight/broker.crt": str(certificate),
            "/etc/mosquitto/lamplight/broker.key": str(key),
            "/etc/mosquitto/lamplight/acl": str(PACKAGING / "acl"),
            "/var/lib/mosquitto/": f"{self.folder}/",
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "log_dest syslog": f"log_dest file {self.folder}/log",
        }
        for packaged, here in values.items():
            assert packaged in text, f"the packaged configuration no longer says {packaged}"
            text = text.replace(packaged, here)
        # As root mosquitto would become the user mosquitto, who cannot read a test's folder.
        text += f"user {'root' if os.geteuid() == 0 else ''}\n" if os.geteuid() == 0 else ""
        (self.folder / "mosquitto.conf").write_text(text + self._extra, encoding="utf-8")

    def start(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "mosquitto is not installed"
        self._process = subprocess.Popen(
            [program, "-c", str(self.folder / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port)

    def kill(self) -> None:
        """SIGKILL: nothing is written any more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    def settings(self, common_name: str, **changes: object) -> UplinkSettings:
        """A hub's or the platform's way to this broker."""
        certificate, key = self.authority.issue(common_name)
        values: dict[str, object] = {
            "name": "street",
            "host": "127.0.0.1",
            "port": self.port,
            "ca": str(self.authority.ca),
            "certificate": str(certificate),
            "key": str(key),
        }
        return UplinkSettings(**(values | changes))  # type: ignore[arg-type]

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


def wait_for_port(port: int, seconds: float = 10.0) -> None:
    end = monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if monotonic() > end:
            raise TimeoutError(f"nothing listens on port {port}")
        sleep(0.02)


@contextlib.contextmanager
def mosquitto(folder: Path, extra: str = "") -> Iterator[Mosquitto]:
    broker = Mosquitto(folder / "broker", Authority(folder), extra=extra)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def hub_of(common_name: str) -> Hub:
    tenant, _, hub = common_name.partition("/")
    return Hub(tenant=tenant, id=hub)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits until `condition()` is true."""
    async with asyncio.timeout(seconds):
        for holds in iter(condition, True):
            del holds
            await asyncio.sleep(0.01)
