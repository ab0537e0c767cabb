"""What is thrown away: files older than a table's rule, and files that no one counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.store.files import UNFINISHED
from mousepose.monitor.store.layout import named
from mousepose.monitor.store.store import Store

#: Seconds that a file lies on after it stopped to count: whoever asked before may still read it.
GRACE_SECONDS = 3_600.0
#: Seconds after which a file that no one knows is no one's work in progress.
ORPHAN_SECONDS = 86_400.0


def retain(ledger: Ledger, rules: Mapping[str, float]) -> int:
    """Let files count no more whose last row is older than the days that `rules` give a table.

    Tables without a rule are kept for ever, and so is what is still needed for work to be done.
    Return how many files that are; `sweep` removes them.
    """
    now = ledger.clock()
    return sum(
        ledger.retire(table, now - timedelta(days=days)) for table, days in sorted(rules.items())
    )


def sweep(
    ledger: Ledger,
    store: Store,
    grace_s: float = GRACE_SECONDS,
    orphan_s: float = ORPHAN_SECONDS,
) -> list[str]:
    """Remove files that no longer count since `grace_s`, and those no one knows since `orphan_s`.

    The latter are what killed workers left; files of other programs stay. Return what was removed.
    Raises `FileError`.
    """
    removed = ledger.removable(grace_s)
    for key in removed:
        store.remove(key)
    ledger.forget(removed)
    old = ledger.clock() - timedelta(seconds=orphan_s)
    unknown = ledger.orphans([
        one.key for one in store.listed() if one.modified < old and _is_ours(one.key)
    ])  # fmt: skip
    for key in unknown:
        store.remove(key)
    return [*removed, *unknown]


def _is_ours(key: str) -> bool:
    """Tell whether a file is of the store's making, whole or unfinished."""
    return named(key) is not None or key.rsplit("/", 1)[-1].startswith(UNFINISHED)
