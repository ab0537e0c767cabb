"""What the TOML file of a room says, key by key; `room.py` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mousepose.analysis.behaviour.model_file import load_behaviour
from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.errors import InputError
from mousepose.fit.config import Scale
from mousepose.geometry.camera import Camera
from mousepose.io import read_cameras
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.room_sources import (
    FileList,
    ReplayedFile,
    RtspCamera,
    Source,
    UsbCamera,
    WatchedFolder,
)
from mousepose.monitor.room_values import (
    Above0,
    AnyPath,
    File,
    From0,
    LedgerUrl,
    SafeName,
    Settings,
    StoreUrl,
    ZoneName,
    placed,
)
from mousepose.monitor.room_watch import Alerts, Behind, Watch
from mousepose.monitor.store.layout import READ
from mousepose.monitor.store.store import Store

if TYPE_CHECKING:
    from mousepose.monitor.stages import CageWork

__all__ = [
    "Alerts",
    "Animal",
    "Behind",
    "Cage",
    "FileList",
    "ReplayedFile",
    "Room",
    "RtspCamera",
    "Settings",
    "UsbCamera",
    "Watch",
    "WatchedFolder",
]

#: Days for which tables are kept where the file does not say otherwise.
_KEPT_DAYS = {"picture": 2.0}


def _cluster(where: str) -> str:
    if where not in {"local", "slurm"} and not where.startswith(("tcp://", "tls://")):
        raise InputError(
            f"expected local, slurm, tcp://HOST:PORT or tls://HOST:PORT, got {where!r}"
        )
    return where


class Animal(Settings):
    """An animal of a cage; keys of one's own (group, sex, born) are kept with it."""

    model_config = ConfigDict(extra="allow")
    id: SafeName


class Cage(Settings):
    """A cage: who lives in it, the camera that sees it, and how its films are read.

    Without `floor`, `body_length`, `weight` or `camera_height` the size of the model's mouse stands
    in. `up` is where up is in the axes of the poses, by default found from camera and paws; `spout`
    where water is, left, top, right, bottom in px of the picture.
    """

    name: SafeName
    source: Source
    camera: File
    camera_name: str | None = None
    animals: int = Field(default=1, ge=1, le=50)
    animal: Annotated[tuple[Animal, ...], Field(strict=False)] = ()
    view: Literal["top", "side", "bottom"] | None = None
    method: Literal["auto", "background", "network", "keypoints"] = "auto"
    model: File | None = None
    detector: File | None = None
    keypoints: str = "dataset22"
    behaviour: File | None = None
    floor: bool = False
    body_length: Above0 | None = Field(default=None, description="mm from snout to tail base")
    weight: Above0 | None = Field(default=None, description="g")
    camera_height: Above0 | None = Field(default=None, description="mm above the floor")
    up: Annotated[tuple[float, float, float], Field(strict=False)] | None = None
    spout: Annotated[tuple[float, float, float, float], Field(strict=False)] | None = None

    @field_validator("behaviour")
    @classmethod
    def _is_classifier(cls, path: Path | None) -> Path | None:
        if path is not None:
            load_behaviour(path)
        return path

    @field_validator("keypoints")
    @classmethod
    def _is_map(cls, name: str, info: ValidationInfo) -> str:
        text = str(placed(Path(name), info)) if name.endswith(".toml") else name
        load_keypoint_map(text)
        return text

    @field_validator("spout")
    @classmethod
    def _is_box(
        cls, box: tuple[float, float, float, float] | None
    ) -> tuple[float, float, float, float] | None:
        if box is not None and not (box[0] < box[2] and box[1] < box[3]):
            raise InputError(f"expected left, top, right, bottom in px, got {list(box)}")
        return box

    @model_validator(mode="after")
    def _has_camera(self) -> Self:
        camera = self.chosen_camera()
        if self.scale.kind in {"floor", "camera_height"} and camera.floor_plane is None:
            raise InputError(
                f"{self.camera} knows no floor: write floor_plane = [a, b, c, d] into it, or give "
                "the scale by body-length or weight"
            )
        return self

    @property
    def count(self) -> int:
        """How many animals live in it."""
        return len(self.animal) or self.animals

    @property
    def scale(self) -> Scale:
        """What makes the poses metric."""
        if self.body_length is not None:
            return Scale.body_length(self.body_length)
        if self.weight is not None:
            return Scale.weight(self.weight)
        if self.camera_height is not None:
            return Scale.camera_height(self.camera_height)
        return Scale.floor() if self.floor else Scale.none()

    def chosen_camera(self) -> Camera:
        """Return the camera of the file, the one that is named. Raises as `read_cameras`."""
        cameras = {camera.name: camera for camera in read_cameras(self.camera)}
        names = ", ".join(map(repr, cameras))
        if self.camera_name is None:
            if len(cameras) > 1:
                raise InputError(f"{self.camera} has cameras {names}: say which, camera-name")
            return next(iter(cameras.values()))
        if self.camera_name not in cameras:
            raise InputError(f"{self.camera} has no camera {self.camera_name!r}, but {names}")
        return cameras[self.camera_name]

    def work(self, threads: int = 1) -> CageWork:
        """Return what the stages need to know of it. Raises as `read_cameras`."""
        from mousepose.monitor.stages import CageWork

        return CageWork(
            self.name, self.chosen_camera(), animals=self.count, view=self.view, model=self.model,
            detector=self.detector, method=self.method, scale=self.scale,
            keypoint_map=self.keypoints, behaviour=self.behaviour, up=self.up, threads=threads,
            spout=self.spout,
        )  # fmt: skip


class Room(Settings):
    """A room; `retention` is in days by table, tables that are not named stay for ever."""

    study: SafeName
    time_zone: ZoneName = "UTC"
    ledger: LedgerUrl = Field(default="sqlite:///ledger.db", repr=False)
    store: StoreUrl = Field(default="store", repr=False)
    spool: AnyPath = Path("spool")
    workers: int = Field(default=1, ge=1, le=1000)
    cluster: Annotated[str, AfterValidator(_cluster)] = "local"
    time_limit: Above0 = Field(
        default=3600.0, description="s that one stage of a segment may take; then it failed"
    )
    lease: Above0 = Field(default=120.0, description="s without a sign of life: work is redone")
    border_timeout: From0 = Field(
        default=60.0, description="s for which a late segment may still continue the one before"
    )
    compaction_hour: Annotated[float, Field(ge=0, lt=24)] = Field(
        default=3.0, description="UTC; days that are over are put into one file a table"
    )
    retention: dict[str, Above0] = {}
    behind: Behind = Behind()
    alerts: Alerts = Alerts()
    watch: Watch = Watch()
    cage: Annotated[tuple[Cage, ...], Field(strict=False)]

    @field_validator("retention")
    @classmethod
    def _of_tables(cls, rules: dict[str, float]) -> dict[str, float]:
        known = (*READ, "carry", *_KEPT_DAYS)
        unknown = sorted(set(rules) - set(known))
        if unknown:
            raise InputError(
                f"no tables: {', '.join(map(repr, unknown))}; known: {', '.join(known)}"
            )
        return _KEPT_DAYS | rules

    @property
    def cages(self) -> Mapping[str, Cage]:
        """The cages by name, in the order of the file."""
        return {cage.name: cage for cage in self.cage}

    def open_ledger(self, create: bool = True) -> Ledger:
        """Return the room's ledger, made if it is new and `create`. Raises as `Ledger.open`."""
        return Ledger.open(self.ledger, create=create)

    def open_store(self) -> Store:
        """Return the room's store."""
        return Store(self.store, self.study)
