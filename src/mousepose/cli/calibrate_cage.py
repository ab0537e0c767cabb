"""`mousepose calibrate cage` and `guess`: one camera without a board."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import ExitCode, UsageError, told

if TYPE_CHECKING:
    from mousepose.calibrate.cage import CageCalibration
    from mousepose.calibrate.cage_geometry import CameraUncertainty
    from mousepose.calibrate.guess import CameraGuess
    from mousepose.geometry.camera import Camera

CAGE_EXAMPLES = """
Examples:

  mousepose calibrate cage frame.png --size 370x210 --corners "212,655 1071,640 905,330 342,338"
  --intrinsics board.toml -o camera.toml

  mousepose calibrate cage video.mp4 --size 370x210x150 --corners corners.toml -o camera.toml

Corners go counter-clockwise as seen from above, the first two along the LENGTH; those of the floor
first, then, where they are seen, those of the rim. A corners.toml names them, any four or more:
floor_front_left = [212, 655], ... floor_back_left, rim_front_left, ... rim_back_left.

Exit code 3: not good enough, told why, and no camera file is written unless --force is given.
"""
Image = Annotated[
    Path, typer.Argument(metavar="IMAGE", help="A picture, or a video.", show_default=False)
]
CornersOption = Annotated[
    str,
    typer.Option(
        metavar="TEXT|FILE",
        help='Corners in px, "x1,y1 x2,y2 ...", or a TOML file that names them.',
        show_default=False,
    ),
]
Size = Annotated[
    str,
    typer.Option(
        metavar="LxWxH",
        help="Inner length, width and (for corners of the rim) height of the cage in mm.",
        show_default=False,
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The camera file (.toml) to write.")]
Rim = Annotated[
    str | None, typer.Option(metavar="LxW", help="Length and width at the rim, if walls lean.")
]
Intrinsics = Annotated[
    Path | None, typer.Option(help="A camera file that knows the lens: use it where there is one.")
]
CameraName = Annotated[
    str | None, typer.Option(help="Which camera of the intrinsics; the name in the new file.")
]
Focal = Annotated[float | None, typer.Option(metavar="PX", help="The focal length in px.")]
View = Annotated[
    float | None,
    typer.Option("--field-of-view", metavar="DEG", help="The horizontal field of view."),
]
ClickNoise = Annotated[
    float, typer.Option(metavar="PX", help="How exactly corners are clicked (1 SD).")
]
Frame = Annotated[int, typer.Option(help="Which frame of a video.", min=0)]
Picture = Annotated[
    Path | None,
    typer.Option(help="Where to draw the fitted cage (default: beside the camera file, .png)."),
]
Force = Annotated[
    bool, typer.Option("--force", help="Write the camera file although it is not good enough.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

GUESS_EXAMPLES = """
Examples:

  mousepose calibrate guess tracks.csv --size 1280x1024 --field-of-view 62 --body-length 90
  -o camera.toml

  mousepose calibrate guess tracks.h5 --size 640x480 --camera-model raspberry-pi-2 --weight 24
  --keypoints marks.toml -o camera.toml
