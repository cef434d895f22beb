"""Every threshold of the detectors, with its default, its bounds and where it comes from.

The plan of one home may change any of them ([rules.water] no_use_h = 24). The unit is in the name:
_s seconds, _min minutes, _h hours, _days days, _m3 cubic metres, _w watts, _percent percent.
The bounds are `msgspec.Meta`, so whoever reads the plan can check them and name them.
Where no clause or practice is named, the figure is ours and is to be tuned by replaying real
homes.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

TimeOfDay = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description='a time of day from "00:00" to "23:59"',
    ),
]
"""Local time of day, "HH:MM"."""


def minute_of_day(time_of_day: TimeOfDay) -> int:
    """Minutes after local midnight: "07:30" is 450."""
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:])


def within(minute: int, start: TimeOfDay, end: TimeOfDay) -> bool:
    """Whether a minute of the day lies in [start, end); a window may go over midnight."""
    first, last = minute_of_day(start), minute_of_day(end)
    if first <= last:
        return first <= minute < last
    return minute >= first or minute < last


class SosRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Presses that call for help."""

    cancel_s: Annotated[float, Meta(ge=0, le=300)] = 30.0
    """A cancel this soon after the press marks the incident as cancelled; it deletes nothing.
    The alert catalogue; ours."""
    merge_s: Annotated[float, Meta(ge=0, le=120)] = 10.0
    """Presses closer together than this belong to one incident. Ours: a frightened hand."""
    test_min: Annotated[float, Meta(ge=1, le=120)] = 30.0
    """A test flag or window counts for this long at most: one left on by mistake must not turn
    calls for help into tests. Ours."""


class GasRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Gas, smoke and carbon monoxide, as the detector in the room says. It is believed at once."""

    clear_s: Annotated[float, Meta(ge=0, le=600)] = 10.0
    """The detector must have been quiet for this long before the alarm counts as over; one that
    flickers at its threshold is one incident. Ours."""


class LeakRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Water where none should be."""

    wet_s: Annotated[float, Meta(ge=0, le=600)] = 5.0
    """Wet for this long is a leak; a splash is not. Ours."""
    dry_s: Annotated[float, Meta(ge=0, le=86400)] = 60.0
    """Dry for this long ends it. Ours."""


class WaterRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the water meter says about the day."""

    no_use_h: Annotated[float, Meta(ge=2, le=72)] = 12.0
    """Less than `no_use_m3` in a rolling window of this length. Shanghai street practice:
    Changning 12 h, other districts 24 h."""
    no_use_m3: Annotated[float, Meta(gt=0, le=1)] = 0.01
    """The water below which nobody has used any. Shanghai street practice: 0.01 m3."""
    judged_from: TimeOfDay = "07:00"
    """No use is judged from this local time on: a long sleep is no alarm. Ours."""
    judged_until: TimeOfDay = "22:00"
    """No use is judged until this local time. Ours."""
    no_use_hard_h: Annotated[float, Meta(ge=2, le=168)] = 24.0
    """This long without water is judged at any hour, and also while the time of day is not known.
    Shanghai street practice: 24 h."""
    pause_min: Annotated[float, Meta(ge=5, le=240)] = 30.0
    """A pause of this length is a rest: water has stopped. Leak practice of smart meters
    (no zero half-hour slot in a day)."""
    continuous_h: Annotated[float, Meta(ge=2, le=168)] = 24.0
    """No pause in this time is continuous use. The same practice."""
    night_flow_min: Annotated[float, Meta(ge=10, le=480)] = 60.0
    """Steady flow at night for longer than this: a tap left on. Ours."""
    night_pause_min: Annotated[float, Meta(ge=2, le=60)] = 20.0
    """At night, a flow without a pause of this length is steady. Ours."""
    night_from: TimeOfDay = "22:00"
    """Where the night begins, for the steady flow and for what is usual. Ours."""
    night_until: TimeOfDay = "06:00"
    """Where the night ends. Ours."""
    high_use_m3: Annotated[float, Meta(gt=0, le=100)] = 2.0
    """More than this in one local day is too much. Shanghai street practice: 2 m3."""
    meter_silent_min: Annotated[float, Meta(ge=1, le=1500)] = 60.0
    """Not heard for longer than this (or three of its polls), the meter proves nothing about the
    present. Ours; that it is silent is told as sensor.offline."""
    flow_max_m3_h: Annotated[float, Meta(gt=0, le=200)] = 10.0
    """A register that rises faster was replaced or misread, and the windows start again.
    A DN 20 household meter passes 5 m3/h at its overload flow Q4 (OIML R 49-1)."""
    learn_days: Annotated[int, Meta(ge=3, le=90)] = 7
    """From so many days on, the home's own longest gap is called usual. Ours."""


class PowerRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the electricity meter says about the day."""

    no_use_h: Annotated[float, Meta(ge=2, le=72)] = 12.0
    """No appliance was switched for this long. The alert catalogue; ours."""
    step_w: Annotated[float, Meta(ge=10, le=5000)] = 150.0
    """A step in power of this size is somebody at an appliance. Ours: above a refrigerator's
    compressor (80 to 130 W), which switches in an empty home too."""
    slope_w: Annotated[float, Meta(ge=10, le=5000)] = 100.0
    """For a meter that tells energy only: a change of the mean power from one slot to the next
    of this size. Ours."""
    slope_min: Annotated[float, Meta(ge=5, le=240)] = 30.0
    """The length of such a slot. Ours: 0.01 kWh in half an hour is 20 W."""
    meter_silent_min: Annotated[float, Meta(ge=1, le=1500)] = 60.0
    """Not heard for longer than this (or three of its polls), the meter proves nothing. Ours."""


class SupervisionRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the sensors themselves are well."""

    ceiling_h: Annotated[float, Meta(ge=0.1, le=25)] = 25.0
    """No device may be silent for longer unnoticed, whatever its rhythm. EN 50134-2 (25 h);
    the plan may only shorten it."""
    rhythm_factor: Annotated[float, Meta(ge=2, le=20)] = 3.0
    """Silent for so many of its own intervals is offline. The alert catalogue; ours."""
    late_factor: Annotated[float, Meta(ge=1, le=10)] = 1.5
    """Silent for so many of its own intervals is late (shown, not told). Ours."""
    floor_min: Annotated[float, Meta(ge=1, le=1440)] = 10.0
    """A silence shorter than this is never offline, however fast the device speaks. Ours."""
    learn_intervals: Annotated[int, Meta(ge=3, le=1000)] = 10
    """So many intervals make a rhythm; before that the ceiling holds. Ours."""
    battery_percent: Annotated[float, Meta(ge=1, le=50)] = 10.0
    """At or below this level the battery is low. Ours, for devices without a flag."""
    battery_days: Annotated[float, Meta(ge=1, le=180)] = 28.0
    """A battery that will be empty within so many days is low. EN 50134-2 (28 days' notice)."""
    tamper_s: Annotated[float, Meta(ge=0, le=600)] = 10.0
    """The housing open for this long. The alert catalogue; ours."""
    stuck_h: Annotated[float, Meta(ge=1, le=168)] = 12.0
    """Active without a pause for this long is stuck. Ours."""
    chatter_per_min: Annotated[int, Meta(ge=4, le=600)] = 20
    """More changes than this in a minute is chattering. Ours: a bad contact."""
    chatter_min: Annotated[int, Meta(ge=1, le=60)] = 3
    """So many such minutes in a row make it stuck, as many quiet ones end it. Ours."""


class HubRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the hub itself is well."""

    mains_log_s: Annotated[float, Meta(ge=0, le=600)] = 10.0
    """Without mains for this long: noted (S0). The alert catalogue; ours."""
    mains_told_s: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    """Without mains for this long: told (S4). Ours."""
    mains_urgent_min: Annotated[float, Meta(ge=1, le=1440)] = 30.0
    """Without mains for this long: urgent (S2). Ours."""
    battery_percent: Annotated[float, Meta(ge=1, le=90)] = 20.0
    """The hub's own battery at or below this level is low. Ours."""
    link_down_min: Annotated[float, Meta(ge=1, le=1440)] = 10.0
    """A route to the platform down for this long is told (S4). Ours."""
    link_urgent_min: Annotated[float, Meta(ge=1, le=10080)] = 60.0
    """Every route down for this long is urgent (S2). Ours."""
    radio_blind_min: Annotated[float, Meta(ge=0.5, le=240)] = 10.0
    """A radio or port that hears nothing for this long. The alert catalogue; ours."""
    clock_unsure_h: Annotated[float, Meta(ge=0.1, le=168)] = 6.0
    """The time of day not known for this long. Ours."""
    evaluator_clean_min: Annotated[float, Meta(ge=1, le=1440)] = 60.0
    """A detector that failed counts as well again after this long without a failure. Ours."""


class PresenceRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether anybody is at home."""

    quiet_min: Annotated[float, Meta(ge=5, le=240)] = 30.0
    """The front door opened and then nothing moved for this long: away. Ours."""
    return_activations: Annotated[int, Meta(ge=1, le=20)] = 3
    """So many activations ... Ours: one ghost trigger of a motion sensor brings nobody home."""
    return_sensors: Annotated[int, Meta(ge=1, le=10)] = 2
    """... from so many sensors ..."""
    return_window_min: Annotated[float, Meta(ge=1, le=120)] = 10.0
    """... within this time mean that somebody is at home."""
    settle_min: Annotated[float, Meta(ge=0, le=60)] = 5.0
    """The door opening again so soon after a return is still the return. Ours."""
    believed_h: Annotated[float, Meta(ge=1, le=720)] = 48.0
    """An absence that nobody announced is believed for this long, then it is only likely.
    Ours: who fell behind the door after opening it must not be away for ever."""


class InactivityRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No sign of life at all."""

    default_h: Annotated[float, Meta(ge=2, le=48)] = 10.0
    """Without a sign of life for this long, as long as nothing is learnt. Ours: the longest night
    of most people."""
    shadow_days: Annotated[int, Meta(ge=1, le=90)] = 7
    """From so many days on, what was learnt counts instead. The alert catalogue; ours."""
    floor_h: Annotated[float, Meta(ge=0.5, le=24)] = 1.0
    """Whatever was learnt, a shorter silence is none. Ours."""
    ceiling_h: Annotated[float, Meta(ge=2, le=72)] = 24.0
    """Whatever was learnt, a longer silence is one. The alert catalogue; ours."""
    false_per_month: Annotated[float, Meta(gt=0.001, le=10)] = 0.35
    """So many silences in 30 days may be as unusual as the limit: the sensitivity. Ours; the
    promise is 0.37."""
    not_returned_h: Annotated[float, Meta(ge=2, le=720)] = 24.0
    """Out by the front door and not back for this long is a concern. Ours."""


class DoorRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The front door: left open, used at night, not used at all."""

    open_min: Annotated[float, Meta(ge=1, le=240)] = 10.0
    """Open for this long by day. The alert catalogue; ours."""
    open_night_min: Annotated[float, Meta(ge=1, le=240)] = 5.0
    """Open for this long at night. The alert catalogue; ours."""
    night_back_min: Annotated[float, Meta(ge=1, le=240)] = 15.0
    """Out at night and not back within this time. The alert catalogue; ours."""
    night_from: TimeOfDay = "22:00"
    """Where the night begins. The alert catalogue; ours."""
    night_until: TimeOfDay = "06:00"
    """Where the night ends. The alert catalogue; ours."""
    no_use_note_h: Annotated[float, Meta(ge=12, le=720)] = 24.0
    """Not used for this long: a note (S0). The alert catalogue; ours."""
    no_use_concern_h: Annotated[float, Meta(ge=12, le=720)] = 48.0
    """Not used for this long: a concern (S3). The alert catalogue; ours."""


class TemperatureRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The temperature of a room."""

    cold_c: Annotated[float, Meta(ge=5, le=22)] = 16.0
    """Colder than this is too cold. The alert catalogue; ours (WHO housing guidelines: 18 C)."""
    hot_c: Annotated[float, Meta(ge=24, le=40)] = 30.0
    """Hotter than this is too hot. The alert catalogue; ours."""
    great_heat_c: Annotated[float, Meta(ge=26, le=45)] = 33.0
    """Hotter than this is told at once, and urgent. The alert catalogue; ours."""
    back_c: Annotated[float, Meta(ge=0, le=5)] = 1.0
    """So far back within the bounds it is over. The alert catalogue; ours."""
    lasting_h: Annotated[float, Meta(ge=0, le=24)] = 2.0
    """For this long. The alert catalogue; ours."""


class VitalsRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Heart and breath in bed; a notice of wellbeing, no medical device."""

    heart_low_per_min: Annotated[float, Meta(ge=20, le=60)] = 40.0
    """At or below this the heart is slow. NEWS2 (3 points at 40 or less)."""
    heart_high_per_min: Annotated[float, Meta(ge=90, le=200)] = 131.0
    """At or above this it is fast. NEWS2 (3 points at 131 or more)."""
    breath_low_per_min: Annotated[float, Meta(ge=4, le=12)] = 8.0
    """At or below this breath is slow. NEWS2 (3 points at 8 or less)."""
    breath_high_per_min: Annotated[float, Meta(ge=18, le=60)] = 25.0
    """At or above this it is fast. NEWS2 (3 points at 25 or more)."""
    lasting_min: Annotated[float, Meta(ge=1, le=60)] = 5.0
    """Without a break for this long. The alert catalogue; ours."""
    normal_min: Annotated[float, Meta(ge=1, le=120)] = 10.0
    """Normal for this long ends it. The alert catalogue; ours."""


class BathroomRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long somebody stays in the bathroom."""

    stay_min: Annotated[float, Meta(ge=15, le=480)] = 60.0
    """In there for this long by day. The alert catalogue; ours."""
    stay_night_min: Annotated[float, Meta(ge=10, le=480)] = 45.0
    """In there for this long at night. The alert catalogue; ours."""
    ceiling_h: Annotated[float, Meta(ge=0.5, le=12)] = 4.0
    """Whatever was learnt, longer is too long. The alert catalogue; ours."""
    night_from: TimeOfDay = "22:00"
    """Where the night begins. The alert catalogue; ours."""
    night_until: TimeOfDay = "06:00"
    """Where the night ends. The alert catalogue; ours."""


class BedRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Out of bed at night, and in bed for too long."""

    exit_min: Annotated[float, Meta(ge=5, le=240)] = 45.0
    """Out of bed at night for this long, though somebody moves. The alert catalogue; ours."""
    exit_still_min: Annotated[float, Meta(ge=5, le=240)] = 30.0
    """Out of bed at night for this long, and nothing moves. The alert catalogue; ours."""
    stay_h: Annotated[float, Meta(ge=8, le=24)] = 12.0
    """In bed for this long, as long as nothing is learnt. Ours."""
    stay_floor_h: Annotated[float, Meta(ge=6, le=24)] = 10.0
    """Whatever was learnt, a shorter stay is no long one. The alert catalogue; ours."""
    stay_ceiling_h: Annotated[float, Meta(ge=8, le=36)] = 14.0
    """Whatever was learnt, a longer stay is one. The alert catalogue; ours."""
    learn_days: Annotated[int, Meta(ge=3, le=90)] = 7
    """From so many nights on, what was learnt counts. Ours."""
    night_from: TimeOfDay = "22:00"
    """Where the night begins. The alert catalogue; ours."""
    night_until: TimeOfDay = "06:00"
    """Where the night ends. The alert catalogue; ours."""


class RhythmRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The curtain in the morning and the lamp in the evening."""

    morning_from: TimeOfDay = "04:00"
    """What is heard from this local time on belongs to the morning. Ours."""
    morning_until: TimeOfDay = "10:00"
    """Nothing heard by then, as long as nothing is learnt. The alert catalogue; ours."""
    evening_from: TimeOfDay = "17:00"
    """Where the evening begins. The alert catalogue; ours."""
    evening_until: TimeOfDay = "21:00"
    """Nothing heard in the evening by then. The alert catalogue; ours."""
    learn_days: Annotated[int, Meta(ge=3, le=90)] = 7
    """From so many mornings of a kind on, what was learnt counts. Ours."""


class CheckinRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agreed daily press of the help button."""

    every_days: Annotated[int, Meta(ge=0, le=1)] = 0
    """1: a press is agreed for every day; 0: none is. Ours."""
    pressed_until: TimeOfDay = "09:00"
    """The agreed local time. Ours."""
    grace_min: Annotated[int, Meta(ge=0, le=240)] = 30
    """So much later it is missed. The alert catalogue; ours."""


class PreAlarmRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The home is asked before the platform is told, except in an emergency."""

    answer_s: Annotated[float, Meta(ge=0, le=1800)] = 120.0
    """Unanswered for this long it is told. Ours: time to get to a key; 0 = nobody is asked."""
    believed_min: Annotated[float, Meta(ge=5, le=720)] = 60.0
    """A cancel is believed for this long; what still holds then is asked again. Ours."""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All thresholds of one home; a table of the plan each ([rules.sos], [rules.gas] ...)."""

    sos: SosRules = SosRules()
    gas: GasRules = GasRules()
    leak: LeakRules = LeakRules()
    water: WaterRules = WaterRules()
    power: PowerRules = PowerRules()
    supervision: SupervisionRules = SupervisionRules()
    hub: HubRules = HubRules()
    presence: PresenceRules = PresenceRules()
    inactivity: InactivityRules = InactivityRules()
    door: DoorRules = DoorRules()
    temperature: TemperatureRules = TemperatureRules()
    vitals: VitalsRules = VitalsRules()
    bathroom: BathroomRules = BathroomRules()
    bed: BedRules = BedRules()
    rhythm: RhythmRules = RhythmRules()
    checkin: CheckinRules = CheckinRules()
    prealarm: PreAlarmRules = PreAlarmRules()
