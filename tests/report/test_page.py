"""The report holds all it shows, says what is wrong, and lets no text of a file run as a script."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import results
from browser import browser
from mousepose.body.default import default_body
from mousepose.errors import FileError, InputError
from mousepose.report import page
from mousepose.report.page import PageJob, write_report
from mousepose.report.page_clips import player_data
from mousepose.report.page_stage import stage_of
from mousepose.run.report_result import Result
from mousepose.run.report_survey import Clip
from mousepose.sequence import pose_at
from results import walk, write_result, write_video

result_folder = results.result_folder

HOSTILE = "<img src=x onerror=alert(1)></script>{{7}}"


class Reader(HTMLParser):
    """Collects tags, attributes and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, page.PageOutcome]:
    """A report of a hostile result with a video of another length and a table of behaviour."""
    folder = tmp_path_factory.mktemp("page")
    names = tuple(HOSTILE if name == "NOSE" else name for name in walk(0.1).keypoint_names)
    sequence = replace(walk(), keypoint_names=names, animal=HOSTILE, scale_source="none")
    path = write_result(folder, 60, sequence)
    video = write_video(folder / "side.mp4", 120)
    bouts = {"behaviour": [HOSTILE, "groom"], "start_s": [0.1, 2.0], "stop_s": [1.0, 3.5]}
    pd.DataFrame(bouts).to_csv(folder / "behaviour.csv", index=False)
    (folder / "gait").mkdir()
    strides = {
        "bout": [0, 0], "limb": ["left hind", HOSTILE], "marker": ["LEFT_HIND_PAW", "x"],
        "contact_s": [0.5, 1.0], "lift_off_s": [0.7, 1.2], "quality": ["good", "no paw"],
        "stride_length_mm": [61.5, 60.0],
    }  # fmt: skip
    pd.DataFrame(strides).to_parquet(folder / "gait" / "strides.parquet")
    walks = {"bout": [0], "start_s": [0.5], "stop_s": [1.5]}
    pd.DataFrame(walks).to_parquet(folder / "gait" / "bouts.parquet")
    output = folder / "report.html"
    return output, write_report(PageJob(path, output, (video,)))


def test_it_is_one_file_that_loads_nothing(written: tuple[Path, page.PageOutcome]) -> None:
    path, outcome = written
    text = path.read_text(encoding="utf-8")
    assert outcome.bytes == path.stat().st_size < 15e6
    reader = Reader(text)
    for _, attributes in reader.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert "default-src 'none'" in text and "@media print" in text
    assert not re.search(r"https?://", text)
    titles = " ".join(reader.texts)
    for title in (
        "Data quality",
        "In the video",
        "Gait",
        "61.5",
        "Behaviour",
        "Calibration",
        "What was run",
    ):
        assert title in titles


def test_no_text_of_a_file_becomes_a_tag(written: tuple[Path, page.PageOutcome]) -> None:
    reader = Reader(written[0].read_text(encoding="utf-8"))
    assert not [a for tag, a in reader.tags if tag == "img" and a.get("src") == "x"]
    assert not [a for _, a in reader.tags if any(name.startswith("on") for name in a)]
    assert HOSTILE in " ".join(reader.texts)


def test_what_is_wrong_is_said_with_what_to_do(written: tuple[Path, page.PageOutcome]) -> None:
    told = " | ".join(written[1].warnings)
    for words in (
        "Nothing gave the scale", "7% of the frames have no pose", "Hardly ever seen: LEFT_HIND",
        "side.mp4 has 120 frames, the result 150",
    ):  # fmt: skip
        assert words in told
    assert "--body-length" in written[0].read_text(encoding="utf-8")


def test_a_good_result_has_no_warning(tmp_path: Path) -> None:
    sequence = walk(2.0)
    sequence = replace(sequence, state=np.full_like(sequence.state, 2))
    path = write_result(tmp_path, 60, sequence)
    outcome = write_report(PageJob(path, tmp_path / "r.html"))
    assert outcome.warnings == ()
    assert "Nothing speaks against this result" in (tmp_path / "r.html").read_text("utf-8")


def _unpacked(text: str, kind: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind).reshape(shape)


def test_the_skin_of_the_player_is_that_of_the_body(result_folder: Path) -> None:
    body = default_body()
    assert body.mesh is not None
    with Result(result_folder) as result:
        stage = stage_of(result.at(0)[0])
        data: Any = json.loads(
            json.dumps(player_data(result, stage, [Clip(30, 50, "one", "")], body))
        )
        pose = pose_at(result.at(37)[0], result.at(37)[1])
    mesh, clip = data["mesh"], data["clips"][0]
    count, joints = len(body.mesh.vertices), len(body.rest)
    rest = _unpacked(mesh["vertices"], "<f4", count, 3).astype(float)
    bulges = _unpacked(mesh["bulges"], "<i2", mesh["bulge_count"], count, 3) * mesh["bulge_unit"]
    drive = _unpacked(clip["drive"], "<f4", clip["frames"], mesh["bulge_count"])[7]
    bones = _unpacked(clip["bones"], "<f4", clip["frames"], joints, 3, 4)[7]
    start = _unpacked(mesh["start"], "<u4", count + 1)
    bone = _unpacked(mesh["bone"], "u1", start[-1])
    weight = _unpacked(mesh["weight"], "<f4", start[-1])
    moved = rest + np.tensordot(drive, bulges, 1)
    owner = np.repeat(np.arange(count), np.diff(start.astype(int)))
    parts = (bones[bone, :, :3] @ moved[owner][..., None])[..., 0] + bones[bone, :, 3]
    skin = np.zeros((count, 3))
    np.add.at(skin, owner, weight[:, None] * parts)
    np.testing.assert_allclose(skin, stage.place(body.vertices(pose)), atol=0.05)


def test_what_cannot_be_written_is_told(
    result_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(FileError, match="no such file"):
        write_report(PageJob(tmp_path / "none", tmp_path / "r.html"))
    monkeypatch.setattr(page, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="shorter clips"):
        write_report(PageJob(result_folder, tmp_path / "r.html"))
    assert not (tmp_path / "r.html").exists()


def test_a_browser_plays_it(written: tuple[Path, page.PageOutcome], tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as seen:
        seen.open(written[0].as_uri())
        seen.wait_for("document.querySelectorAll('#choices button').length === 5")
        assert seen.ask("document.getElementById('keypoint').innerHTML.includes('<img')") is False
        seen.press("Best 1")
        assert "frame" in seen.ask("document.getElementById('moment').textContent")
        seen.press("Play")
        seen.wait_for("Number(document.getElementById('place').value) > 0")
        seen.press("Pause")
        seen.ask(
            "(() => {const p = document.getElementById('place'); p.value = 12;"
            "p.dispatchEvent(new Event('input'))})()"
        )
        drawn = (
            "(() => {const c = document.getElementById('%s'); const x = document.createElement("
            "'canvas').getContext('2d'); x.drawImage(c, 0, 0);"
            "return x.getImageData(0, 0, 300, 150).data.some(v => v > 0)})()"
        )
        for canvas in ("stick", "plot"):
            assert seen.ask(drawn % canvas)
        assert seen.errors == []
        assert all(url.startswith(("file:", "data:")) for url in seen.requests)
