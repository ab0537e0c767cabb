"""`mousepose reconstruct` of a video: first its keypoints, and a camera where none is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mousepose.cli.failures import UsageError
from mousepose.errors import InputError

if TYPE_CHECKING:
    from mousepose.cli.config import ReconstructConfig
    from mousepose.cli.plan import Plan

#: Endings of files that are videos; a folder is one where it holds images.
SUFFIXES = frozenset({
    ".mp4", ".avi", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".webm", ".wmv", ".flv", ".ts", ".mts",
    ".h264", ".h265", ".hevc", ".mjpeg", ".y4m",
})  # fmt: skip


@dataclass(frozen=True)
class _Places:
    """Where everything that comes of a video goes."""

    folder: Path
    poses: Path
    plots: Path | None
    overlay: Path | None
    prefix: str

    @classmethod
    def of(cls, settings: ReconstructConfig) -> _Places:
        """Return the places: in a folder of their own, or beside the file of poses."""
        if settings.output is None:
            raise UsageError("--output (-o) is missing: a folder, or the file of poses to write")
        output = settings.output
        if output.suffix and not output.is_dir():
            prefix = f"{output.stem}."
            return cls(output.parent, output, settings.plots, settings.overlay, prefix)
        return cls(
            output, output / "poses.parquet", settings.plots or output / "pictures",
            settings.overlay or output / "overlay.mp4", "",
        )  # fmt: skip

    def file(self, name: str) -> Path:
        """Return where a file that comes besides goes."""
        return self.folder / f"{self.prefix}{name}"


def is_video(path: Path) -> bool:
    """Tell whether `path` is a video by its name, or a folder with images."""
    if path.is_dir():
        from mousepose.video.folder import IMAGE_SUFFIXES

        return any(file.suffix.lower() in IMAGE_SUFFIXES for file in path.iterdir())
    return path.suffix.lower() in SUFFIXES


def from_videos(settings: ReconstructConfig, dry_run: bool) -> tuple[ReconstructConfig, list[Path]]:
    """Return the settings with the keypoints of its videos in their place, and the videos.

    The keypoints are found first. Settings without a video come back as they are. Raises
    `UsageError`, and what `predict` raises.
    """
    videos = [path for path in settings.inputs if is_video(path)]
    if not videos:
        _refuse_options(settings)
        return settings, []
    if len(videos) < len(settings.inputs):
        raise UsageError("videos and files of keypoints are mixed: give one kind for all cameras")
    if len(videos) > 1 and not settings.camera:
        raise UsageError("several videos need their cameras: give --camera FILE for all of them")
    places = _Places.of(settings)
    changes: dict[str, Any] = {
        "inputs": [places.file(f"{_stem(video)}.keypoints.parquet") for video in videos],
        "output": places.poses, "plots": places.plots, "overlay": places.overlay,
        "all_animals": settings.animals > 1,
    }  # fmt: skip
    if dry_run:
        for video, table in zip(videos, changes["inputs"], strict=True):
            typer.echo(f"video: {video}; its keypoints would be found first, into {table}")
        typer.echo("nothing was reconstructed: --dry-run")
        raise typer.Exit
    from mousepose.run.predict import LIKELY

    places.folder.mkdir(parents=True, exist_ok=True)
    _find(settings, videos, changes["inputs"])
    if settings.model is None and "min_confidence" not in settings.model_fields_set:
        changes["min_confidence"] = LIKELY
    if not settings.camera:
        changes |= _guessed(settings, videos[0], changes["inputs"][0], places)
    return settings.model_copy(update=changes), videos


def write_overlay(plan: Plan, videos: list[Path]) -> None:
    """Write the first video with the poses drawn on it, where that is asked for."""
    settings = plan.settings
    if settings.overlay is None or not videos:
        return
    from mousepose.cli.progress import ProgressReport
    from mousepose.report.overlay_keypoints import write_pose_overlay

    if plan.converts:
        typer.echo("no overlay is drawn: poses are not written as Parquet")
        return
    with ProgressReport() as progress:
        write_pose_overlay(
            videos[0], [job.output for job in plan.jobs], plan.setup.cameras[0], settings.overlay,
            progress, settings.fps,
        )  # fmt: skip
    typer.echo(f"wrote {settings.overlay}")


def _refuse_options(settings: ReconstructConfig) -> None:
    """Raise `UsageError` where an option of videos is given and there is no video."""
    given = {
        "--model": settings.model, "--view": settings.view, "--overlay": settings.overlay,
        "--animals": settings.animals > 1,
    }  # fmt: skip
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} is of videos; the inputs are keypoints, which are there")


def _find(settings: ReconstructConfig, videos: list[Path], tables: list[Path]) -> None:
    """Find the keypoints of the videos; a table that an earlier call finished is kept."""
    from mousepose.cli.keypoints_predict import lines
    from mousepose.cli.progress import ProgressReport
    from mousepose.detect.shipped import shipped_model
    from mousepose.run.predict import VideoJob, is_of, predict

    for video, table in zip(videos, tables, strict=True):
        job = VideoJob(
            video, table, settings.model or shipped_model(), settings.animals, settings.view,
            settings.fps, resume=settings.resume,
        )  # fmt: skip
        if settings.resume and is_of(table, job):
            typer.echo(f"{table}: the keypoints of this video, found before")
            continue
        with ProgressReport() as progress:
            seen = predict(job, progress)
        for line in lines(seen):
            typer.echo(line)
        typer.echo(f"wrote {table}")


def _guessed(
    settings: ReconstructConfig, video: Path, table: Path, places: _Places
) -> dict[str, Any]:
    """Return settings with a camera where none is known: guessed from the mice, or a usual one."""
    from mousepose.calibrate.guess import guess_camera
    from mousepose.calibrate.guess_lens import TYPICAL_VIEW, focal_of_view
    from mousepose.cli.options import chosen_scale
    from mousepose.geometry.camera import pinhole
    from mousepose.io import animals_in, load_keypoints, write_cameras
    from mousepose.video import open_video

    scale = chosen_scale(
        settings.body_length, settings.weight, settings.bone, settings.floor,
        settings.camera_height,
    )  # fmt: skip
    with open_video(video, settings.fps) as opened:
        size = opened.size
    seen = load_keypoints(table, animal=animals_in(table)[0])
    target = places.file("camera.toml")
    try:
        guess = guess_camera(seen, size, scale=scale)
    except InputError as error:
        write_cameras(target, [pinhole(size, focal_of_view(size[0], TYPICAL_VIEW))])
        typer.echo(
            f"WARNING: no camera is given and it cannot be guessed ({error}). A usual lens "
            f"({TYPICAL_VIEW:g} degrees wide) is taken, {target}: the place and the size of the "
            "mouse may be far off; angles hold better"
        )
        return {"camera": [target]}
    write_cameras(target, [guess.camera])
    typer.echo(
        f"no camera is given; guessed from {guess.frames} frames of the mouse: {target}, scale "
        f"from {guess.scale_from}, +- {guess.uncertainty.scale_percent:.0f} %. mousepose "
        "calibrate board or cage does better"
    )
    return {"camera": [target], "floor": scale.kind == "none"}


def _stem(video: Path) -> str:
    return video.resolve().name if video.is_dir() else video.stem
