"""Where the hub keeps what must not be lost: the directory, the medium under it, the outbox."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.doctor.check import Check, doubtful, ill, well

HELD = "held by the running hub"
LEAST_BYTES, SCARCE_BYTES = 50_000_000, 500_000_000
SLOW_S, DEAD_SLOW_S = 0.1, 1.0
"""A press is durable within 200 ms (the promise); that takes one or two syncs."""
SYNCS = 8
FLEETING = {"tmpfs", "ramfs"}
UNSAFE = {"vfat", "exfat", "nfs", "nfs4", "cifs", "9p"}


class Mount(msgspec.Struct, frozen=True):
    point: str
    type: str
    options: tuple[str, ...]


def directory(data: Path, mounts: Path = Path("/proc/self/mounts")) -> Iterator[Check]:
    name = "data directory"
    if not data.is_dir():
        remedy = f"mkdir -p {data} and give it to the hub's user (the service does so by itself)"
        yield ill(name, f"{data} is not there", remedy)
        return
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        remedy = f"sudo chown lamplight: {data}; or run the doctor as the hub's user"
        yield ill(name, f"{data} cannot be written by this user", remedy)
        return
    yield well(name, str(data))
    yield _space(data)
    yield _medium(data, _mounts(mounts))
    yield _syncing(data)


def _space(data: Path) -> Check:
    found = os.statvfs(data)
    free = found.f_bavail * found.f_frsize
    words = f"{free // 1_000_000} MB free"
    if free < LEAST_BYTES:
        return ill("disk space", words, "free some: journalctl --vacuum-size=50M, apt-get clean")
    if free < SCARCE_BYTES:
        return doubtful("disk space", words, "a month without network needs some 100 MB")
    return well("disk space", words)


def _mounts(mounts: Path) -> list[Mount]:
    """proc_mounts(5): device, mount point, type, options, 0, 0; blanks are written \\040."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return []
    return [
        Mount(line[1].replace("\\040", " "), line[2], tuple(line[3].split(",")))
        for line in lines
        if len(line) >= 4
    ]


def _medium(data: Path, mounts: list[Mount]) -> Check:
    name, path = "file system", f"{data.resolve()}/"
    over = [mount for mount in mounts if path.startswith(f"{mount.point.rstrip('/')}/")]
    if not over:
        return doubtful(name, "unknown", "look at findmnt -T " + str(data))
    mount = max(over, key=lambda mount: len(mount.point))
    if mount.type in FLEETING:
        return doubtful(name, f"{mount.type}: a power cut empties it", "put the data on a disk")
    if mount.type in UNSAFE:
        remedy = "use a local ext4, f2fs or btrfs: locks and syncs must be kept"
        return doubtful(name, f"{mount.type} keeps no promises", remedy)
    if not {"noatime", "relatime"} & set(mount.options):
        remedy = "mount it with noatime (/etc/fstab): each reading wears the SD card"
        return doubtful(name, f"{mount.type} without noatime", remedy)
    return well(name, f"{mount.type} at {mount.point}")


def _syncing(data: Path) -> Check:
    """How long a small write takes until it is on the medium."""
    probe = data / f".doctor-{os.getpid()}"
    try:
        took = [_sync_once(probe) for _ in range(SYNCS)]
    except OSError as error:
        remedy = "look at dmesg; an SD card that fails to write must be replaced"
        return ill("durable write", f"fails: {error.strerror}", remedy)
    finally:
        probe.unlink(missing_ok=True)
    return _judged(statistics.median(took), max(took))


def _sync_once(probe: Path) -> float:
    with probe.open("ab") as out:
        began = time.perf_counter()
        out.write(b"\0" * 4096)
        out.flush()
        os.fsync(out.fileno())
        return time.perf_counter() - began


def _judged(usual: float, worst: float) -> Check:
    found = f"{usual * 1000:.1f} ms, at worst {worst * 1000:.1f} ms"
    if usual >= DEAD_SLOW_S:
        return ill("durable write", found, "replace the SD card; class A1 or better")
    if worst >= SLOW_S:
        remedy = "see what else writes (iotop); if nothing does, replace the SD card"
        return doubtful("durable write", found, remedy)
    return well("durable write", found)


def outbox(path: Path) -> Check:
    """A running hub holds it exclusively and looks after it. Else a copy is looked at: even reading
    a database makes files beside it, which would belong to whoever runs the doctor."""
    if not path.exists():
        return well("outbox", "not there yet: the first start makes it")
    try:
        if _is_held(path):
            return well("outbox", HELD)
        verdict = _quick_check(path)
    except OSError as error:
        remedy = "run the doctor as the hub's user"
        return doubtful("outbox", f"cannot be read: {error.strerror}", remedy)
    except sqlite3.Error as error:
        return _damaged(str(error))
    if verdict != "ok":
        return _damaged(verdict)
    return well("outbox", f"sound, {path.stat().st_size // 1000} kB")


def _is_held(path: Path) -> bool:
    """Whether another process has SQLite's exclusive lock (SHARED_FIRST in its os.h)."""
    with path.open("rb") as database:
        try:
            fcntl.lockf(database, fcntl.LOCK_SH | fcntl.LOCK_NB, 510, 0x40000002)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            return True
    return False


def _quick_check(path: Path) -> str:
    """SQLite's verdict on a copy with its log: "ok", or what is wrong."""
    with tempfile.TemporaryDirectory(prefix="lamplight-doctor-") as folder:
        copy = Path(folder, path.name)
        for ending in ("", "-wal"):
            if Path(f"{path}{ending}").exists():
                shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
        with closing(sqlite3.connect(copy)) as found:
            return str(found.execute("PRAGMA quick_check(1)").fetchone()[0])


def _damaged(what: str) -> Check:
    remedy = "nothing to do: the next start sets it aside and saves what can be read; if it "
    return ill("outbox", f"damaged: {what}", remedy + "happens again, replace the SD card")
