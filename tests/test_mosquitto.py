"""The uplink against a real mosquitto 2: MQTT 5, TLS, client certificates, our packaged ACL."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec import structs
from paho.mqtt.enums import MQTTProtocolVersion

from gateway import wire
from gateway.home import UplinkSettings
from gateway.records import Outcome, Severity, Signal
from gateway.simulate.platform import Conduct
from gateway.uplink.client import Will
from gateway.uplink.connection import Connection, Sinks
from gateway.uplink.dial import LinkLost
from gateway.uplink.schedule import MANNERS
from tests.brokers import Authority, Mosquitto, free_port, mosquitto, until
from tests.uplink_rig import NAME, QUICK, HubSide, hub_side, platform_side

pytestmark = pytest.mark.needs("mosquitto")

SILENT = Conduct(receipts=False, orders=False, resends=False)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


async def test_an_alert_reaches_the_platform_and_its_receipt_empties_the_outbox(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with (
        platform_side(tmp_path, broker.settings("platform")) as platform,
        hub_side(tmp_path, broker.settings(NAME)) as hub,
    ):
        await hub.press(1)
        await until(lambda: hub.waiting() == 0)
        (alert,) = platform.alerts.values()
        assert alert.type.value == "sos.pressed"
        assert alert.room is not None
        assert alert.room.value == "bedroom"
        assert hub.sender.state().routes[0].version == "5"
        await until(lambda: Signal.RECEIVED in [answer.signal for answer in hub.answers])


async def test_the_platforms_work_order_comes_back_step_by_step(
    broker: Mosquitto, tmp_path: Path
) -> None:
    conduct = Conduct(acknowledge_s=0.0, dispatch_s=0.1)
    async with (
        platform_side(tmp_path, broker.settings("platform"), conduct) as platform,
        hub_side(tmp_path, broker.settings(NAME)) as hub,
    ):
        await until(lambda: platform.why == "" and hub.sender.state().up)
        (row,) = await hub.press(1)
        await until(lambda: Signal.DISPATCHED in [answer.signal for answer in hub.answers])
        platform.on_site(row.alert_id)
        platform.finish(row.alert_id, Outcome.HELPED)
        await until(lambda: Signal.CLOSED in [answer.signal for answer in hub.answers])
        signals = [answer.signal for answer in hub.answers]
        assert signals == [
            Signal.RECEIVED,
            Signal.ACKNOWLEDGED,
            Signal.DISPATCHED,
            Signal.ON_SITE,
            Signal.CLOSED,
        ]
        dispatched, closed = hub.answers[2], hub.answers[4]
        assert dispatched.work_order is not None
        assert dispatched.work_order.eta_s == 600
        assert closed.outcome is Outcome.HELPED
        assert {answer.alert_id for answer in hub.answers} == {row.alert_id}


async def test_an_absent_platform_leaves_rows_waiting_though_the_broker_took_them(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with hub_side(tmp_path, broker.settings(NAME)) as hub:
        rows = await hub.press(1, 2, 3)
        await until(lambda: hub.sender.state().not_taken.get(16, 0) >= 3)
        assert hub.waiting() == 3
        assert hub.sender.state().nobody_listens
        async with platform_side(tmp_path, broker.settings("platform")) as platform:
            await until(lambda: platform.counts["state"] > 0)
            hub.beat()  # its PUBACK shows that somebody listens now
            await until(lambda: hub.waiting() == 0)
            assert set(platform.alerts) == {row.alert_id for row in rows}


async def test_a_broker_killed_and_restored_loses_nothing_and_ids_stay(
    broker: Mosquitto, tmp_path: Path
) -> None:
    quick = [structs.replace(MANNERS[0], gaps_s=(0.5,)), *MANNERS[1:]]
    async with (
        platform_side(tmp_path, broker.settings("platform")) as platform,
        hub_side(tmp_path, broker.settings(NAME), manners=quick) as hub,
    ):
        await until(lambda: platform.why == "" and hub.sender.state().up)
        rows = await hub.press(*range(40))
        broker.kill()
        rows += await hub.press(*range(40, 60))
        await until(lambda: not hub.sender.state().up)
        assert hub.sender.state().routes[0].why
        broker.start()
        rows += await hub.press(*range(60, 70))
        await until(lambda: hub.waiting() == 0)
        assert set(platform.alerts) == {row.alert_id for row in rows}
        known = platform.memory.message_ids(NAME)
        assert sorted(known) == sorted(row.message_id for row in rows)


async def test_emergencies_of_a_backlog_go_first(broker: Mosquitto, tmp_path: Path) -> None:
    nowhere = broker.settings(NAME, port=free_port())
    async with hub_side(tmp_path, nowhere) as hub:
        for number, severity in enumerate((Severity.S4, Severity.S3, Severity.S2, Severity.S1)):
            await hub.press(*range(10 * number, 10 * number + 5), severity=severity)
        await until(lambda: "nothing listens" in why(hub))
    order: list[int] = []
    async with listener(broker, order), hub_side(tmp_path, broker.settings(NAME)):
        await until(lambda: len(order) >= 20)
    assert order[:20] == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5


@contextlib.asynccontextmanager
async def listener(broker: Mosquitto, priorities: list[int]) -> AsyncIterator[None]:
    """A platform that writes down the priority of what it reads, and never answers."""

    def heard(topic: str, payload: bytes, done: object) -> None:
        if "/alert/p" in topic:
            priorities.append(int(topic[-1]))
        assert callable(done)
        done()

    connection = client(broker.settings("platform"))
    await connection.open(Sinks(lambda *_: None, heard), "v1/+/+/#", 20)
    try:
        yield
    finally:
        connection.close()


def client(settings: UplinkSettings, client_id: str = "x", will: Will | None = None) -> Connection:
    return Connection(settings, client_id, MQTTProtocolVersion.MQTTv5, will, QUICK)


async def test_a_heartbeat_and_the_birth_reach_the_platform(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with (
        platform_side(tmp_path, broker.settings("platform")) as platform,
        hub_side(tmp_path, broker.settings(NAME)) as hub,
    ):
        await until(lambda: platform.why == "")
        hub.beat()
        await until(lambda: NAME in platform.heartbeats and NAME in platform.states)
        assert platform.states[NAME].state is wire.HubState.ONLINE
        assert platform.states[NAME].mqtt == "5"


async def test_what_a_heartbeat_says_is_missing_is_asked_for_and_sent_again(
    broker: Mosquitto, tmp_path: Path
) -> None:
    patient = [structs.replace(manner, gaps_s=(3600.0,)) for manner in MANNERS]
    async with (
        platform_side(tmp_path, broker.settings("platform"), SILENT) as platform,
        hub_side(tmp_path, broker.settings(NAME), manners=patient) as hub,
    ):
        await until(lambda: platform.why == "" and hub.sender.state().up)
        await hub.press(1, 2)
        await until(lambda: platform.counts["alert"] == 2)
        platform.conduct = Conduct(orders=False)
        hub.beat()
        await until(lambda: platform.counts["heartbeat"] == 1)
        hub.beat()
        await until(lambda: hub.waiting() == 0)
        await until(lambda: len(platform.replies) == 1)
        (reply,) = platform.replies.values()
        assert reply.resent == 2


async def test_the_platform_is_told_which_numbers_are_gone(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with (
        platform_side(tmp_path, broker.settings("platform")) as platform,
        hub_side(tmp_path, broker.settings(NAME)) as hub,
    ):
        await until(lambda: hub.sender.state().up)
        command = platform.resend(NAME, 7, 9)
        await until(lambda: command in platform.replies)
        (stone,) = platform.replies[command].tombstones
        assert (stone.seq_from, stone.seq_to, stone.reason) == (7, 9, wire.Gone.UNKNOWN)


async def test_a_test_command_reaches_the_app(broker: Mosquitto, tmp_path: Path) -> None:
    async with (
        platform_side(tmp_path, broker.settings("platform")) as platform,
        hub_side(tmp_path, broker.settings(NAME)) as hub,
    ):
        await until(lambda: hub.sender.state().up)
        command = platform.test(NAME)
        await until(lambda: bool(hub.commands))
        assert hub.commands[0].id == command
        assert isinstance(hub.commands[0].data, wire.Test)


async def test_the_brokers_receive_maximum_is_respected(tmp_path: Path) -> None:
    with mosquitto(tmp_path, extra="max_inflight_messages 3\n") as broker:
        async with hub_side(tmp_path, broker.settings(NAME)) as hub:
            await until(lambda: hub.sender.state().up)
            most = hub.routes[0].room()
            assert most <= 3
            await hub.press(*range(30))
            await until(lambda: hub.sender.state().not_taken.get(16, 0) >= 30)
            # Whoever sends more than the maximum is disconnected (MQTT 5.0, 3.3.4).
            assert hub.sender.state().routes[0].connects == 1


async def test_the_second_route_is_used_when_the_first_is_silent(
    broker: Mosquitto, tmp_path: Path
) -> None:
    quick = [structs.replace(MANNERS[0], gaps_s=(0.3,), second_way_s=0.5), *MANNERS[1:]]
    with mosquitto(tmp_path / "second") as second:
        first_way = broker.settings(NAME, name="first")
        second_way = second.settings(NAME, name="second")
        async with (
            platform_side(tmp_path, broker.settings("platform"), SILENT) as deaf,
            platform_side(tmp_path / "second", second.settings("platform")) as platform,
            hub_side(tmp_path, first_way, second_way, manners=quick) as hub,
        ):
            await until(lambda: all(route.up for route in hub.sender.state().routes))
            (row,) = await hub.press(1)
            await until(lambda: hub.waiting() == 0)
            assert row.alert_id in platform.alerts
            assert deaf.counts["alert"] == 1
            assert deaf.counts["duplicate"] >= 1  # it was sent the first way again, first


async def test_an_urgent_alert_nobody_listens_to_goes_the_second_way_at_once(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with mosquitto(tmp_path / "second") as second:
        ways = broker.settings(NAME, name="first"), second.settings(NAME, name="second")
        async with (
            platform_side(tmp_path / "second", second.settings("platform")) as platform,
            hub_side(tmp_path, *ways) as hub,
        ):
            await until(lambda: all(route.up for route in hub.sender.state().routes))
            await hub.press(1)
            await until(lambda: hub.waiting() == 0, seconds=8)
            assert platform.counts["alert"] == 1


CHILD = """
import asyncio, sys
from pathlib import Path
from msgspec import json
from gateway.home import UplinkSettings
from tests.uplink_rig import hub_side

