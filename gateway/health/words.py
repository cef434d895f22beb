"""Values, times and the steps of help in plain words, Chinese and English.

The words of alerts are in `sentences.py`; here is the rest that a person reads on the page and in
`lamplight status`. Times of day appear only where the clock was trusted.
"""

from __future__ import annotations

from datetime import tzinfo

from gateway import sentences
from gateway.health import DeviceState, Words
from gateway.records import (
    AGEING,
    BELIEVED_S,
    Alert,
    Condition,
    Instant,
    Outcome,
    Quantity,
    RadioState,
    State,
    Value,
)

LANGUAGES: tuple[sentences.Language, ...] = ("zh", "en")

# ---------------------------------------------------------------- values

_FLAGS: dict[Quantity, tuple[Words, Words]] = {
    # quantity: (while true, while false)
    Quantity.CONTACT_OPEN: (Words("门开着", "Open"), Words("门关着", "Closed")),
    Quantity.BED_OCCUPIED: (Words("在床上", "In bed"), Words("不在床上", "Out of bed")),
    Quantity.PRESENCE: (Words("有人", "Somebody there"), Words("无人", "Nobody there")),
    Quantity.MOTION: (Words("有人活动", "Movement"), Words("无活动", "No movement")),
    Quantity.SWITCH_ON: (Words("开", "On"), Words("关", "Off")),
    Quantity.VALVE_OPEN: (Words("阀门开", "Valve open"), Words("阀门关", "Valve closed")),
    Quantity.GAS_ALARM: (Words("燃气报警", "Gas alarm"), Words("未报警", "No alarm")),
    Quantity.SMOKE_ALARM: (Words("烟雾报警", "Smoke alarm"), Words("未报警", "No alarm")),
    Quantity.CO_ALARM: (Words("一氧化碳报警", "CO alarm"), Words("未报警", "No alarm")),
    Quantity.WATER_LEAK: (Words("有水", "Wet"), Words("干燥", "Dry")),
    Quantity.WATER_FAULT: (Words("水表故障", "Meter fault"), Words()),
    Quantity.WATER_SHORTAGE: (Words("缺水", "No water pressure"), Words()),
    Quantity.TAMPER: (Words("外壳被打开", "Case open"), Words()),
    Quantity.FAULT: (Words("设备故障", "Device fault"), Words()),
    Quantity.BATTERY_DEFECT: (Words("电池损坏", "Battery defect"), Words()),
    Quantity.EMERGENCY: (Words("按着", "Pressed"), Words("未按下", "Not pressed")),
    Quantity.FIRE_BUTTON: (Words("按着", "Pressed"), Words("未按下", "Not pressed")),
    Quantity.MAINS_OK: (Words("有市电", "Mains power"), Words("停电", "No mains power")),
}

_MEASURES: dict[Quantity, tuple[Words, int]] = {
    # quantity: (name, decimals)
    Quantity.WATER_TOTAL: (Words("累计用水", "Water used"), 3),
    Quantity.WATER_FLOW: (Words("水流", "Flow"), 3),
    Quantity.ENERGY_TOTAL: (Words("累计用电", "Energy used"), 2),
    Quantity.POWER: (Words("功率", "Power"), 0),
    Quantity.VOLTAGE: (Words("电压", "Voltage"), 0),
    Quantity.CURRENT: (Words("电流", "Current"), 2),
    Quantity.GAS_LEL: (Words("燃气浓度", "Gas"), 1),
    Quantity.TEMPERATURE: (Words("温度", "Temperature"), 1),
    Quantity.HUMIDITY: (Words("湿度", "Humidity"), 0),
    Quantity.HEART_RATE: (Words("心率", "Heart rate"), 0),
    Quantity.BREATH_RATE: (Words("呼吸", "Breath rate"), 0),
}

_UNITS = {"m3": "m³", "m3/h": "m³/h", "C": "°C", "%LEL": "% LEL"}

_PRESSES = {
    "press": Words("按过一次", "Pressed"),
    "double_press": Words("按过两次", "Pressed twice"),
    "long_press": Words("长按过", "Long press"),
    "cancel": Words("按过取消", "Cancelled"),
}

SHOWN = frozenset(_FLAGS) | frozenset(_MEASURES) | {Quantity.BUTTON}
"""The quantities that somebody would want to see beside a device."""


