"""What the hub cannot see, say or keep, and what it thinks of the home: one sentence for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.health import (
    DeviceHealth,
    DeviceState,
    Level,
    OutboxHealth,
    Presence,
    PresenceState,
    RouteHealth,
    Status,
    Words,
)
from gateway.health.words import lasting, moment
from gateway.records import Instant, RadioState


def problems(status: Status, zone: tzinfo) -> tuple[Words, ...]:
    """What the hub cannot see, say or keep now, the gravest first; one sentence each."""
    return (
        *_stalled(status),
        *_storage(status),
        *(_blind(radio) for radio in status.radios if not radio.alive),
        *_devices(status),
        *_unheard_by_the_platform(status.routes, status.outbox, status.at, zone),
        *_clock(status),
    )


STALLED_S = 300.0
"""No pass of the rules for this long is an alert of its own (design: 5 min); so it is said here."""


def _stalled(status: Status) -> Iterable[Words]:
    silent = status.at.since(status.last_rule_pass or status.started_at)
    if silent > STALLED_S:
        age = lasting(silent)
        yield Words(f"规则已{age.zh}没有运行", f"The rules have not run for {age.en}")


def _storage(status: Status) -> Iterable[Words]:
    if not status.storage.ok:
        why = status.storage.why
        yield Words(f"存储故障：{why}", f"Storage fault: {why}")


def _blind(radio: RadioState) -> Words:
    why = f": {radio.why}" if radio.why else ""
    return Words(
        f"接收端口 {radio.name} 无信号{why.replace(': ', '：', 1)}",
        f"Receiver {radio.name} hears nothing{why}",
    )


_GROUPS = {
    DeviceState.LOST: Words("失去联系", "lost"),
    DeviceState.LATE: Words("比平时安静得久", "silent for longer than usual"),
    DeviceState.UNKNOWN: Words("情况不明", "not known to work"),
}


def _devices(status: Status) -> Iterable[Words]:
    rooms = {room.id: room.name for room in status.rooms}
    for state, said in _GROUPS.items():
        yield from _group([d for d in status.devices if d.state is state], rooms, said)
    low = [d for d in status.devices if d.low]
    yield from _group(low, rooms, Words("电池电量低", "low battery"))


NAMED = 3
"""So many devices are named in one sentence; the others are counted."""


def _group(
    devices: Sequence[DeviceHealth], rooms: dict[str, Words], said: Words
) -> Iterable[Words]:
    if not devices:
        return
    names = [_whereabouts(device, rooms) for device in devices[:NAMED]]
    zh = "、".join(name.zh for name in names)
    en = ", ".join(name.en for name in names)
    if more := len(devices) - NAMED:
        zh += f"等{len(devices)}个设备" if more > 0 else ""
        en += f" and {more} more" if more > 0 else ""
    yield Words(f"{zh}：{said.zh}", f"{en}: {said.en}")


def _whereabouts(device: DeviceHealth, rooms: dict[str, Words]) -> Words:
    room = rooms.get(device.room)
    if room is None:
        return device.name
    return Words(f"{room.zh}{device.name.zh}", f"{device.name.en} ({room.en})")


def _unheard_by_the_platform(
    routes: Sequence[RouteHealth], outbox: OutboxHealth, now: Instant, zone: tzinfo
) -> Iterable[Words]:
    if not routes:
        yield Words("没有连接任何平台", "No platform is connected")
        return
    if any(route.up for route in routes):
        return
    since = [route.since for route in routes if route.since]
    zh, en = "暂时无法连接平台", "The platform cannot be reached"
    if since:
        # The home is cut off only since the last of its routes went down.
        when = moment(max(since, key=lambda at: at.line), now, zone)
        zh, en = f"{when.zh}起无法连接平台", f"The platform cannot be reached since {when.en}"
    if outbox.waiting:
        zh += f"，{outbox.waiting}条消息已保存、待发送"
        en += f"; {outbox.waiting} messages are kept and wait"
    yield Words(zh, en)


def _clock(status: Status) -> Iterable[Words]:
    if not status.clock.trusted:
        yield Words(
            "主机时钟尚未校准，按时刻判断的规则暂停",
            "The clock is not sure yet: rules that need the time of day wait",
        )


# ---------------------------------------------------------------- the whole

_PRESENCE = {
    PresenceState.HOME: Words("在家", "At home"),
    PresenceState.AWAY: Words("外出", "Away"),
    PresenceState.UNSURE: Words("不确定是否在家", "Not sure whether anybody is at home"),
}


def presence(presence: Presence) -> Presence:
    return msgspec.structs.replace(presence, words=_PRESENCE[presence.state])


def deaf(devices: Iterable[DeviceHealth]) -> bool:
    """Whether an emergency may go unheard: a safety device is lost, or nobody knows."""
    unheard = (DeviceState.LOST, DeviceState.UNKNOWN)
    return any(device.safety and device.state in unheard for device in devices)


WAKING_S = 60.0
"""After a start the devices have so long for their first word before anybody is worried."""


def waking(status: Status) -> bool:
    """Whether all that is wrong may be that the hub has only just begun to listen."""
    young = status.at.since(status.started_at) < WAKING_S
    return young and not any(device.state is DeviceState.LOST for device in status.devices)


def summary_words(level: Level, grave: Sequence[Words], deaf: bool, waking: bool = False) -> Words:
    """One sentence for the whole home. `grave`: the headlines of the gravest open alerts."""
    if level is Level.WELL:
        return Words("家中一切安好", "All is well at home")
    if level is Level.IMPAIRED and waking:
        return Words(
            "主机刚刚启动，正在等待各设备的信号", "Just started: listening for the devices"
        )
    if level is Level.IMPAIRED and deaf:
        return Words(
            "求助信号可能收不到，请尽快检查", "A call for help may go unheard: please check soon"
        )
    if level is Level.IMPAIRED:
        return Words(
            "没有人求助，但有设备或线路需要检查",
            "Nobody calls for help, but something needs checking",
        )
    zh, en = grave[0].zh, grave[0].en
    if more := len(grave) - 1:
        zh, en = f"{zh}（另有{more}项）", f"{en} (and {more} more)"
    if level is Level.EMERGENCY:
        return Words(f"紧急：{zh}", f"Emergency: {en}")
    return Words(f"请留意：{zh}", f"Please look after this: {en}")


def why(status: Status, language: str) -> list[str]:
    """What the hub thinks now and why, in plain sentences, the most important first."""
    said = [status.summary.words]
    for view in status.open:
        where = view.where
        en = f"{view.title.en}, {where.en}" if where else view.title.en
        said.append(Words(f"{where.zh} {view.title.zh}".strip(), en))
        said += [view.sentence, view.help]
    said += status.problems
    said += [status.presence.words, _heard(status), _waiting(status)]
    said += _counted(status)
    return [words.of(language) for words in said]


def _heard(status: Status) -> Words:
    ok = sum(device.state is DeviceState.OK for device in status.devices)
    total = len(status.devices)
    return Words(f"{total}个设备中{ok}个正常", f"{ok} of {total} devices are heard as usual")


def _waiting(status: Status) -> Words:
    up = ", ".join(route.name for route in status.routes if route.up)
    waiting = status.outbox.waiting
    if not up:
        return Words(
            f"未连接平台，{waiting}条消息待发送", f"No way to the platform; {waiting} wait"
        )
    return Words(
        f"经由 {up} 连接平台，{waiting}条消息待确认",
        f"Connected to the platform by {up}; {waiting} messages wait for its receipt",
    )


def _counted(status: Status) -> Iterable[Words]:
    rejected = sum(status.rejected.values()) + sum(
        sum(radio.rejected.values()) for radio in status.radios
    )
    if rejected:
        yield Words(f"拒收了{rejected}个无效信号", f"{rejected} unsound frames were rejected")
    if restarts := sum(status.restarts.values()):
        jobs = ", ".join(f"{job} {count}" for job, count in sorted(status.restarts.items()))
        yield Words(f"内部任务重启{restarts}次：{jobs}", f"Jobs restarted {restarts} times: {jobs}")