async def main() -> None:
    way = json.decode(sys.argv[2], type=UplinkSettings)
    async with hub_side(Path(sys.argv[1]), way) as hub:
        print("started", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_the_will_says_that_a_killed_hub_is_lost(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform_side(tmp_path, broker.settings("platform")) as platform:
        child = start_child(CHILD, tmp_path, broker.settings(NAME))
        await until(lambda: NAME in platform.states)
        child.kill()
        child.wait(10)
        await until(lambda: platform.states[NAME].state is wire.HubState.LOST)


def start_child(
    program: str, folder: Path, way: UplinkSettings, *more: str
) -> subprocess.Popen[bytes]:
    import sys

    import msgspec

    settings = msgspec.json.encode(way).decode()
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder), settings, *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parent.parent,
    )


async def test_a_hub_that_stops_says_goodbye(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform_side(tmp_path, broker.settings("platform")) as platform:
        async with hub_side(tmp_path, broker.settings(NAME)):
            await until(lambda: NAME in platform.states)
        await until(lambda: platform.states[NAME].state is wire.HubState.STOPPED)


# ---------------------------------------------------------------- who may do what


async def test_a_certificate_of_another_authority_is_refused_in_plain_words(
    broker: Mosquitto, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    certificate, key = stranger.issue(NAME)
    way = broker.settings(NAME, certificate=str(certificate), key=str(key))
    async with hub_side(tmp_path, way) as hub:
        await until(lambda: "does not accept the hub's certificate" in why(hub))


async def test_a_broker_of_another_authority_is_not_trusted(
    broker: Mosquitto, tmp_path: Path
) -> None:
    way = broker.settings(NAME, ca=str(Authority(tmp_path, "stranger").ca))
    async with hub_side(tmp_path, way) as hub:
        await until(lambda: "not signed by the authority in [[uplink]] ca" in why(hub))


async def test_a_hub_without_a_certificate_is_told_what_is_missing(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with hub_side(tmp_path, broker.settings(NAME, certificate="", key="")) as hub:
        await until(lambda: "set [[uplink]] certificate and key" in why(hub))


async def test_the_brokers_name_must_be_the_one_in_its_certificate(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with hub_side(tmp_path, broker.settings(NAME, host="localhost")) as hub:
        await until(lambda: "certificate is not for localhost" in why(hub))


async def test_another_hubs_certificate_cannot_speak_for_this_hub(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with hub_side(tmp_path, broker.settings("street-7/hub-2")) as hub:
        await until(lambda: f"must be {NAME}" in why(hub))


def why(hub: HubSide) -> str:
    return hub.sender.state().routes[0].why


async def test_a_hub_cannot_read_another_hubs_alerts_or_commands(
    broker: Mosquitto, tmp_path: Path
) -> None:
    heard: list[str] = []
    spy = client(broker.settings("street-7/spy"))
    await spy.open(Sinks(lambda *_: None, lambda topic, *_: heard.append(topic)), "#", 20)
    async with (
        platform_side(tmp_path, broker.settings("platform")),
        hub_side(tmp_path, broker.settings(NAME)) as hub,
    ):
        await hub.press(1)
        await until(lambda: hub.waiting() == 0)
    spy.publish("v1/street-7/spy/state", b"{}", 1)
    await asyncio.sleep(0.2)
    spy.close()
    assert heard == []


async def test_a_hub_cannot_write_into_another_hubs_topics(
    broker: Mosquitto, tmp_path: Path
) -> None:
    verdicts: dict[int, int] = {}
    sinks = Sinks(lambda token, reason: verdicts.update({token: reason}), lambda *_: None)
    intruder = client(broker.settings("street-7/intruder"))
    await intruder.open(sinks, "v1/street-7/intruder/cmd/#", 20)
    targets = [
        "v1/street-7/hub-1/alert/p0",
        "v1/street-7/hub-1/hb",
        "v1/street-7/hub-1/cmd/receipt",
        "v1/street-7/intruder/cmd/receipt",
        "v1/street-7/intruder/alert/p0",
    ]
    for token, topic in enumerate(targets):
        intruder.publish(topic, b"{}", token)
    await until(lambda: len(verdicts) == len(targets))
    intruder.close()
    assert [verdicts[token] for token in range(4)] == [135] * 4
    assert verdicts[4] == 16  # its own topic: allowed, and nobody listens


async def test_a_hub_cannot_take_over_another_hubs_session_with_its_client_id(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with hub_side(tmp_path, broker.settings(NAME)) as hub:
        await until(lambda: hub.sender.state().up)
        intruder = client(broker.settings("street-7/intruder"), client_id=NAME)
        await intruder.open(Sinks(lambda *_: None, lambda *_: None), "v1/#", 20)
        hub.beat()
        await asyncio.sleep(0.5)
        intruder.close()
        assert hub.sender.state().routes[0].connects == 1
        assert hub.sender.state().up


async def test_the_platform_cannot_speak_in_a_hubs_name(broker: Mosquitto) -> None:
    verdicts: dict[int, int] = {}
    sinks = Sinks(lambda token, reason: verdicts.update({token: reason}), lambda *_: None)
    platform = client(broker.settings("platform"))
    await platform.open(sinks, "v1/+/+/hb", 20)
    platform.publish("v1/street-7/hub-1/alert/p0", b"{}", 1)
    await until(lambda: bool(verdicts))
    platform.close()
    assert verdicts == {1: 135}


async def test_without_a_certificate_nobody_gets_in_at_all(broker: Mosquitto) -> None:
    nobody = client(broker.settings("platform", certificate="", key=""))
    with pytest.raises(LinkLost):
        await nobody.open(Sinks(lambda *_: None, lambda *_: None), "#", 20)
    nobody.close()
