"""The words of the home in Chinese and in English: every code, title, room, device and state.

In a phrase, `{since}` and `{begun}` are when it began, `{at}` when it happened, `{value}` the
fact's number with its unit, `{place}` the device with its room, `{cause}` the name of a port,
route or rule.
"""

from __future__ import annotations

from typing import Literal

from gateway.records import (
    AlertType,
    Code,
    Condition,
    DeviceKind,
    Outcome,
    RoomKind,
    Severity,
    State,
)

Language = Literal["zh", "en"]

# ---------------------------------------------------------------- what the facts say

PHRASES: dict[Code, tuple[str, str]] = {
    Code.PRESSED: ("{at}{place}被按下", "{place} pressed{at}"),
    Code.PRESSES: ("共按下{value}次", "pressed {value} times"),
    Code.FIRE_BUTTON: ("{at}{place}火警按钮被按下", "fire button pressed{at} ({place})"),
    Code.CANCEL_PRESSED: ("{at}按下了取消键", "cancel key pressed{at}"),
    Code.DETECTOR_ALARM: ("{place}{begun}报警", "{place} in alarm{since}"),
    Code.CONCENTRATION: ("燃气浓度{value}", "gas concentration {value}"),
    Code.WET: ("{place}{begun}检测到积水", "water on the floor{since} ({place})"),
    Code.NO_WATER: ("{since}无用水", "no water{since}"),
    Code.WATER_USED: ("{since}用水{value}", "{value} of water used{since}"),
    Code.WATER_FLOWING: ("{begun}持续用水未停", "water running without a pause{since}"),
    Code.WATER_STOPPED: ("{at}水流停止", "the flow stopped{at}"),
    Code.POWER_CHANGED: ("{at}有电器使用变化", "an appliance was switched{at}"),
    Code.NO_POWER_CHANGE: ("{since}无电器使用变化", "no appliance switched{since}"),
    Code.USUAL_LONGEST_GAP: (
        "平时白天最长间隔{value}",
        "the longest usual gap by day is {value}",
    ),
    Code.USUAL_LONGEST_GAP_NIGHT: (
        "平时夜间最长间隔{value}",
        "the longest usual gap at night is {value}",
    ),
    Code.USUAL_DAILY: ("平时每日{value}", "usually {value} a day"),
    Code.NOT_YET_LEARNT: ("平时习惯尚在学习", "what is usual here is not yet known"),
    Code.LIMIT: ("设定界限{value}", "the limit is {value}"),
    Code.RULE: ("规则第{value}版", "rule version {value}"),
    Code.SILENT: ("{place}{begun}无信号", "{place} silent{since}"),
    Code.HEARD: ("{place}{at}恢复信号", "{place} heard again{at}"),
    Code.USUAL_INTERVAL: (
        "平时最长间隔{value}有一次信号",
        "it is usually heard at least every {value}",
    ),
    Code.BATTERY_LEVEL: ("{place}电量{value}", "battery at {value} ({place})"),
    Code.BATTERY_DAYS_LEFT: ("预计还可用{value}", "expected to last {value} more"),
    Code.BATTERY_FLAG: ("{place}提示电量低", "{place} reports a low battery"),
    Code.TAMPER_OPEN: ("{place}外壳{begun}被打开", "housing open{since} ({place})"),
    Code.DEVICE_FAULT: ("{place}{begun}自报故障", "{place} reporting a fault{since}"),
    Code.STUCK_ACTIVE: ("{place}{begun}一直处于触发状态", "{place} active without a pause{since}"),
    Code.CHATTERING: ("{place}{begun}频繁跳变", "{place} changing all the time{since}"),
    Code.MAINS_LOST: ("主机{begun}断电", "the hub without mains power{since}"),
    Code.STORAGE_FAILED: ("主机存储{begun}故障", "the hub's storage out of order{since}"),
    Code.RADIO_SILENT: ("接收端口{cause}{begun}无信号", "receiver {cause} hears nothing{since}"),
    Code.LINK_LOST: ("上报线路{cause}{begun}中断", "route {cause} to the platform down{since}"),
    Code.CLOCK_UNSURE: ("主机时钟{begun}未校准", "the hub's clock unsure{since}"),
    Code.RULES_STALLED: ("检测规则{cause}{begun}出错", "detection rule {cause} failing{since}"),
    Code.DOOR_OPENED: ("{at}大门打开过", "the front door opened{at}"),
    Code.PERHAPS_AWAY: ("可能已外出", "perhaps nobody is at home"),
    Code.RADIO_BLIND: (
        "其接收端口{begun}无信号，情况不明",
        "its receiver hears nothing{since}, so this is uncertain",
    ),
    Code.METER_SILENT: ("{place}{begun}无读数", "no reading from {place}{since}"),
    Code.SELF_TEST: ("{at}自检", "self-test{at}"),
    Code.NO_SIGN_OF_LIFE: ("{begun}无活动迹象", "no sign of life{since}"),
    Code.SIGN_OF_LIFE: ("{at}有活动迹象", "a sign of life{at}"),
    Code.USUAL_QUIET: (
        "此时段平时很少超过{value}",
        "at this hour it is seldom quiet for longer than {value}",
    ),
    Code.LONE_TRIGGER: ("{at}有一次孤立触发", "a single trigger{at}"),
    Code.USUAL_FIRST_SIGN: ("平时{value}前后开始活动", "the day usually begins around {value}"),
    Code.USUAL_LONGEST_STAY: ("平时最长{value}", "the longest usual stay is {value}"),
    Code.DOOR_OPEN: ("大门{begun}未关", "the front door open{since}"),
    Code.DOOR_CLOSED: ("{at}大门已关", "the front door closed{at}"),
    Code.DOOR_NOT_USED: ("大门{begun}未使用", "the front door not used{since}"),
    Code.NOT_BACK: ("尚未回家", "nobody has come back"),
    Code.OUT_OF_BED: ("{begun}离床", "out of bed{since}"),
    Code.IN_BED: ("{begun}在床", "in bed{since}"),
    Code.IN_BATHROOM: ("{begun}在卫生间", "in the bathroom{since}"),
    Code.ROOM_TEMPERATURE: ("{place}测得{value}", "{value} in the room{since}"),
    Code.HEART_RATE: ("{begun}心率每分钟{value}", "heart rate {value}{since}"),
    Code.BREATH_RATE: ("{begun}呼吸每分钟{value}", "breath rate {value}{since}"),
    Code.NOT_PRESSED: ("今日未按平安键", "the daily press has not come"),
}

