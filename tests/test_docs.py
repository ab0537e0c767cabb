"""The pages keep their word: code runs, commands exist, names are all there, links lead on.

A block marked `python` on a page of `RUN` runs; one marked `py` is only shown.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer

import mousepose
from mousepose.body.default import default_body
from mousepose.cli.main import app
from mousepose.io import write_cameras, write_dlc_csv
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.types import PoseSequence

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
#: Pages whose Python runs from top to bottom, in a folder with a simulated recording.
RUN = ("index.md", "from-2d-to-3d.md", "python.md")
#: Pages whose Python goes on from the first block of `index.md`.
RUN_ON = ("limits.md",)
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="no pages: this is an installed package")


def blocks(page: str, kind: str) -> list[str]:
    """Return the fenced blocks that are marked `kind`."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [body for info, body in FENCE.findall(text) if info.strip() == kind]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mouse.csv and camera.toml, as a tracker and a calibration leave them."""
    folder = tmp_path_factory.mktemp("recording")
    body, camera = default_body(), watching_camera(distance_mm=560, elevation_deg=30)
    walk = walking_mouse(body, seconds=1.2, frames_per_second=30, stride_length_mm=45)
    write_dlc_csv(folder / "mouse.csv", observe(body, walk.pose, walk.times, camera))
    write_cameras(folder / "camera.toml", [camera])
    return folder


@pytest.fixture
def inside(recording: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(recording)
    yield recording
    os.chdir(before)


@pytest.mark.parametrize("page", [*RUN, *RUN_ON])
def test_the_code_on_a_page_runs(page: str, inside: Path) -> None:
    names: dict[str, Any] = {}
    code = blocks(page, "python")
    assert code
    for block in [*(blocks("index.md", "python")[:1] if page in RUN_ON else []), *code]:
        exec(compile(block, page, "exec"), names)
    assert isinstance(names["sequence"], PoseSequence)


def commands() -> list[tuple[str, str]]:
    """Return every line of a page that calls the program, with the page's name."""
    return [
        (path.name, line.strip())
        for path in PAGES
        for _, body in FENCE.findall(path.read_text(encoding="utf-8"))
        for line in body.replace("\\\n", " ").splitlines()
        if line.strip().startswith("mousepose ")
    ]


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_on_a_page_is_one_that_the_program_knows(page: str, line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line, comments=True)[1:]
    context = click.Context(command, info_name="mousepose")
    while hasattr(command, "commands"):
        name = words.pop(0)
        if name.startswith("-"):
            break
        assert name in command.commands, f"{page}: {line}"
        command = command.commands[name]
        context = click.Context(command, parent=context, info_name=name)
    known = {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= known | {"--help", "-h", "--version"}, f"{page}: {line}"


def test_every_public_name_is_on_the_page_and_no_other() -> None:
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    _, _, listed = text.partition("## All public names")
    names = re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)
    assert sorted(names) == mousepose.__all__


def test_every_method_of_a_sequence_is_on_the_page() -> None:
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    methods = [
        name
        for name, value in vars(PoseSequence).items()
        if callable(value) and not name.startswith("_")
    ]
    assert len(methods) >= 7
    assert not [name for name in methods if f"sequence.{name}(" not in text]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_to_pages_that_are_there(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        file = target.partition("#")[0]
        if file and "://" not in target and not target.startswith("mailto:"):
            assert (DOCS / file).exists(), f"{path.name}: {target}"


def test_the_site_lists_every_page_and_needs_no_network() -> None:
    text = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w-]+\.md", text))
    assert listed == {path.name for path in PAGES}
    assert "font: false" in text
    assert "https://" not in re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def test_the_table_of_rigs_is_the_one_that_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS.parent / "benchmarks"))
    rig = importlib.import_module("rig")
    figures = json.loads((DOCS / "benchmarks" / "rig.json").read_text(encoding="utf-8"))["figures"]
    text = (DOCS / "how-accurate-on-my-rig.md").read_text(encoding="utf-8")
    assert rig.with_table(text, figures) == text
    assert {name.partition(".")[0] for name in figures} == set(rig.PLANS)


def test_formulas_become_mathml_and_code_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("latex2mathml", reason="formulas are drawn by the extra docs")
    monkeypatch.syspath_prepend(str(DOCS / "hooks"))
    mathml = importlib.import_module("mathml")
    text = "It costs $x_m$ here.\n\n$$a = b$$\n\n`$HOME` and\n\n```sh\necho $PATH $HOME\n```\n"
    drawn = mathml.on_page_markdown(text)
    assert drawn.count("<math") == 2
    assert 'display="block"' in drawn
    assert "`$HOME`" in drawn
    assert "echo $PATH $HOME" in drawn
