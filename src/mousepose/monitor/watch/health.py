"""Whether the monitor does its work, for programs that ask: ok, degraded with reasons, or down."""

from __future__ import annotations

from typing import Any

from mousepose.monitor.watch.keeper import OLD_S, Keeper
from mousepose.monitor.watch.words import duration

#: Reasons that are told.
_MOST = 50


def health(keeper: Keeper) -> tuple[dict[str, Any], bool]:
    """Return the state of a room with what is wrong, and whether the ledger can be read."""
    snapshot = keeper.snapshot
    stale = staleness(keeper)
    reasons = [stale] if stale else []
    told: dict[str, Any] = {"status": "ok", "reasons": reasons, "cages": 0, "time": None}
    if snapshot is not None:
        lasting = [alert for alert in snapshot.alerts if alert.cleared is None]
        reasons += snapshot.warnings
        reasons += [f"{alert.cage + ': ' if alert.cage else ''}{alert.text}" for alert in lasting]
        if snapshot.untold:
            reasons.append(f"{snapshot.untold} alerts could not be sent to the webhook yet")
        told |= {"cages": len(snapshot.cages), "time": snapshot.moment.isoformat()}
    told["reasons"] = reasons[:_MOST]
    if reasons:
        told["status"] = "degraded"
    if stale:
        told["status"] = "down"
    return told, not stale


def staleness(keeper: Keeper) -> str:
    """Return why what is shown is old, "" where it is not."""
    if keeper.snapshot is None:
        return keeper.fault or "the ledger is being read for the first time"
    if keeper.age_s > OLD_S + 3 * keeper.settings.refresh_s:
        why = f": {keeper.fault}" if keeper.fault else ""
        return f"the ledger has not been read for {duration(keeper.age_s)}{why}"
    return ""