# ---------------------------------------------------------------- the names of things

TITLES: dict[AlertType, tuple[str, str]] = {
    AlertType.SOS_PRESSED: ("紧急呼叫", "Emergency call"),
    AlertType.HELP_REQUESTED: ("一般求助", "Help requested"),
    AlertType.GAS_LEAK: ("燃气泄漏", "Gas leak"),
    AlertType.SMOKE_DETECTED: ("烟雾报警", "Smoke detected"),
    AlertType.CO_DETECTED: ("一氧化碳报警", "Carbon monoxide detected"),
    AlertType.WATER_LEAK: ("漏水", "Water leak"),
    AlertType.WATER_NO_USE: ("长时间未用水", "No water used"),
    AlertType.WATER_CONTINUOUS: ("持续用水", "Water running on"),
    AlertType.WATER_HIGH_USE: ("用水过量", "High water use"),
    AlertType.POWER_NO_USE: ("用电异常", "No appliance used"),
    AlertType.ACTIVITY_INACTIVITY: ("长时间无活动", "No sign of life"),
    AlertType.ACTIVITY_NOT_RETURNED: ("外出未归", "Not returned"),
    AlertType.ACTIVITY_NO_MORNING: ("晨间无活动", "Nothing heard this morning"),
    AlertType.ACTIVITY_NO_EVENING: ("晚间无活动", "Nothing heard this evening"),
    AlertType.BED_EXIT_NO_RETURN: ("夜间离床未归", "Out of bed and not back"),
    AlertType.BED_LONG_STAY: ("长时间卧床", "Long in bed"),
    AlertType.BATHROOM_OVERSTAY: ("卫生间滞留", "Long in the bathroom"),
    AlertType.DOOR_LEFT_OPEN: ("大门未关", "Front door left open"),
    AlertType.DOOR_NIGHT_EXIT: ("夜间外出", "Out at night"),
    AlertType.DOOR_NO_USE: ("多日未出门", "Front door not used"),
    AlertType.VITALS_HEART: ("心率异常", "Unusual heart rate"),
    AlertType.VITALS_BREATH: ("呼吸异常", "Unusual breath rate"),
    AlertType.TEMP_COLD: ("室温过低", "Too cold"),
    AlertType.TEMP_HOT: ("室温过高", "Too hot"),
    AlertType.CHECKIN_MISSED: ("平安键未按", "Daily press missed"),
    AlertType.SENSOR_BATTERY_LOW: ("传感器电量低", "Sensor battery low"),
    AlertType.SENSOR_OFFLINE: ("传感器离线", "Sensor offline"),
    AlertType.SENSOR_TAMPER: ("传感器被拆动", "Sensor tampered with"),
    AlertType.SENSOR_STUCK: ("传感器卡滞", "Sensor stuck"),
    AlertType.SENSOR_FAULT: ("传感器故障", "Sensor fault"),
    AlertType.HUB_MAINS_LOST: ("主机断电", "Hub without mains"),
    AlertType.HUB_BATTERY_LOW: ("主机电量低", "Hub battery low"),
    AlertType.HUB_LINK_DEGRADED: ("主机通信中断", "Hub link down"),
    AlertType.HUB_RADIO_BLIND: ("主机接收中断", "Hub receiver blind"),
    AlertType.HUB_EVALUATOR_STALLED: ("主机检测停滞", "Hub detection stalled"),
    AlertType.HUB_STORAGE_FAULT: ("主机存储故障", "Hub storage fault"),
    AlertType.HUB_CLOCK_UNSURE: ("主机时钟不准", "Hub clock unsure"),
    AlertType.TEST_CALL: ("测试呼叫", "Test call"),
    AlertType.TEST_PERIODIC: ("定期自检", "Periodic self-test"),
}

