"""`tallystick doctor`, where there is nothing yet, and where even the settings are not understood."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.stories.conftest import free_port


def doctor(tmp_path: Path, *arguments: str, **settings: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit status, and standing and text of each item."""
    ran = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "tallystick", "doctor", "--json", *arguments],
        env=os.environ
        | {"TALLYSTICK_DATA_DIRECTORY": str(tmp_path / "data"), "TALLYSTICK_CONFIG": "none"}
        | {"TALLYSTICK_PORT": str(free_port())}
        | settings,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in ran.stderr
    return ran.returncode, {item["item"]: (item["standing"], item["text"]) for item in json.loads(ran.stdout)}


def test_where_there_is_no_database_the_rest_is_looked_at_and_none_is_made(tmp_path: Path) -> None:
    status, items = doctor(tmp_path, "--live")
    assert status == 1
    assert items["database"][0] == "missing"
    assert f"there is no database in {tmp_path / 'data'}" in items["database"][1]
    assert items["settings"][0] == "good"
    assert {name for name, (standing, _) in items.items() if standing == "for people"} >= {
        "master key",
        "proxy",
        "mail",
    }
    assert not (tmp_path / "data").exists()


def test_settings_that_are_not_understood_are_all_that_is_told(tmp_path: Path) -> None:
    status, items = doctor(tmp_path, TALLYSTICK_PROT="1")
    assert status == 1
    assert list(items) == ["settings"]
    assert items["settings"] == (
        "missing",
        "unknown setting TALLYSTICK_PROT (did you mean TALLYSTICK_PORT?); see: tallystick config check",
    )
