"""The table of minutes: what its columns are, and how rows of one minute become one.

A minute that two segments share has a row in each. What a row holds adds up, or is weighed by a
column beside it.
"""

from __future__ import annotations

#: Whole numbers of a row: frames of the segment in that minute, those looked at, with the mouse
#: seen, with a pose; strides that begin in it.
COUNTS = ("frames", "looked", "seen", "solved", "strides")
#: How the columns of seconds that something lasts begin; each behaviour of a classifier adds one.
LASTS = "time_"
#: Sums: seconds of video, the way while the mouse moved about, and of that kind what it did.
SUMS = ("seconds", "distance_mm", "time_mobile_s", "time_rearing_s", "time_drinking_s")
#: The largest of a minute.
LARGEST = ("max_speed_mm_s",)
#: Means and medians, each with the column that weighs it.
WEIGHED = {
    "confidence": "seen", "speed_mm_s": "solved", "inferred": "solved", "residual_px": "solved",
    "stride_length_mm": "strides", "stride_speed_mm_s": "strides",
}  # fmt: skip


def _whole() -> str:
    parts = ["study", "cage", "time", "mouse"]
    parts += [f"CAST(sum({name}) AS BIGINT) AS {name}" for name in COUNTS]
    parts += [f"sum({name}) AS {name}" for name in SUMS if not name.startswith(LASTS)]
    parts += [f"max({name}) AS {name}" for name in LARGEST]
    for name, weight in WEIGHED.items():
        known = f"FILTER (WHERE {name} IS NOT NULL)"
        total = f"nullif(sum({weight}) {known}, 0)"
        parts.append(f"sum({name} * {weight}) {known} / {total} AS {name}")
    parts.append(rf"sum(COLUMNS('^{LASTS}.*_s$')) AS '\0'")
    return f"SELECT {', '.join(parts)} FROM {{minutes}} GROUP BY study, cage, time, mouse"


#: The SQL that makes one row of each minute, mouse and cage of a source named in place of
#: `{minutes}`, which has the columns study and cage besides.
WHOLE_MINUTES = _whole()
