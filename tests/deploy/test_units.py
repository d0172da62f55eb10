"""The systemd units: systemd itself reads them and says how much they are held to; what they set exists."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from tests.support.paths import ROOT
from typer.main import get_command

from tallystick.cli.app import app
from tallystick.cli.lazy import LazyGroup
from tallystick.settings import from_environment

UNITS = ROOT / "deploy" / "systemd"
MAIN, *BESIDE = SERVICES = ("tallystick.service", "tallystick-worker.service", "tallystick-backup.service")
EXPOSURE = 20
"""The most that `systemd-analyze security` may say, in tenths: 100 is a service that may do anything."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def settings_in(text: str) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found[name].append(value)
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_runs_a_command_that_exists_with_settings_that_exist(name: str) -> None:
    text = (UNITS / name).read_text("utf-8")
    unit = settings_in(text)
    (command,) = unit["ExecStart"]
    program, action, *options = command.split()

    assert program == "/opt/tallystick/bin/tallystick"
    found = get_command(app)
    for name_of_command in (action, *options):
        if isinstance(found, LazyGroup):
            found = found.commands[name_of_command].open()  # type: ignore[attr-defined]
        elif name_of_command in getattr(found, "commands", {}):
            found = found.commands[name_of_command]  # type: ignore[attr-defined]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {option for option in options if option.startswith("-")} <= known
    from_environment(dict(one.replace("%S", "/var/lib").split("=", 1) for one in unit["Environment"]))
    assert unit["Type"] == ["exec" if action == "backup" else "notify"]
    assert unit["User"] == ["tallystick"]
    assert int(unit["TimeoutStopSec"][0]) > 30, "it drains, answers and commits what it has accepted"


def test_the_service_is_given_the_socket_that_stays() -> None:
    socket = settings_in((UNITS / "tallystick.socket").read_text("utf-8"))
    assert len(socket["ListenStream"]) == 1
    assert settings_in((UNITS / MAIN).read_text("utf-8"))["Requires"] == ["tallystick.socket"]


@pytest.mark.parametrize("name", BESIDE)
def test_what_runs_beside_the_service_ends_before_it(name: str) -> None:
    """Who starts the embedded database has it in its unit, and is to be the last one to let go of it."""
    unit = settings_in((UNITS / name).read_text("utf-8"))
    assert unit["PartOf"] == [MAIN]
    assert MAIN in unit["After"][0].split()
    assert unit["KillMode"] == ["mixed"]


def test_all_services_are_held_to_the_same() -> None:
    def hardening(name: str) -> list[tuple[str, str]]:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string((UNITS / name).read_text("utf-8"))
        wanted = ("Protect", "Private", "Restrict", "SystemCall", "Capability", "NoNew")
        return [(key, value) for key, value in parser.items("Service") if key.startswith(wanted)]

    first, *others = map(hardening, SERVICES)
    assert len(first) > 20
    assert others == [first] * len(BESIDE)


@needs_systemd
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    for path in UNITS.iterdir():
        text = path.read_text("utf-8").replace("/opt/tallystick/bin/tallystick", sys.executable)
        (tmp_path / path.name).write_text(text)
    said = subprocess.run(  # noqa: S603 - systemd's own program
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in (said.stdout + said.stderr).splitlines() if "tallystick" in line]
    assert (said.returncode, ours) == (0, [])


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_systemd_finds_the_services_well_confined(name: str) -> None:
    said = subprocess.run(  # noqa: S603 - systemd's own program
        ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", str(UNITS / name)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Overall exposure level" in said.stdout
