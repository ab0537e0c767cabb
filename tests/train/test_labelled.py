"""Labelled pictures become crops with the labels where they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mousepose.errors import FileError, InputError
from mousepose.run.train_labelled import LabelledSet, read_recordings
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.labelled import body_boxes, body_length, split_recordings
from mousepose.train.labelled_names import keypoint_places
from mousepose.train.samples import UNLABELLED, VISIBLE

NOSE, TAIL = KEYPOINT_NAMES.index("NOSE"), KEYPOINT_NAMES.index("ROOT_TAIL")
HEAD = "scorer,me,me,me,me,me,me\nbodyparts,snout,snout,tailbase,tailbase,leftear,leftear\n"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Two recordings of three pictures with a spot at each label, as DeepLabCut keeps them."""
    lines = [HEAD + "coords,x,y,x,y,x,y"]
    random = np.random.default_rng(0)
    for recording in ("a", "b"):
        folder = tmp_path / "labeled-data" / recording
        folder.mkdir(parents=True)
        for number in (3, 10, 27):
            points = random.uniform([30, 30], [170, 90], (3, 2)).round(2)
            picture = np.zeros((120, 200))
            for x, y in points:
                off = (np.arange(200) - x) ** 2 + (np.arange(120)[:, None] - y) ** 2
                picture += 200 * np.exp(-0.5 * off / 1.5**2)
            name = f"img{number:03d}.png"
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / name)
            cells = ",".join(f"{value}" for value in points.ravel())
            lines.append(f"labeled-data/{recording}/{name},{cells}")
    path = tmp_path / "CollectedData_me.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_spots_are_at_the_labels(labels: Path) -> None:
    recordings = read_recordings(LabelledSet.parsed(f"{labels},view=top"))
    assert [len(one.xy) for one in recordings] == [3, 3]
    for one in recordings:
        samples = one.samples()
        assert samples.images.shape[1:] == (192, 192)
        named = [KEYPOINT_NAMES[k] for k in np.flatnonzero((samples.state == VISIBLE).all(0))]
        assert sorted(named) == ["LEFT_EAR", "NOSE", "ROOT_TAIL"]
        assert ((samples.state == UNLABELLED).sum(1) == 19).all()
        for image, xy in zip(samples.images, samples.xy, strict=True):
            for x, y in xy[np.isfinite(xy).all(-1)].round().astype(int):
                near = image[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
                assert near.max() >= 0.8 * image.max()


def test_a_region_is_cut_and_frames_are_chosen(labels: Path) -> None:
    whole = read_recordings(LabelledSet.parsed(str(labels)))[0]
    part = read_recordings(LabelledSet.parsed(f"{labels},region=20:10:200:110,frames=1:3"))[0]
    assert part.pictures[0].shape == (100, 180)
    np.testing.assert_allclose(part.xy, whole.xy[1:3] - [20, 10])


def test_what_was_seen_in_a_mirror_is_turned_over(labels: Path) -> None:
    seen = read_recordings(LabelledSet.parsed(str(labels)))[0]
    over = read_recordings(LabelledSet.parsed(f"{labels},mirrored=yes"))[0]
    np.testing.assert_array_equal(over.pictures[0], seen.pictures[0][:, ::-1])
    np.testing.assert_allclose(over.xy, [199, 0] + seen.xy * [-1, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x.csv,vew=top", "'vew=top' is none of view"),
        ("x.csv,view=above", "not 'above'"),
        ("x.csv,share=0", "above 0"),
        ("x.csv,mirrored=maybe", "mirrored is yes or no"),
        ("x.csv,region=1:2", "region=LEFT:TOP:RIGHT:LOW"),
        ("x.csv,frames=a:b", "FROM:TO"),
    ],
)
def test_a_wrong_set_is_told(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LabelledSet.parsed(text)


def test_a_missing_picture_is_told(labels: Path) -> None:
    missing = labels.parent / "labeled-data" / "a" / "img010.png"
    missing.unlink()
    with pytest.raises(FileError, match=r"no picture of frame 10 \(1 of 3 missing\)"):
        read_recordings(LabelledSet.parsed(str(labels)))
    with pytest.raises(FileError, match="which is not there"):
        read_recordings(LabelledSet.parsed(f"{labels},pictures=nowhere"))
    missing.write_bytes(missing.with_name("img003.png").read_bytes())
    with pytest.raises(InputError, match="region 500:0:600:9 holds no picture"):
        read_recordings(LabelledSet.parsed(f"{labels},region=500:0:600:9"))


def test_names_mean_the_keypoint_that_sits_there_and_no_other() -> None:
    homecage = keypoint_places(["Nose", "Ear_L", "Ear_R", "TTI", "Trunk", "Head"], "homecage15")
    assert homecage == {"Nose": "NOSE", "Ear_L": "LEFT_EAR", "Ear_R": "RIGHT_EAR",
                        "TTI": "ROOT_TAIL"}  # fmt: skip
    assert keypoint_places(["NOSE", "HEAD", "TAIL"], "anatomy") == {
        "NOSE": "NOSE", "TAIL": "ROOT_TAIL",
    }  # fmt: skip
    same = keypoint_places(KEYPOINT_NAMES)
    assert same == {name: name for name in KEYPOINT_NAMES}
    with pytest.raises(InputError, match="labels: none of the points corner1, corner2"):
        keypoint_places(["corner1", "corner2"])


def test_a_box_holds_a_whole_mouse_however_little_is_labelled() -> None:
    xy = np.full((3, len(KEYPOINT_NAMES), 2), np.nan)
    xy[0, NOSE], xy[0, TAIL] = [10, 10], [90, 10]
    xy[1, NOSE] = [50, 50]
    length = body_length(xy)
    assert length == 80
    boxes = body_boxes(xy, length)
    np.testing.assert_allclose(boxes[0], [10, -2, 90, 22])
    assert (boxes[1, 2:] - boxes[1, :2] >= length).all()
    assert np.isnan(boxes[2]).all()
    with pytest.raises(InputError, match="the size of the mouse is not known"):
        body_length(xy[1:])


def test_whole_recordings_are_held_out_and_always_the_same() -> None:
    names = [f"recording{k}" for k in range(8)]
    learnt, held = split_recordings(names, 0.25)
    assert len(held) == 2 and sorted([*learnt, *held]) == list(range(8))
    again = split_recordings(names[::-1], 0.25)[1]
    assert {names[k] for k in held} == {names[::-1][k] for k in again}
    assert split_recordings(["one"], 0.25)[1].size == 0
    assert len(split_recordings(["one", "two"], 0.01)[1]) == 1