"""
#: mm, the length by which people are told what the scale's uncertainty means: a short stride.
_LENGTH_MM = 50.0

Keypoints = Annotated[
    Path,
    typer.Argument(
        metavar="KEYPOINTS", help="The 2D keypoints of a tracker, one mouse.", show_default=False
    ),
]
ImageSize = Annotated[
    str,
    typer.Option(metavar="WIDTHxHEIGHT", help="Size of the image in px.", show_default=False),
]
Map = Annotated[
    str,
    typer.Option("--keypoints", help="Keypoint map: dataset22, dannce22, or a TOML file."),
]
AnimalName = Annotated[str | None, typer.Option(help="Which animal of a file with several.")]
Model = Annotated[
    str | None, typer.Option(help="A camera whose field of view is known, as raspberry-pi-2.")
]
BodyLength = Annotated[
    float | None,
    typer.Option(help="Scale: mm from snout to tail base, straight, as on average.", min=0),
]
Weight = Annotated[float | None, typer.Option(help="Scale: the animal's weight in g.", min=0)]


def cage(
    image: Image,
    corners: CornersOption,
    size: Size,
    output: Output = Path("camera.toml"),
    rim: Rim = None,
    intrinsics: Intrinsics = None,
    camera_name: CameraName = None,
    focal: Focal = None,
    field_of_view: View = None,
    click_noise: ClickNoise = 2.0,
    frame: Frame = 0,
    picture: Picture = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Find scale, floor and place of a camera (and its focal length) from a cage of known size."""
    with told(debug):
        from mousepose.calibrate.cage import FOCAL_SD, VIEW_SD, calibrate_cage
        from mousepose.calibrate.cage_files import read_box, read_corners, read_picture
        from mousepose.calibrate.guess_lens import focal_of_view
        from mousepose.report.cage import plot_cage

        check_output(output)
        picture = output.with_suffix(".png") if picture is None else picture
        given = {"--intrinsics": intrinsics, "--focal": focal, "--field-of-view": field_of_view}
        only_one(given)
        box, places = read_box(size, rim), read_corners(corners)
        known = None if intrinsics is None else chosen_camera(intrinsics, camera_name)
        pixels = read_picture(image, frame)
        height, width = pixels.shape[:2]
        if field_of_view is not None:
            focal = focal_of_view(width, field_of_view)
        result = calibrate_cage(
            places,
            box,
            (width, height),
            intrinsics=known,
            focal_px=focal,
            focal_sd=FOCAL_SD if field_of_view is None else VIEW_SD,
            click_noise=click_noise,
            name=camera_name or (known.name if known else "cam_0"),
        )
        plot_cage(result, pixels, picture)
        for line in _lines(result):
            typer.echo(line)
        if result.passed or force:
            write_camera(output, result.camera, result.uncertainty)
            typer.echo(f"wrote {output}")
        typer.echo(f"wrote {picture}: does the cage drawn in it lie on the real one?")
    if not result.passed:
        raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


def _lines(result: CageCalibration) -> list[str]:
    camera, off = result.camera, result.uncertainty
    x, y, z = camera.position
    focal = f"{camera.matrix[0, 0]:.0f} px"
    if off.focal_percent:
        focal += f" (+- {off.focal_percent:.1f} %)"
    return [
        f"corners: {len(result.names)}, {result.rms_px:.1f} px from the cage of {result.box}",
        f"scale on the floor: +- {off.scale_percent:.1f} %; tilt of the floor: +- "
        f"{off.tilt_degrees:.1f} degrees (standard deviations)",
        f"focal length: {focal}; k1: {camera.distortion[0] if len(camera.distortion) else 0:.3f}",
        f"camera: {z:.0f} mm above the floor, at ({x:.0f}, {y:.0f}) mm from floor_front_left",
        *(f"note: {note}" for note in result.notes),
        "PASS" if result.passed else "FAIL, not good enough:",
        *(f"  {failure}" for failure in result.failures),
    ]


