"""What can be done to the demo home, and how long to watch for the consequence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from gateway.health import PresenceState, Status
from gateway.records import AlertType, State
from gateway.simulate.demo import Demo

Said = AsyncIterator[tuple[str, str]]
"""Chinese and English, as it happens."""
Deed = Callable[[Demo, str], Said]

PATIENCE_S = 20.0
FLYING = 720.0
"""Half a day in a minute."""
WALKING = 100.0
"""Half an hour of silence behind a closed door in eighteen seconds."""
AT_THE_DOOR_S = 2.0
"""At the usual speed, so that the hub sees the door open however busy the machine is."""
DISPATCHED = (State.DISPATCHED, State.ON_SITE)


def _helped(type_: AlertType, not_before: float) -> Callable[[Status], bool]:
    """Whether help is on its way for an alert of this type that was raised since."""

    def condition(status: Status) -> bool:
        return any(
            view.alert.type is type_
            and view.alert.changed_at.line >= not_before
            and view.alert.state in DISPATCHED
            for view in status.open
        )

    return condition


async def press(demo: Demo, _: str) -> Said:
    before = demo.clock.now().line
    demo.home.press("call-button")
    yield "按下了床头的呼叫按钮", "the button beside the bed is pressed"
    if await demo.until(_helped(AlertType.SOS_PRESSED, before), PATIENCE_S):
        yield "平台已收到并派人上门", "the platform has it, and somebody is on the way"
    else:
        yield "平台还没有回应：告警保存在主机上", "no answer yet: the hub keeps the alert"


async def gas(demo: Demo, _: str) -> Said:
    before = demo.clock.now().line
    demo.home.gas()
    yield "厨房燃气泄漏", "gas leaks in the kitchen"
    await demo.until(_helped(AlertType.GAS_LEAK, before), PATIENCE_S)
    demo.home.gas(on=False)
    yield "阀门已关闭", "the valve is shut: the alarm ends, and help still comes"
    await demo.until(lambda s: all(v.alert.condition == "ended" for v in s.open), PATIENCE_S)


async def leave_home(demo: Demo, _: str) -> Said:
    await demo.until(_is_heard, PATIENCE_S)
    demo.home.leave_home()
    yield "出门了；时间加快", "out of the door; time flies a little"
    await asyncio.sleep(AT_THE_DOOR_S)
    async for said in _at_speed(demo, WALKING, _is(PresenceState.AWAY), 120):
        yield said
    if demo.status and demo.status.presence.state is PresenceState.AWAY:
        yield "主机知道家中无人：安静不再是告警", "the hub knows: silence is no alarm now"


async def come_home(demo: Demo, _: str) -> Said:
    demo.home.come_home()
    yield "回家了", "home again"
    await asyncio.sleep(AT_THE_DOOR_S)
    async for said in _at_speed(demo, WALKING / 10, _is(PresenceState.HOME), 60):
        yield said


async def stop_moving(demo: Demo, _: str) -> Said:
    raised = {view.alert.id for view in demo.status.open} if demo.status else set()
    demo.home.stop_moving()
    yield "从现在起家中毫无动静；时间飞快", "nothing moves any more; time flies until the hub tells"

    def told(status: Status) -> bool:
        types = (AlertType.WATER_NO_USE, AlertType.POWER_NO_USE)
        return any(v.alert.type in types and v.alert.id not in raised for v in status.open)

    async for said in _at_speed(demo, FLYING, told, 300):
        yield said
    demo.home.resume()
    yield "她起来喝了杯水", "she got up and drank a glass of water"


async def cut_network(demo: Demo, seconds: str) -> Said:
    demo.cable.pull()
    yield "网线已拔掉", "the network cable is pulled"
    await demo.until(lambda status: not any(route.up for route in status.routes), PATIENCE_S)
    demo.home.press("call-button")
    yield "断网时按下呼叫按钮", "the button is pressed all the same"
    await demo.until(lambda status: status.outbox.waiting > 0, PATIENCE_S)
    waiting = demo.status.outbox.waiting if demo.status else 0
    yield f"{waiting}条消息保存在主机上", f"{waiting} message(s) wait on the hub's disk"
    await asyncio.sleep(float(seconds or 5))
    before = demo.clock.now().line
    demo.cable.put_back()
    yield "网线插回", "the cable is back"
    if await demo.until(_helped(AlertType.SOS_PRESSED, before), 60):
        yield "告警已送达，平台已派人", "the alert has arrived, and somebody is on the way"


async def cut_power(demo: Demo, _: str) -> Said:
    before = [view.alert.id for view in demo.status.open] if demo.status else []
    await demo.cut_power()
    yield "断电（SIGKILL）", "the power is cut (SIGKILL)"
    await asyncio.sleep(1)
    await demo.switch_on()
    yield "来电，主机已重新启动", "the power is back and the hub has started"
    after = [view.alert.id for view in demo.status.open] if demo.status else []
    kept = sum(alert in after for alert in before)
    yield (
        f"断电前有{len(before)}个未结束的告警，现在仍有{kept}个",
        f"{len(before)} alert(s) were open before, {kept} of them are there",
    )


async def finish(demo: Demo, _: str) -> Said:
    for view in demo.status.open if demo.status else ():
        demo.platform.finish(view.alert.id)
        yield f"平台办结 {view.title.zh}", f"the platform closes {view.title.en}"
    await demo.until(lambda status: not status.open, PATIENCE_S)


async def speed(demo: Demo, factor: str) -> Said:
    demo.set_speed(float(factor or 1))
    yield f"时间以{factor or 1}倍速流逝", f"time runs {factor or 1} times as fast"


async def stop(demo: Demo, _: str) -> Said:
    yield "演示结束", "the demo ends"
    demo.ended.set()


DEEDS: dict[str, tuple[Deed, str]] = {
    "press": (press, "press the button beside the bed"),
    "gas": (gas, "gas leaks in the kitchen"),
    "leave-home": (leave_home, "go out: silence becomes no alarm"),
    "come-home": (come_home, "come back"),
    "stop-moving": (stop_moving, "nothing moves; time flies until the hub tells somebody"),
    "cut-network": (cut_network, "pull the cable for 5 s (or [SECONDS]), and press meanwhile"),
    "cut-power": (cut_power, "kill -9 the daemon, and start it again"),
    "finish": (finish, "the platform closes every open work order"),
    "stop": (stop, "end the demo"),
    "speed": (speed, "[FACTOR]: 480 lets a night pass in a minute, 1 is real"),
}


async def do(demo: Demo, deed: str, argument: str, language: str) -> AsyncIterator[str]:
    """Does it, and tells in one language what comes of it."""
    async for zh, en in DEEDS[deed][0](demo, argument):
        demo.tell("demo", zh, en)
        yield zh if language == "zh" else en


def _is_heard(status: Status) -> bool:
    """Just after a start the hub does not know yet that the door is closed."""
    return all(device.last_seen is not None for device in status.devices)


def _is(state: PresenceState) -> Callable[[Status], bool]:
    return lambda status: status.presence.state is state


async def _at_speed(
    demo: Demo, factor: float, condition: Callable[[Status], bool], seconds: float
) -> Said:
    usual = demo.clock.speed
    demo.set_speed(max(usual, factor))
    try:
        reached = await demo.until(condition, seconds)
    finally:
        demo.set_speed(usual)
    if not reached:
        yield "主机还没有察觉", "the hub has not noticed yet"
        return
    status = demo.status
    said = [status.presence.words, *(v.sentence for v in status.open)] if status else []
    for words in said:
        yield f"主机：{words.zh}", f"the hub says: {words.en}"
