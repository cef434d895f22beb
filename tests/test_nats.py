"""The uplink over the embedded broker: a real nats-server, MQTT 3.1.1 over JetStream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from gateway import wire
from gateway.records import Outcome, Signal
from gateway.simulate.broker import EmbeddedBroker
from gateway.simulate.platform import Conduct, Platform
from gateway.uplink.schedule import MANNERS
from tests.brokers import until
from tests.uplink_rig import NAME, QUICK, hub_side, platform_side, running

QUICK_MANNERS = [structs.replace(MANNERS[0], gaps_s=(0.5,)), *MANNERS[1:]]


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    embedded = EmbeddedBroker(tmp_path / "nats")
    await embedded.start()
    try:
        yield embedded
    finally:
        await embedded.stop()


async def test_an_alert_is_receipted_and_answered_over_the_embedded_broker(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    conduct = Conduct(acknowledge_s=0.0, dispatch_s=0.1)
    async with (
        platform_side(tmp_path, broker.settings(), conduct) as platform,
        hub_side(tmp_path, broker.settings()) as hub,
    ):
        await until(lambda: platform.why == "" and hub.sender.state().up)
        (row,) = await hub.press(1)
        await until(lambda: hub.waiting() == 0)
        await until(lambda: Signal.DISPATCHED in [answer.signal for answer in hub.answers])
        platform.finish(row.alert_id, Outcome.FALSE_ALARM)
        await until(lambda: Signal.CLOSED in [answer.signal for answer in hub.answers])
        assert hub.answers[-1].outcome is Outcome.FALSE_ALARM


async def test_the_hub_says_openly_that_it_speaks_3_1_1(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    async with (
        platform_side(tmp_path, broker.settings()) as platform,
        hub_side(tmp_path, broker.settings()) as hub,
    ):
        await until(lambda: NAME in platform.states)
        birth = platform.states[NAME]
        assert (birth.mqtt, birth.fallback) == ("3.1.1", wire.Fallback.UNSUPPORTED)
        (route,) = hub.sender.state().routes
        assert route.fallback == "the broker does not speak MQTT 5"


async def test_the_birth_is_retained_for_a_platform_that_comes_later(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    async with hub_side(tmp_path, broker.settings()) as hub:
        hub.beat()
        await until(lambda: hub.sender.state().up)
        async with platform_side(tmp_path, broker.settings()) as platform:
            await until(lambda: NAME in platform.states)
            assert platform.states[NAME].state is wire.HubState.ONLINE


async def test_the_embedded_broker_killed_and_restored_loses_nothing(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    async with (
        platform_side(tmp_path, broker.settings()) as platform,
        hub_side(tmp_path, broker.settings(), manners=QUICK_MANNERS) as hub,
    ):
        await until(lambda: platform.why == "" and hub.sender.state().up)
        rows = await hub.press(*range(30))
        await broker.kill()
        rows += await hub.press(*range(30, 50))
        await until(lambda: not hub.sender.state().up)
        await broker.start()
        await until(lambda: hub.waiting() == 0)
        assert sorted(platform.memory.message_ids(NAME)) == sorted(row.message_id for row in rows)


async def test_a_hub_and_a_broker_may_start_in_any_order(tmp_path: Path) -> None:
    embedded = EmbeddedBroker(tmp_path / "nats")
    async with hub_side(tmp_path, embedded.settings(), manners=QUICK_MANNERS) as hub:
        await hub.press(1)
        await until(lambda: "nothing listens" in hub.sender.state().routes[0].why)
        await embedded.start()
        try:
            async with platform_side(tmp_path, embedded.settings()):
                await until(lambda: hub.waiting() == 0)
        finally:
            await embedded.stop()


async def test_the_platform_remembers_across_its_own_restart_and_counts_duplicates(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """Its receipts are lost at first, so the same messages come again to its successor."""
    deaf = Conduct(receipts=False, orders=False, resends=False)
    async with hub_side(tmp_path, broker.settings(), manners=QUICK_MANNERS) as hub:
        async with platform_side(tmp_path, broker.settings(), deaf) as platform:
            await until(lambda: platform.why == "" and hub.sender.state().up)
            await hub.press(1, 2, 3)
            await until(lambda: platform.counts["alert"] == 3)
        async with platform_side(tmp_path, broker.settings()) as platform:
            await until(lambda: hub.waiting() == 0)
            assert platform.counts["alert"] == 0
            assert platform.counts["duplicate"] >= 3
            assert len(platform.memory.message_ids(NAME)) == 3


async def test_the_platform_says_in_both_languages_what_it_received(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    told: list[tuple[str, str]] = []
    platform = Platform(
        broker.settings(),
        tmp_path / "platform.db",
        tell=lambda zh, en: told.append((zh, en)),
        pace=QUICK,
    )
    async with running(platform.run()), hub_side(tmp_path, broker.settings()) as hub:
        await until(lambda: platform.why == "" and hub.sender.state().up)
        await hub.press(1)
        await until(lambda: any("work order" in english for _, english in told))
    platform.close()
    chinese, english = next(words for words in told if "rev 1" in words[1])
    assert "紧急呼叫" in chinese
    assert "Emergency call" in english
