"""What a room's file says of watching it: alerts, the dashboard, and work that piles up."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from mousepose.errors import InputError
from mousepose.monitor.room_values import Above0, Secret, Settings, Share


class Alerts(Settings):
    """When someone is told, and where: `webhook` gets a POST of JSON."""

    webhook: Secret | None = Field(default=None, repr=False)
    repeat_minutes: Above0 = Field(default=60.0, description="the same alert is not told sooner")
    gone_minutes: Above0 = Field(default=5.0, description="no new film of a cage")
    unseen_minutes: Above0 = Field(default=60.0, description="film in which no mouse is seen")
    behind_minutes: Above0 = Field(default=30.0, description="film that waits to be looked at")
    disk_free_percent: Annotated[float, Field(ge=0, le=100)] = 10.0
    activity_share: Share = Field(
        default=0.2, description="an animal moves for less than this share of its own usual time"
    )
    activity_hours: Above0 = Field(
        default=2.0, description="hours that are compared with the same ones of earlier days"
    )
    drinking_share: Share = Field(default=0.2, description="as activity-share, at the spout")
    drinking_hours: Above0 = Field(default=12.0, description="as activity-hours, at the spout")
    baseline_days: Above0 = Field(default=3.0, description="days that tell what is usual")

    @field_validator("webhook")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise InputError("expected a URL that begins with https:// or http://")
        return url


class Watch(Settings):
    """The dashboard: where it listens, and the token without which nothing can be changed.

    `names` are host names under which the page may be asked for, besides addresses and the
    machine's own. The lights of the room, as 07:00 by its clocks, are shaded in the charts.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8470, ge=0, le=65535)
    token: Secret | None = Field(default=None, repr=False)
    names: Annotated[tuple[str, ...], Field(strict=False)] = ()
    lights_on: str | None = None
    lights_off: str | None = None

    @field_validator("token")
    @classmethod
    def _is_long(cls, token: str | None) -> str | None:
        if token is not None and not re.fullmatch(r"[\x21-\x7e]{16,}", token):
            raise InputError(
                "expected 16 or more visible ASCII characters; as of: openssl rand -hex 24"
            )
        return token

    @field_validator("lights_on", "lights_off")
    @classmethod
    def _is_time(cls, told: str | None) -> str | None:
        if told is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", told):
            raise InputError(f"expected a time as 07:00, got {told!r}")
        return told

    @model_validator(mode="after")
    def _both_lights(self) -> Self:
        if (self.lights_on is None) != (self.lights_off is None):
            raise InputError("expected both lights-on and lights-off, or neither")
        return self


class Behind(Settings):
    """What is done when more than `after` s of a cage's film wait: every k-th frame is looked at.

    k is 1 for as long as possible and at most `every`; what is skipped is counted and told.
    """

    after: Above0 = 1800.0
    every: int = Field(default=1, ge=1, le=100)