def guess(
    keypoints_file: Keypoints,
    size: ImageSize,
    output: Output = Path("camera.toml"),
    keypoints: Map = "dataset22",
    animal: AnimalName = None,
    field_of_view: View = None,
    camera_model: Model = None,
    intrinsics: Intrinsics = None,
    camera_name: CameraName = None,
    body_length: BodyLength = None,
    weight: Weight = None,
    picture: Picture = None,
    debug: Debug = False,
) -> None:
    """Guess a camera from its field of view and the mice that walk on its floor."""
    with told(debug):
        from mousepose.calibrate.guess import guess_camera
        from mousepose.calibrate.guess_lens import focal_of_view, view_of_model
        from mousepose.cli.options import chosen_scale
        from mousepose.io import load_keypoints
        from mousepose.report.cage import plot_guess

        check_output(output)
        picture = output.with_suffix(".png") if picture is None else picture
        only_one({
            "--field-of-view": field_of_view,
            "--camera-model": camera_model,
            "--intrinsics": intrinsics,
        })  # fmt: skip
        scale = chosen_scale(body_length, weight, None, False, None)
        known = None if intrinsics is None else chosen_camera(intrinsics, camera_name)
        width, height = _image_size(size)
        if camera_model is not None:
            field_of_view = view_of_model(camera_model)
        seen = load_keypoints(keypoints_file, fps=1.0, animal=animal)  # times do not matter
        result = guess_camera(
            seen,
            (width, height),
            keypoint_map=keypoints,
            scale=scale,
            focal_px=None if field_of_view is None else focal_of_view(width, field_of_view),
            intrinsics=known,
            name=camera_name or (known.name if known else "cam_0"),
        )
        write_camera(output, result.camera, result.uncertainty)
        plot_guess(result, picture)
        for line in _guess_lines(result):
            typer.echo(line)
        typer.echo(f"wrote {output} and {picture}: does its grid look like the floor?")


def _guess_lines(result: CameraGuess) -> list[str]:
    camera, off = result.camera, result.uncertainty
    floor = camera.floor_in_camera
    tilt = 0.0 if floor is None else math.degrees(math.acos(min(1.0, abs(float(floor[2])))))
    focal = f"{camera.matrix[0, 0]:.0f} px"
    if off.focal_percent:
        focal += f" (+- {off.focal_percent:.0f} %)"
    low, high = (_LENGTH_MM * (1 + sign * off.scale_percent / 100) for sign in (-1, 1))
    return [
        f"frames: {result.frames}, in {result.poses} different places and headings",
        f"camera: {camera.position[2]:.0f} mm above the floor, looking {90 - tilt:.0f} degrees "
        f"down (+- {off.tilt_degrees:.1f}); focal length: {focal}",
        f"scale from: {result.scale_from} (+- {result.size_percent:.0f} %); with the fit +- "
        f"{off.scale_percent:.0f} % (standard deviations)",
        f"so a length of {_LENGTH_MM:g} mm is measured as {low:.1f} to {high:.1f} mm, two times "
        "out of three; angles and ratios of lengths hold better",
        "this is a guess: `mousepose calibrate cage` needs one image and is several times better",
    ]


def _image_size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.strip().isdecimal() and height.strip().isdecimal()):
        raise UsageError(f"--size: expected WIDTHxHEIGHT in px, as 1280x1024, got {text[:40]!r}")
    return int(width), int(height)


def check_output(output: Path) -> None:
    """Raise `UsageError` unless a camera file with a floor can have this name."""
    if output.suffix.lower() != ".toml":
        raise UsageError(
            f"--output {output}: expected the name of a .toml file: others hold no floor plane"
        )


def only_one(given: Mapping[str, object]) -> None:
    """Raise `UsageError` where more than one of these options was given."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)}: choose one of them")


def chosen_camera(file: Path, name: str | None) -> Camera:
    """Return the camera of a file, by its name where there are several."""
    from mousepose.cli.options import chosen_cameras

    cameras = chosen_cameras([file], None)
    if len(cameras) == 1:
        return cameras[0]
    if name is None:
        names = ", ".join(camera.name for camera in cameras)
        raise UsageError(f"{file} holds cameras {names}: say which with --camera-name")
    return chosen_cameras([file], [name])[0]


def write_camera(output: Path, camera: Camera, off: CameraUncertainty) -> None:
    """Write a camera file with how far it may be off in its metadata; it appears whole or not."""
    from dataclasses import asdict

    from mousepose.atomic import atomic_path
    from mousepose.io import write_cameras

    with atomic_path(output) as temporary:
        write_cameras(temporary, [camera])
        with temporary.open("a", encoding="utf-8") as file:  # [metadata] is the last table
            file.writelines(f"{name} = {value:.4g}\n" for name, value in asdict(off).items())