def value(quantity: Quantity, value: Value, channel: str = "", age_s: float = 0.0) -> Words:
    """ "Temperature 21.5 °C"; empty for what is not worth saying (no fault, no tamper)."""
    if quantity in AGEING and age_s > BELIEVED_S:
        return Words("状态未知", "State unknown")
    if quantity in _FLAGS:
        return _FLAGS[quantity][0 if value else 1]
    if quantity in _MEASURES:
        return _measure(quantity, float(value), channel)
    if quantity is Quantity.BUTTON:
        return _PRESSES.get(str(value), Words("按过", "Pressed"))
    return Words()


def _measure(quantity: Quantity, number: float, channel: str) -> Words:
    name, decimals = _MEASURES[quantity]
    unit = _UNITS.get(quantity.unit or "", quantity.unit or "")
    amount = f"{number:,.{decimals}f}\u00a0{unit}"  # a number stays with its unit
    which = f" {channel}" if channel else ""
    return Words(f"{name.zh}{which} {amount}", f"{name.en}{which} {amount}")


# ---------------------------------------------------------------- time


def lasting(seconds: float) -> Words:
    """ "6小时20分" / "6 h 20 min"."""
    return Words(sentences.duration(seconds, "zh"), sentences.duration(seconds, "en"))


def moment(at: Instant, now: Instant, zone: tzinfo) -> Words:
    """When it was: "21:10" of today, with the date otherwise, and how long ago if nobody knows."""
    if not (at.trusted and now.trusted):
        age = lasting(now.since(at))
        return Words(f"{age.zh}前", f"{age.en} ago")
    local, today = at.local(zone), now.local(zone)
    clock = f"{local:%H:%M}"
    if local.date() == today.date():
        return Words(clock, clock)
    return Words(f"{local.month}月{local.day}日{clock}", f"{local:%d %b} {clock}")


# ---------------------------------------------------------------- how far the help has come

_HELP: dict[State, Words] = {
    State.RAISED: Words(
        "正在通知平台，尚未收到回执", "Being sent; the platform has not confirmed it"
    ),
    State.DELIVERED: Words(
        "平台已收到，等待受理", "The platform has it; nobody has taken it up yet"
    ),
    State.ACKNOWLEDGED: Words("已有人受理", "Somebody has taken it up"),
    State.DISPATCHED: Words("已派人前往", "Help is on the way"),
    State.ON_SITE: Words("人已到达", "Help has arrived"),
    State.CLOSED: Words("已办结", "Closed"),
    State.CANCELLED: Words("已在家中取消", "Called off in the home"),
    State.EXPIRED: Words("已过期", "Expired, nobody closed it"),
}


def help_words(alert: Alert, eta: Instant | None, now: Instant, zone: tzinfo) -> Words:
    """ "Help is on the way, expected at 21:52"."""
    said = _help_words(alert, eta, now, zone)
    if alert.state.open and alert.condition is Condition.ENDED:
        return Words(f"{said.zh}；警情本身已解除", f"{said.en}; the alarm itself has ended")
    return said


def _help_words(alert: Alert, eta: Instant | None, now: Instant, zone: tzinfo) -> Words:
    said = _HELP[alert.state]
    if alert.state is State.DISPATCHED and eta is not None:
        return _arrival(said, eta, now, zone)
    if alert.outcome is Outcome.NONE or alert.state.open:
        return said
    zh, en = (sentences.outcome_name(alert.outcome, language) for language in LANGUAGES)
    return Words(f"{said.zh}：{zh}", f"{said.en}: {en}")


def _arrival(said: Words, eta: Instant, now: Instant, zone: tzinfo) -> Words:
    if not (eta.trusted and now.trusted):
        left = lasting(max(60.0, eta.since(now)))
        return Words(f"{said.zh}，约{left.zh}后到达", f"{said.en}, there in about {left.en}")
    at = moment(eta, now, zone)
    return Words(f"{said.zh}，预计{at.zh}到达", f"{said.en}, expected at {at.en}")


def step_words(state: State) -> Words:
    """One step in the list of what was sent."""
    zh, en = (sentences.state_name(state, language) for language in LANGUAGES)
    return Words(zh, capital(en))


def device_why(state: DeviceState, silent_s: float | None, radio: RadioState | None) -> Words:
    """Why a device is not ok. `radio`: the blind one it hangs on."""
    if state is DeviceState.OK:
        return Words()
    if radio is not None:
        return Words(f"接收端口 {radio.name} 无信号", f"its receiver {radio.name} hears nothing")
    if silent_s is None:
        return Words("尚未收到任何信号", "not heard yet")
    age = lasting(silent_s)
    return Words(f"已{age.zh}没有信号", f"silent for {age.en}")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