ROOMS: dict[RoomKind, tuple[str, str]] = {
    RoomKind.BEDROOM: ("卧室", "bedroom"),
    RoomKind.BATHROOM: ("卫生间", "bathroom"),
    RoomKind.KITCHEN: ("厨房", "kitchen"),
    RoomKind.LIVING_ROOM: ("客厅", "living room"),
    RoomKind.HALL: ("门厅", "hall"),
    RoomKind.BALCONY: ("阳台", "balcony"),
    RoomKind.OTHER: ("其他房间", "another room"),
}

DEVICES: dict[DeviceKind, tuple[str, str]] = {
    DeviceKind.CALL_BUTTON: ("呼叫按钮", "call button"),
    DeviceKind.HELP_BUTTON: ("求助按钮", "help button"),
    DeviceKind.CANCEL_BUTTON: ("取消按钮", "cancel button"),
    DeviceKind.DOOR_CONTACT: ("门磁", "door contact"),
    DeviceKind.MOTION: ("人体感应器", "motion sensor"),
    DeviceKind.PRESENCE: ("存在感应器", "presence sensor"),
    DeviceKind.BED: ("床垫传感器", "bed sensor"),
    DeviceKind.WATER_METER: ("水表", "water meter"),
    DeviceKind.ELECTRICITY_METER: ("电表", "electricity meter"),
    DeviceKind.GAS_ALARM: ("燃气报警器", "gas alarm"),
    DeviceKind.SMOKE_ALARM: ("烟雾报警器", "smoke alarm"),
    DeviceKind.CO_ALARM: ("一氧化碳报警器", "carbon monoxide alarm"),
    DeviceKind.LEAK_SENSOR: ("水浸传感器", "leak sensor"),
    DeviceKind.THERMOMETER: ("温度计", "thermometer"),
    DeviceKind.PLUG: ("智能插座", "smart plug"),
    DeviceKind.PENDANT: ("呼叫吊坠", "pendant"),
    DeviceKind.RADAR: ("雷达", "radar"),
    DeviceKind.HUB: ("主机", "hub"),
}

