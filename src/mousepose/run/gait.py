"""From a file of poses to the tables of its gait, in flat memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.axes import body_axes
from mousepose.analysis.config import GaitConfig
from mousepose.analysis.floor import Floor, above_floor, on_belt
from mousepose.analysis.gait import Gait, gait_of
from mousepose.analysis.gait_events import find_swings
from mousepose.analysis.locomotion import Locomotion, find_locomotion
from mousepose.analysis.motion import Motion
from mousepose.errors import InputError
from mousepose.run.gait_parts import RawPoints, floor_of, joined, parts_of
from mousepose.run.tables import write_tables
from mousepose.types import Floats, Progress

if TYPE_CHECKING:
    import pandas as pd

#: What came before a part is looked at again for so long (s), for the smoothing's sake.
_MARGIN_S = 1.5
#: An animal that walks backwards on average, by the cosine of way and heading: the belt is wrong.
_BACKWARDS = -0.5


@dataclass(frozen=True, eq=False)
class GaitJob:
    """What is to be analysed: the poses or points of one animal in a file.

    `up` (3,) is where up is in the file's axes, by default z for a file in the world's frame and
    else found from the paws. `belt_speed` mm/s is positive where the belt runs from nose to tail,
    `belt_direction` (2,) where it runs to above the floor, by default against the animal's heading.
    """

    source: Path
    up: tuple[float, float, float] | None = None
    belt_speed: float | None = None
    belt_direction: tuple[float, float] | None = None
    fps: float | None = None
    animal: str | None = None
    config: GaitConfig = field(default_factory=GaitConfig)


@dataclass(frozen=True, eq=False)
class GaitOutcome:
    """What was found: the tables, the frames looked at, the rate (Hz), how the floor was known.

    `limbs` are those of which a point is known, with that point's name. `ahead` is the mean cosine
    of way and heading in locomotion: near 1 for an animal that walks, NaN for one that does not.
    """

    gait: Gait
    frames: int
    rate: float
    floor: str
    limbs: dict[str, str]
    ahead: float


def analyse_file(job: GaitJob, progress: Progress | None = None) -> GaitOutcome:
    """Return the gait of the animal in a file of poses or of points in space.

    Raises `InputError` where the recording cannot tell (too short, too slow, no trunk), where the
    belt's speed has the wrong sign, and `FileError` on a file that is none.
    """
    found: list[Gait] = []
    limbs: dict[str, str] = {}
    ahead: list[Floats] = []
    scene: _Scene | None = None
    rest: RawPoints | None = None
    first, settled, rate = 0, -np.inf, 0.0
    for piece, last, about in parts_of(job.source, job.fps, job.animal, progress):
        raw = piece if rest is None else joined([rest, piece])
        if len(raw.times) < 2 and not last:
            rest = raw
            continue
        motion = raw.motion()
        scene = scene or _Scene.of(motion, job, str(about.get("frame", "")))
        motion = scene.seen_from_floor(motion, job)
        locomotion = find_locomotion(motion, job.config)
        ahead.append(_ahead(locomotion))
        if job.belt_speed is not None and len(ahead[-1]) and ahead[-1].mean() < _BACKWARDS:
            raise InputError(
                f"with a belt of {job.belt_speed:g} mm/s the animal would walk backwards: the "
                "belt's speed is positive where it runs from nose to tail; try "
                f"{-job.belt_speed:g}, or check --belt-direction"
            )
        swings = find_swings(motion, locomotion, job.config)
        limbs |= {limb: own.marker for limb, own in swings.items()}
        cut = len(motion) if last else _last_still(motion, locomotion)
        gait = gait_of(motion, locomotion, swings, job.config)
        starts, stops = motion.times[locomotion.start], motion.times[locomotion.stop - 1]
        chosen = (starts > settled) & (stops <= motion.times[cut - 1])
        found.append(_chosen(gait, chosen, sum(len(one.bouts) for one in found), first))
        settled, rate = motion.times[cut - 1], motion.rate
        keep = max(0, cut - round(_MARGIN_S * motion.rate))
        rest, first = raw.after(keep), first + keep
    frames = first + (0 if rest is None else len(rest.times))
    words = "" if scene is None else scene.words
    forward = np.concatenate(ahead)
    mean = float(forward.mean()) if len(forward) else np.nan
    return GaitOutcome(_joined(found), frames, rate, words, limbs, mean)


def write_gait(folder: Path, gait: Gait) -> list[Path]:
    """Write strides, rhythm and bouts into a folder, each as .parquet and .csv; return the paths.

    The folder is made where it is not there.
    """
    return write_tables(
        folder, {"strides": gait.strides, "bouts": gait.bouts, "rhythm": gait.rhythm}
    )


@dataclass(frozen=True, eq=False)
class _Scene:
    """The floor, in `words` how it was found, and where the belt runs to (2,), if there is one."""

    floor: Floor
    words: str
    belt: Floats | None

    @classmethod
    def of(cls, motion: Motion, job: GaitJob, frame: str) -> _Scene:
        """Return what the first part of a file tells."""
        floor, words = floor_of(motion, job.up, frame)
        belt = None if job.belt_direction is None else np.array(job.belt_direction)
        if job.belt_speed is not None and belt is None:
            turn = np.nanmean(np.exp(1j * body_axes(above_floor(motion, floor)).heading))
            belt = -np.array([turn.real, turn.imag])
        return cls(floor, words, belt)

    def seen_from_floor(self, motion: Motion, job: GaitJob) -> Motion:
        """Return the motion above the floor, or above its belt."""
        motion = above_floor(motion, self.floor)
        return motion if job.belt_speed is None else on_belt(motion, job.belt_speed, self.belt)


def _ahead(locomotion: Locomotion) -> Floats:
    """Return the cosine of way and heading in all frames of locomotion in which both are known."""
    walks = locomotion.bout >= 0
    heading = locomotion.axes.heading[walks]
    facing = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    cosine = (facing * locomotion.direction[walks]).sum(axis=1)
    return np.asarray(cosine[np.isfinite(cosine)])


def _last_still(motion: Motion, locomotion: Locomotion) -> int:
    """Return the end of the last stretch without locomotion, or of all frames if it never stands.

    The last moments are left out: a bout there may only just have begun.
    """
    end = max(1, len(motion) - round(_MARGIN_S * motion.rate))
    still = np.flatnonzero(locomotion.bout[:end] < 0)
    return int(still[-1]) + 1 if len(still) else len(motion)


def _chosen(gait: Gait, chosen: np.ndarray, bouts: int, frames: int) -> Gait:
    """Return the tables of the chosen bouts, numbered from `bouts` and frames from `frames` on."""
    number = np.cumsum(chosen) - 1 + bouts

    def of(table: pd.DataFrame) -> pd.DataFrame:
        part: pd.DataFrame
        if not len(table):
            return table
        old = table["bout"].to_numpy(np.int64)
        part = table[chosen[old]].copy()
        part["bout"] = number[old[chosen[old]]]
        if "contact_frame" in part:
            part["contact_frame"] += frames
        return part

    return replace(gait, strides=of(gait.strides), rhythm=of(gait.rhythm), bouts=of(gait.bouts))


def _joined(parts: list[Gait]) -> Gait:
    """Return the tables of all parts as one."""
    import pandas as pd

    def of(name: str) -> pd.DataFrame:
        tables = [getattr(part, name) for part in parts]
        filled = [table for table in tables if len(table)]
        whole: pd.DataFrame = pd.concat(filled, ignore_index=True) if filled else tables[0]
        return whole

    return Gait(of("strides"), of("rhythm"), of("bouts"))
