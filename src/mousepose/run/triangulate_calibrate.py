"""Cameras of a recording without a calibration: found from its keypoints and the mouse itself."""

from __future__ import annotations

from collections.abc import Sequence

from mousepose.body.keypoint_check import check_names
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.calibrate.guess_lens import TYPICAL_VIEW, focal_of_view
from mousepose.calibrate.self_calibration import SelfCalibration, self_calibrate
from mousepose.errors import InputError
from mousepose.fit.config import Scale
from mousepose.fit.observe import check_keypoints
from mousepose.geometry.camera import Camera, pinhole
from mousepose.run.sampling import spread_frames
from mousepose.run.triangulate_sources import ViewSource
from mousepose.types import Progress

#: Frames that are looked at, spread over the recording.
_FRAMES, _AT_ONCE = 4_000, 2_000
#: How sure a focal length is, as a share, that follows from a stated or from a usual field of view.
STATED_SD, USUAL_SD = 0.1, 0.25


def guessed_lenses(
    source: ViewSource, sizes: Sequence[tuple[int, int]], field_of_view: float | None
) -> list[Camera]:
    """Return cameras without distortion for the source's views, of one image size or one for each.

    Without `sizes` those of the source's pictures. Raises `InputError` where neither tells them.
    """
    names = source.view_names or tuple(path.name.split(".")[0] for path in source.paths)
    sizes = sizes or source.sizes
    if len(sizes) == 1:
        sizes = [sizes[0]] * len(names)
    if len(sizes) != len(names):
        raise InputError(
            f"{len(names)} views ({', '.join(names)}) and {len(sizes)} image sizes: give --size "
            "WIDTHxHEIGHT once for all, or once for each view; or give --camera with their lenses"
        )
    view = TYPICAL_VIEW if field_of_view is None else field_of_view
    return [
        pinhole(size, focal_of_view(size[0], view), name)
        for size, name in zip(sizes, names, strict=True)
    ]


def calibrate_views(
    source: ViewSource,
    lenses: Sequence[Camera],
    *,
    focal_sd: float,
    keypoint_map: str | None = None,
    scale: Scale | None = None,
    pixel_sigma: float = 2.0,
    min_confidence: float = 0.1,
    progress: Progress = lambda stage, done, total: None,
) -> SelfCalibration:
    """Return the cameras of a source of views; the map is the best shipped one unless named."""
    seen = spread_frames(source.chunks(_AT_ONCE), _FRAMES, progress)
    check_keypoints(seen)
    return self_calibrate(
        seen, lenses, keypoint_map=_chosen_map(seen.keypoint_names, keypoint_map), scale=scale,
        focal_sd=focal_sd, pixel_sigma=pixel_sigma, min_confidence=min_confidence,
        progress=progress,
    )  # fmt: skip


def _chosen_map(names: Sequence[str], wanted: str | None) -> KeypointMap:
    if wanted is not None:
        return load_keypoint_map(wanted)
    return check_names(names, None).match.keypoint_map