STATES: dict[State, tuple[str, str]] = {
    State.RAISED: ("已触发", "raised"),
    State.DELIVERED: ("已送达", "delivered"),
    State.ACKNOWLEDGED: ("已受理", "acknowledged"),
    State.DISPATCHED: ("已派单", "help on the way"),
    State.ON_SITE: ("已到场", "help has arrived"),
    State.CLOSED: ("已办结", "closed"),
    State.CANCELLED: ("已取消", "cancelled"),
    State.EXPIRED: ("已过期", "expired"),
}

CONDITIONS: dict[Condition, tuple[str, str]] = {
    Condition.PRESENT: ("仍在持续", "still so"),
    Condition.ENDED: ("已解除", "over"),
}

OUTCOMES: dict[Outcome, tuple[str, str]] = {
    Outcome.NONE: ("尚无结果", "no outcome yet"),
    Outcome.CLEARED: ("自行恢复", "cleared by itself"),
    Outcome.HELPED: ("已提供帮助", "helped"),
    Outcome.FALSE_ALARM: ("误报", "false alarm"),
    Outcome.TEST: ("测试", "test"),
    Outcome.NOT_REACHED: ("未联系上", "not reached"),
    Outcome.OTHER: ("其他", "other"),
}

SEVERITIES: dict[Severity, tuple[str, str]] = {
    Severity.S1: ("紧急", "emergency"),
    Severity.S2: ("急迫", "urgent"),
    Severity.S3: ("关注", "concern"),
    Severity.S4: ("维护", "maintenance"),
    Severity.S0: ("信息", "information"),
}

DEVICE_STATES: dict[str, tuple[str, str]] = {
    "ok": ("正常", "well"),
    "late": ("迟到", "late"),
    "lost": ("失联", "lost"),
    "unknown": ("不明", "unknown"),
}

UNITS: dict[str, tuple[str, str]] = {
    "m3": ("立方米", " m³"),
    "d": ("天", " days"),
    "%": ("%", " %"),
    "kWh": ("千瓦时", " kWh"),
    "W": ("瓦", " W"),
    "C": ("℃", " °C"),
    "1/min": ("次", " a minute"),
}


def title(type_: AlertType, language: Language) -> str:
    return TITLES[type_][language == "en"]


def room_name(kind: RoomKind, language: Language) -> str:
    return ROOMS[kind][language == "en"]


def device_name(kind: DeviceKind, language: Language) -> str:
    return DEVICES[kind][language == "en"]


def state_name(state: State, language: Language) -> str:
    return STATES[state][language == "en"]


def condition_name(condition: Condition, language: Language) -> str:
    return CONDITIONS[condition][language == "en"]


def outcome_name(outcome: Outcome, language: Language) -> str:
    return OUTCOMES[outcome][language == "en"]


def severity_name(severity: Severity, language: Language) -> str:
    return SEVERITIES[severity][language == "en"]


def device_state_name(state: str, language: Language) -> str:
    """`state`: ok, late, lost or unknown, as the supervision says."""
    return DEVICE_STATES[state][language == "en"]


def place_name(room: RoomKind | None, kind: DeviceKind | None, language: Language) -> str:
    """The device with its room: 卧室呼叫按钮, "the call button in the bedroom"."""
    if kind is DeviceKind.HUB:
        return "主机" if language == "zh" else "the hub"
    if language == "zh":
        known = room if room is not RoomKind.OTHER else None
        return (ROOMS[known][0] if known else "") + (DEVICES[kind][0] if kind else "设备")
    name = f"the {DEVICES[kind][1] if kind else 'device'}"
    if room is None or room is RoomKind.OTHER:
        return name
    return f"{name} {'on' if room is RoomKind.BALCONY else 'in'} the {ROOMS[room][1]}"
