"""Overlay videos keep times and sound, and draw the mouse where the camera sees it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_opening

import results
import videos
from mousepose.errors import FileError, InputError
from mousepose.geometry import rotation
from mousepose.geometry.raster import silhouette
from mousepose.io import write_cameras
from mousepose.report.overlay_video import codec as overlay_codec
from mousepose.report.overlay_video.cast import Casting
from mousepose.report.overlay_video.codec import encoder_of
from mousepose.report.overlay_video.job import At, OverlayJob, OverlayOutcome, write_overlay
from mousepose.report.overlay_video.paint import Painter
from mousepose.report.overlay_video.threads import ahead, behind
from mousepose.types import State
from mousepose.video import open_video
from results import EMPTY, FRAMES, camera, walk, write_result, write_video

result_folder = results.result_folder
SIZE = (320, 240)


def quiet(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def draw(video: Path, poses: Path, output: Path, **settings: Any) -> OverlayOutcome:
    casting = Casting((poses,), **settings.pop("casting", {}))
    return write_overlay(OverlayJob(video, casting, output, **settings), quiet)


def frames(path: Path) -> list[np.ndarray]:
    with open_video(path) as video:
        return [frame.image for frame in video.frames(colour=True)]


def with_sound(path: Path, seconds: float = 2.0, codec: str = "aac") -> Path:
    """Write a grey video with a tone."""
    rate, count = 44_100, 1024
    with av.open(str(path), "w") as container:
        picture: Any = container.add_stream("libx264", rate=30)
        picture.width, picture.height, picture.pix_fmt = *SIZE, "yuv420p"
        sound: Any = container.add_stream(codec, rate=rate)
        for _ in range(round(30 * seconds)):
            image = np.full((*SIZE[::-1], 3), 90, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        for start in range(0, round(rate * seconds), count):
            wave = (8000 * np.sin(np.arange(start, start + count) / 20)).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            container.mux(sound.encode(frame))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))
    return path


def sound_of(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        packets = [p for p in container.demux(stream) if p.size]
        return [(float(p.pts * p.time_base), bytes(p)) for p in packets]


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_frames_are_shown_when_they_were(codec: Any, result_folder: Path, tmp_path: Path) -> None:
    stamps = np.cumsum([0, *np.random.default_rng(0).integers(1, 5, FRAMES - 1)])
    video = videos.write(
        tmp_path / "side.mp4", numbers=range(FRAMES), stamps=stamps.tolist(), size=SIZE,
        tick=Fraction(1, 90),
    )  # fmt: skip
    done = draw(video, result_folder, tmp_path / "out.mp4", codec=codec)
    assert done.frames == FRAMES and done.size == SIZE and done.warnings == ()
    with open_video(video) as before, open_video(tmp_path / "out.mp4") as after:
        np.testing.assert_allclose(after.times, before.times, atol=1e-6)
        assert after.codec in {"h264": ("h264",), "av1": ("av1", "libdav1d")}[codec]


def test_a_part_begins_at_its_start_and_keeps_its_steps(
    result_folder: Path, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "side.mp4", FRAMES)
    out = tmp_path / "out.mkv"
    done = draw(video, result_folder, out, start=At(1.0, True), stop=At(91), every=3)
    assert done.frames == 21
    with open_video(out) as after:
        np.testing.assert_allclose(np.diff(after.times), 0.1, atol=2e-3)
        assert after.index.start == pytest.approx(0, abs=2e-3)


def test_the_sound_is_copied_packet_by_packet(result_folder: Path, tmp_path: Path) -> None:
    video = with_sound(tmp_path / "side.mp4")
    out = tmp_path / "out.mp4"
    stop = {"stop": At(60)}
    draw(video, result_folder, out, **stop)
    before, after = sound_of(video), sound_of(out)
    assert [data for _, data in after] == [data for _, data in before]
    np.testing.assert_allclose([t for t, _ in after], [t for t, _ in before], atol=1e-4)
    draw(video, result_folder, out, start=At(30), **stop)
    part = sound_of(out)
    assert 0 <= part[0][0] < 0.03 and 0.9 < part[-1][0] < 1.05
    assert {data for _, data in part} <= {data for _, data in before}
    draw(video, result_folder, out, audio=False, **stop)
    with av.open(str(out)) as container:
        assert not container.streams.audio


def test_sound_that_a_container_cannot_hold_is_told(result_folder: Path, tmp_path: Path) -> None:
    video = with_sound(tmp_path / "side.mkv", codec="pcm_s16le")
    with pytest.raises(InputError, match=r"\.mp4 cannot hold.*sound.*--no-audio"):
        draw(video, result_folder, tmp_path / "out.mp4", stop=At(60))
    assert not (tmp_path / "out.mp4").exists()
    draw(video, result_folder, tmp_path / "out.mkv", stop=At(60))
    assert len(sound_of(tmp_path / "out.mkv")) == len(sound_of(video))


def test_a_late_start_stays_late(result_folder: Path, tmp_path: Path) -> None:
    video = videos.write(
        tmp_path / "side.mp4", numbers=range(FRAMES), stamps=range(45, 45 + FRAMES), size=SIZE
    )
    draw(video, result_folder, tmp_path / "out.mp4")
    with open_video(tmp_path / "out.mp4") as after:
        assert after.index.start == pytest.approx(1.5, abs=1e-6) and len(after) == FRAMES


def test_the_mesh_lies_on_the_mouse_and_nothing_elsewhere(
    result_folder: Path, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "side.mp4", FRAMES)
    settings: Any = {"draw": ("mesh",), "opacity": 1.0, "text": False, "quality": 8}
    draw(video, result_folder, tmp_path / "out.mp4", stop=At(FRAMES), **settings)
    with open_video(video) as before, open_video(tmp_path / "out.mp4") as after:
        body = results.default_body()
        assert body.mesh is not None
        for number in (3, 40, 120):
            old, new = (v.frame(number, colour=True).image.astype(int) for v in (before, after))
            changed = np.abs(new - old).max(axis=-1) > 20
            vertices = body.vertices(walk()[number : number + 1].pose, coat=True)[0]
            truth = silhouette(vertices, body.mesh.faces, camera())
            assert (changed & truth).sum() / (changed | truth).sum() > 0.8  # edges are shared
            trunks = [binary_opening(mask, np.ones((5, 5))) for mask in (changed, truth)]
            middles = [np.argwhere(trunk).mean(axis=0) for trunk in trunks]
            np.testing.assert_allclose(*middles, atol=0.7)
            assert np.abs(new - old)[~truth & ~changed].mean() < 2
        old, new = (v.frame(EMPTY.start, colour=True).image.astype(int) for v in (before, after))
        assert np.abs(new - old).max() < 12  # no pose there, nothing is drawn


def test_what_is_drawn_can_be_chosen(result_folder: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "side.mp4", FRAMES)
    seen = {}
    for part in ("silhouette", "skeleton", "keypoints", "ellipses"):
        out = tmp_path / f"{part}.mp4"
        draw(video, result_folder, out, draw=(part,), text=False, stop=At(3))
        seen[part] = frames(out)[2].astype(int)
    plain = frames(video)[2].astype(int)
    for part, image in seen.items():
        changed = np.abs(image - plain).max(axis=-1) > 25
        assert 30 < changed.sum() < 0.3 * changed.size, part
        others = [other for name, other in seen.items() if name != part]
        assert all(np.abs(image - other).max() > 25 for other in others)


def test_the_turntable_is_beside_the_video(result_folder: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "side.mp4", FRAMES)
    out = tmp_path / "out.mp4"
    done = draw(video, result_folder, out, turntable=True, stop=At(70))
    width = Painter.aside(SIZE)
    assert done.size == (SIZE[0] + width, SIZE[1])
    drawn = frames(out)
    panel = [image[:, SIZE[0] :].astype(int) for image in drawn]
    bluish = (panel[0][..., 2] - panel[0][..., 0]) > 60
    assert bluish.sum() > 1000  # the mouse, in its colour
    rows, columns = np.nonzero(bluish)
    assert abs(rows.mean() - SIZE[1] / 2) < 50 and abs(columns.mean() - width / 2) < 50
    assert np.abs(panel[0] - panel[40]).max() > 60  # it turns
    assert ((panel[65][..., 2] - panel[65][..., 0]) > 60).sum() < 50  # a floor without a mouse


def test_two_animals_are_told_apart_by_colour(tmp_path: Path) -> None:
    one = walk()
    apart = one.keypoints + [0.0, 60.0, 0.0]
    place = one.pose.root_translation + [0.0, 60.0, 0.0]
    two = replace(
        one, animal="animal1", keypoints=apart, pose=replace(one.pose, root_translation=place)
    )
    write_result(tmp_path, 40, one, two)
    video = write_video(tmp_path / "side.mp4", FRAMES)
    for chosen, colours in ((None, 2), ("animal1", 1)):
        out = tmp_path / "out.mp4"
        draw(video, tmp_path, out, draw=("mesh",), opacity=1.0, text=False, stop=At(2),
             casting={"animal": chosen})  # fmt: skip
        image = frames(out)[1].astype(int)
        blue = (image[..., 2] - image[..., 0] > 60).sum()
        orange = (image[..., 0] - image[..., 2] > 60).sum()
        assert int(blue > 200) + int(orange > 200) == colours


def test_poses_in_the_frame_of_the_camera_are_drawn_alike(
    result_folder: Path, tmp_path: Path
) -> None:
    seen, turn = camera(), camera().rotation
    one = walk()
    turned = rotation.log(turn @ rotation.exp(one.pose.root_rotation))
    pose = replace(
        one.pose, root_rotation=turned, root_translation=seen.to_camera(one.pose.root_translation)
    )
    moved = replace(one, pose=pose, keypoints=seen.to_camera(one.keypoints), frame="camera",
                    covariance=turn @ one.covariance @ turn.T)  # fmt: skip
    write_result(tmp_path, 40, moved)
    video = write_video(tmp_path / "side.mp4", FRAMES)
    settings: Any = {"turntable": True, "stop": At(3), "draw": ("mesh", "ellipses", "keypoints")}
    draw(video, tmp_path, tmp_path / "a.mp4", **settings)
    draw(video, result_folder, tmp_path / "b.mp4", **settings)
    a, b = (frames(tmp_path / name)[2][:, : SIZE[0]].astype(int) for name in ("a.mp4", "b.mp4"))
    assert np.abs(a - b).mean() < 0.5


def test_odd_sizes_and_turned_videos_are_whole(tmp_path: Path) -> None:
    folder = tmp_path / "poses"
    folder.mkdir()
    write_result(folder, 40, walk())
    side = replace(camera(), size=(241, 321))
    write_cameras(folder / "camera.toml", [side])
    video = videos.write(
        tmp_path / "side.mkv", "ffv1", "yuv444p", numbers=range(3), size=(321, 241), rotation=90
    )
    with open_video(video) as opened:
        if opened.size != (241, 321):
            pytest.skip("this FFmpeg does not keep the turn of a Matroska video")
    assert draw(video, folder, tmp_path / "out.mp4", stop=At(3)).size == (242, 322)
    old, new = frames(video)[1].astype(int), frames(tmp_path / "out.mp4")[1].astype(int)
    assert np.abs(new[200:321, :241] - old[200:]).mean() < 6
    np.testing.assert_allclose(new[:, 241], new[:, 240], atol=40)


def test_pixels_that_are_no_squares_stay_so(result_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "side.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(*SIZE, "yuv420p")))
        container.mux(stream.encode(None))
    draw(path, result_folder, tmp_path / "out.mp4", stop=At(3))
    with open_video(path) as before, open_video(tmp_path / "out.mp4") as after:
        assert before.pixel_aspect == after.pixel_aspect == pytest.approx(4 / 3)


def test_a_folder_of_images_becomes_a_video(result_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "side"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((*SIZE[::-1], 3), 80, np.uint8)).save(folder / f"{number:03}.png")
    out = tmp_path / "out.mp4"
    draw(folder, result_folder, out, stop=At(3), fps=25.0)
    with open_video(out) as after:
        np.testing.assert_allclose(after.times, [0, 0.04, 0.08], atol=1e-4)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"draw": ("fur",)}, "unknown part to draw 'fur'; known: ellipses, keypoints, mesh"),
    ({"draw": ()}, "nothing is to be drawn"),
    ({"every": 0}, "every 0: expected 1"),
    ({"opacity": 2.0}, "opacity 2"),
    ({"start": At(9999)}, "has 150 frames, 4.97 s; from 9999"),
    ({"codec": "mpeg7"}, "unknown codec 'mpeg7'; known: h264, av1"),
    ({"casting": {"animal": "rat"}}, "rat"),
    ({"casting": {"camera_name": "top"}}, "unknown camera 'top'; known: side"),
]


@pytest.mark.parametrize(("settings", "told"), BAD)
def test_what_cannot_be_done_is_one_clear_error(
    settings: dict[str, Any], told: str, result_folder: Path, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "side.mp4", FRAMES)
    with pytest.raises(InputError, match=told):
        draw(video, result_folder, tmp_path / "out.mp4", **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["side.mp4"]


def test_files_that_do_not_go_together_are_told(result_folder: Path, tmp_path: Path) -> None:
    video, out = write_video(tmp_path / "side.mp4", FRAMES), tmp_path / "out.mp4"
    with pytest.raises(FileError, match="no such file"):
        draw(tmp_path / "none.mp4", result_folder, out)
    with pytest.raises(InputError, match="160 x 120 px.*'side' 320 x 240"):
        draw(write_video(tmp_path / "small.mp4", 3, (160, 120)), result_folder, out)
    short = write_video(tmp_path / "short.mp4", 40)
    with pytest.raises(InputError, match="has 40 frames, the result 150.*say --stop 40"):
        draw(short, result_folder, out)
    assert draw(short, result_folder, out, stop=At(40)).frames == 40
    long = write_video(tmp_path / "long.mp4", FRAMES + 5)
    assert "poses end at frame 149" in draw(long, result_folder, out).warnings[0]
    with pytest.raises(InputError, match="is written as .mp4, .mkv or .mov"):
        draw(video, result_folder, tmp_path / "out.gif")
    with pytest.raises(InputError, match="is read; write to another file"):
        draw(video, result_folder, video)
    whole = (result_folder / "poses.parquet").read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match="may be cut"):
        draw(video, cut, out)
    newer = tmp_path / "newer.parquet"
    newer.write_bytes(whole.replace(b'"schema_version": 1', b'"schema_version": 7'))
    with pytest.raises(FileError, match="schema version 7"):
        draw(video, newer, out)
    alone = tmp_path / "alone.parquet"
    alone.write_bytes(whole)
    with pytest.raises(InputError, match="no camera file lies beside.*--camera"):
        draw(video, alone, out)
    with pytest.raises(FileError, match="none.toml"):
        draw(video, alone, out, casting={"camera": tmp_path / "none.toml"})


def test_a_bare_matrix_is_a_camera_of_any_size(result_folder: Path, tmp_path: Path) -> None:
    matrix = camera().matrix.copy()
    matrix[:2, 2] = [158.0, 121.3]  # the size that this suggests is none of the video
    np.savetxt(tmp_path / "intrinsics.txt", matrix)
    video = write_video(tmp_path / "side.mp4", FRAMES)
    given = {"camera": tmp_path / "intrinsics.txt"}
    out = tmp_path / "out.mp4"
    assert draw(video, result_folder, out, stop=At(2), casting=given).frames == 2


def test_of_several_cameras_the_one_that_took_the_video_counts(tmp_path: Path) -> None:
    one = replace(walk(), provenance={"body": walk().provenance["body"], "cameras": ["a", "b"]})
    write_result(tmp_path, 40, one)
    far = replace(camera(), name="b", matrix=camera().matrix * [[0.5], [0.5], [1.0]])
    write_cameras(tmp_path / "camera.toml", [replace(camera(), name="a"), far])
    sizes = {}
    for name in ("cage_a.mp4", "cage_b.mp4"):
        video = write_video(tmp_path / name, FRAMES)
        draw(video, tmp_path, tmp_path / "out.mp4", draw=("mesh",), text=False, stop=At(2))
        image = frames(tmp_path / "out.mp4")[1].astype(int)
        sizes[name] = (image[..., 2] - image[..., 0] > 25).sum()
    assert 2 < sizes["cage_a.mp4"] / sizes["cage_b.mp4"] < 8
    other = write_video(tmp_path / "film.mp4", FRAMES)
    with pytest.raises(InputError, match="which of the cameras a, b took it.*--camera-name"):
        draw(other, tmp_path, tmp_path / "out.mp4")
    named = {"camera_name": "b"}
    assert draw(other, tmp_path, tmp_path / "out.mp4", stop=At(2), casting=named).frames == 2


def test_a_film_that_fails_leaves_what_was_there(
    result_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, out = write_video(tmp_path / "side.mp4", FRAMES), tmp_path / "out.mp4"
    out.write_bytes(b"before")

    def fail(self: Painter, *_: object) -> None:
        raise InputError("the pencil broke")

    monkeypatch.setattr(Painter, "paint", fail)
    with pytest.raises(InputError, match="the pencil broke"):
        draw(video, result_folder, out)
    assert out.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "side.mp4"]


def test_an_encoder_is_chosen_among_those_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"h264": {"none-such": None, **overlay_codec._ENCODERS["h264"]}, "av1": {}}
    monkeypatch.setattr(overlay_codec, "_ENCODERS", known)
    assert encoder_of("h264") in overlay_codec._ENCODERS["h264"]
    with pytest.raises(InputError, match="cannot write av1.*--codec h264"):
        encoder_of("av1")


def test_errors_cross_from_thread_to_thread() -> None:
    def broken() -> Any:
        yield 1
        raise InputError("no more")

    with ahead(broken(), 2) as items:
        assert next(items) == 1
        with pytest.raises(InputError, match="no more"):
            next(items)
    with ahead(iter(range(1000)), 2) as items:
        assert next(items) == 0  # left early: the thread ends
    got: list[int] = []

    def use(item: int) -> None:
        if item == 3:
            raise FileError("disk full")
        got.append(item)

    def hand(count: int) -> None:
        with behind(use, 1) as over:
            for item in range(count):
                over(item)

    hand(3)
    assert got == [0, 1, 2]
    with pytest.raises(FileError, match="disk full"):
        hand(4)
    with pytest.raises(FileError, match="disk full"):
        hand(100)


def test_what_is_inferred_is_drawn_differently(result_folder: Path, tmp_path: Path) -> None:
    one = walk()
    drawn = []
    for state in (State.SEEN, State.INFERRED, State.ABSENT):
        folder = tmp_path / state.name
        folder.mkdir()
        write_result(folder, 40, replace(one, state=np.full_like(one.state, state)))
        video = write_video(tmp_path / "side.mp4", FRAMES)
        out = folder / "out.mp4"
        draw(video, folder, out, draw=("skeleton", "keypoints"), text=False, stop=At(2), quality=8)
        plain = frames(video)[1].astype(int)
        drawn.append((np.abs(frames(out)[1].astype(int) - plain).max(axis=-1) > 30).sum())
    assert drawn[0] > 1.1 * drawn[1] > 0 and drawn[2] == 0
