"""What lies beside a result is found; what is given and cannot be used is an error."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io import write_cameras
from mousepose.run.report_company import company_of
from mousepose.run.report_result import Result
from mousepose.simulate import watching_camera
from results import walk, write_result

BOUTS = pd.DataFrame({"behaviour": ["groom"], "start_s": [0.2], "stop_s": [0.9]})


def test_camera_and_behaviour_are_found(tmp_path: Path) -> None:
    BOUTS.to_csv(tmp_path / "behaviour.csv", index=False)
    with Result(write_result(tmp_path, 60, walk(1.0))) as result:
        company = company_of(result)
    assert [camera.name for camera in company.cameras] == ["side"] and not company.notes
    assert company.behaviour is not None and list(company.behaviour["behaviour"]) == ["groom"]
    assert company.strides is None


def test_what_only_lies_there_and_is_no_table_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "behaviour.csv").write_text("a,b\n1,2\n")
    (tmp_path / "gait").mkdir()
    (tmp_path / "gait" / "strides.parquet").write_bytes(b"PAR1 cut")
    with Result(write_result(tmp_path, 60, walk(1.0))) as result:
        (tmp_path / "camera.toml").write_text("[cam_0]\nname = 3\n")
        company = company_of(result)
        assert len(company.notes) == 4 and company.cameras == ()
        with pytest.raises(FileError, match=r"behaviour\.csv.*missing: behaviour"):
            company_of(result, behaviour=tmp_path / "behaviour.csv")
        with pytest.raises(FileError, match="may be cut"):
            company_of(result, gait=tmp_path / "gait")
        with pytest.raises(FileError, match="run mousepose gait first"):
            company_of(result, gait=tmp_path)


def test_a_camera_of_another_fit_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    write_cameras(other, [watching_camera(name="a"), watching_camera(name="b")])
    with (
        Result(write_result(tmp_path, 60, walk(1.0))) as result,
        pytest.raises(InputError, match="no camera 'side'"),
    ):
        company_of(result, camera=other)


def test_times_that_are_words_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("behaviour,start_s,stop_s\ngroom,soon,later\n")
    with (
        Result(write_result(tmp_path, 60, walk(1.0))) as result,
        pytest.raises(FileError, match="expected seconds"),
    ):
        company_of(result, behaviour=table)
