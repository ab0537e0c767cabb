"""What Prometheus collects: every number of the dashboard, by cage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mousepose.extras import needed

needed("monitor", "metrics", "prometheus_client")

from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: E402
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

from mousepose.monitor.watch.baseline import Against  # noqa: E402
from mousepose.monitor.watch.keeper import Keeper  # noqa: E402
from mousepose.monitor.watch.snapshot import CageView, Snapshot  # noqa: E402

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_FRAMES = ("listed", "total", "damaged", "skipped", "seen", "waiting", "parked", "lost")


class RoomCollector(Collector):
    """Gives what a keeper read last; asking for it reads nothing."""

    def __init__(self, keeper: Keeper, answers: Mapping[tuple[str, int], int]) -> None:
        self._keeper, self._answers = keeper, answers

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        up = GaugeMetricFamily("mousepose_up", "1 while the ledger is read, 0 where it is away")
        snapshot = self._keeper.snapshot
        up.add_metric([], float(snapshot is not None and not self._keeper.fault))
        yield up
        yield self._requests()
        if snapshot is not None:
            yield _gauge("mousepose_read_age_seconds", "Since the ledger was read", {
                (): self._keeper.age_s})  # fmt: skip
            yield from _of_cages(snapshot)
            yield from _of_room(snapshot)

    def _requests(self) -> Metric:
        requests = CounterMetricFamily(
            "mousepose_http_requests", "Requests answered", labels=["method", "status"]
        )
        for (method, status), number in sorted(self._answers.items()):
            requests.add_metric([method, str(status)], number)
        return requests


def registry_of(keeper: Keeper, answers: Mapping[tuple[str, int], int]) -> CollectorRegistry:
    """Return what Prometheus is told of a room and of this process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RoomCollector(keeper, answers))
    ProcessCollector(registry=registry)
    return registry


def _of_cages(snapshot: Snapshot) -> Iterator[Metric]:
    def gauge(name: str, words: str, values: Mapping[str, float | None]) -> Metric:
        found: dict[tuple[str, ...], float] = {
            (cage,): value for cage, value in values.items() if value is not None
        }
        return _gauge(f"mousepose_cage_{name}", words, found, "cage")

    cages = {cage.name: cage for cage in snapshot.cages}
    yield gauge("lag_seconds", "Age of the newest film that was looked at",
                {name: cage.glance.lag_s for name, cage in cages.items()})  # fmt: skip
    yield gauge("backlog_seconds", "Film that waits to be looked at",
                {name: cage.glance.backlog_s for name, cage in cages.items()})  # fmt: skip
    yield gauge("film_age_seconds", "Age of the newest film that came",
                {name: _age(snapshot, cage) for name, cage in cages.items()})  # fmt: skip
    for what, against in (("moving", "moves"), ("drinking", "drinks")):
        told = {name: getattr(cage, against) for name, cage in cages.items()}
        yield gauge(f"{what}_share", f"Share of the last hours spent {what}", _of(told, "now"))
        yield gauge(f"{what}_share_usual", f"Median of earlier days of {what}_share",
                    _of(told, "usual"))  # fmt: skip
        yield gauge(f"{what}_baseline_days", "Earlier days that are known", _of(told, "days"))
    yield _gauge("mousepose_cage_frames_last_day", "Frames of the last 24 hours, by what they are",
                 {(name, what): getattr(cage.glance.accounts, what)
                  for name, cage in cages.items() for what in _FRAMES}, "cage", "what")  # fmt: skip
    yield _gauge("mousepose_cage_stages_last_day", "Stages of segments of the last 24 hours",
                 {(name, stage.value, state.value): number for name, cage in cages.items()
                  for stage, states in cage.glance.states.items()
                  for state, number in states.items()}, "cage", "stage", "state")  # fmt: skip


def _of_room(snapshot: Snapshot) -> Iterator[Metric]:
    lasting = [alert for alert in snapshot.alerts if alert.cleared is None]
    yield _gauge("mousepose_alert", "1 for every alert that lasts",
                 {(alert.cage, alert.kind, alert.part, alert.level): 1.0 for alert in lasting},
                 "cage", "kind", "part", "level")  # fmt: skip
    yield _gauge("mousepose_alerts_unsent", "Alerts the webhook did not take", {
        (): snapshot.untold})  # fmt: skip
    yield _gauge("mousepose_store_bytes", "Bytes of files that count", {
        (name,): size for name, (_, size) in snapshot.stored.items()}, "table")  # fmt: skip
    yield _gauge("mousepose_store_files", "Files that count", {
        (name,): files for name, (files, _) in snapshot.stored.items()}, "table")  # fmt: skip
    yield _gauge("mousepose_disk_free_bytes", "Free room", {
        (disk.folder,): disk.free for disk in snapshot.disks}, "folder")  # fmt: skip
    yield _gauge("mousepose_disk_bytes", "Size of the disk", {
        (disk.folder,): disk.total for disk in snapshot.disks}, "folder")  # fmt: skip
    yield _gauge("mousepose_work_seconds_last_day", "Seconds of work in the last 24 hours",
                 {(stage.value, what): seconds for stage, spent in snapshot.spent.items()
                  for what, seconds in spent.items()}, "stage", "what")  # fmt: skip


def _gauge(
    name: str, words: str, values: Mapping[tuple[str, ...], float], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for of, value in values.items():
        family.add_metric(list(of), float(value))
    return family


def _age(snapshot: Snapshot, cage: CageView) -> float | None:
    newest = cage.glance.newest
    return None if newest is None else (snapshot.moment - newest).total_seconds()


def _of(told: Mapping[str, Against | None], name: str) -> dict[str, float | None]:
    return {cage: None if one is None else getattr(one, name) for cage, one in told.items()}
