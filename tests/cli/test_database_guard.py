"""A command opens the service's database, and makes or opens another one only where that is meant."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.stories.operations.program import Command, one_process

from tallystick.cli.common_options import TOLD
from tallystick.cli.database_guard import check_same_database, no_database_yet
from tallystick.cli.output import ProblemError
from tallystick.cli.serving.running_services import RunningService, running_services, told_to_others
from tallystick.settings import ENVIRONMENT, Origin, Settings
from tallystick.wiring import NoDatabaseYetError


@pytest.fixture(autouse=True)
def state_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for running services in which there are none, and a command that was told nothing."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    TOLD.config, TOLD.new = None, False
    yield tmp_path / "state" / "tallystick" / "running"
    TOLD.config, TOLD.new = None, False


@pytest.fixture(name="command", scope="module")
async def one_process_for_commands() -> AsyncIterator[Command]:
    async with one_process() as run:
        yield run


def ours() -> list[RunningService]:
    return [service for service in running_services() if service.process == os.getpid()]


def test_a_service_is_told_of_while_it_runs(state_of_our_own: Path) -> None:
    given = Settings(database_url="postgresql://me:hunter2@db.example:5433/tally?password=hunter2", port=9000)
    settings = replace(given, origins={"port": Origin("/etc/tallystick/tallystick.toml", "port", 9000)})
    with told_to_others(settings):
        assert ours() == [
            RunningService(
                os.getpid(), "http://127.0.0.1:9000", "at db.example:5433", None, "/etc/tallystick/tallystick.toml"
            )
        ]
        (file,) = state_of_our_own.iterdir()
        assert b"hunter2" not in file.read_bytes()
    assert ours() == []
    assert list(state_of_our_own.iterdir()) == []


def test_what_a_service_left_that_was_killed_counts_for_nothing_and_is_swept_away(state_of_our_own: Path) -> None:
    state_of_our_own.mkdir(parents=True)
    left = state_of_our_own / "1.service.json"
    left.write_text(
        '{"process": 1, "url": "http://127.0.0.1:1", "database": "x", "data_directory": null, "config": null}'
    )
    assert [service for service in running_services() if service.url == "http://127.0.0.1:1"] == []
    with left.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [service.process for service in running_services() if service.url == "http://127.0.0.1:1"] == [1]
        with told_to_others(Settings()):
            assert left.exists()
    with told_to_others(Settings()):
        assert not left.exists()


def test_a_service_manager_s_directory_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    with told_to_others(Settings()):
        assert [path.name for path in (tmp_path / "run").iterdir()] == [f"{os.getpid()}.service.json"]
        assert len(ours()) == 1


def test_a_service_runs_where_it_can_tell_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with told_to_others(Settings()):
        assert ours() == []


def test_who_names_no_database_is_asked_where_the_service_has_another_one(tmp_path: Path) -> None:
    unnamed = Settings(data_directory=tmp_path / "mine")
    named = replace(unnamed, origins={"data_directory": Origin(ENVIRONMENT, "data_directory", tmp_path / "mine")})
    with told_to_others(Settings(data_directory=tmp_path / "theirs")):
        with pytest.raises(ProblemError) as refused:
            check_same_database(unnamed)
        assert f"would work on the database in {tmp_path / 'mine'}, and the service at http" in str(refused.value)
        assert f"(process {os.getpid()}) works on the one in {tmp_path / 'theirs'}" in str(refused.value)
        assert "--new" in str(refused.value)
        check_same_database(named)
        check_same_database(replace(unnamed, database_url="postgresql://db.example/tally"))
        TOLD.new = True
        check_same_database(unnamed)


def test_who_names_no_database_may_use_the_one_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with told_to_others(Settings(data_directory=tmp_path / "data")):
        check_same_database(Settings(data_directory=tmp_path / "link"))


def test_the_file_of_the_running_service_is_named() -> None:
    settings = Settings(port=9000, origins={"port": Origin("/etc/tallystick/tallystick.toml", "port", 9000)})
    with told_to_others(settings):
        told = str(no_database_yet(NoDatabaseYetError("there is no database in /x")))
    assert told.startswith("there is no database in /x, and no service has run with these settings; the service at ")
    assert ", as /etc/tallystick/tallystick.toml says. Give the command the settings of the service" in told


@pytest.mark.parametrize(
    "words",
    [
        "account list",
        "verify",
        "migrate",
        "migrate --check",
        "worker",
        "db roles",
        "audit verify",
        "backup --directory {}/b",
    ],
)
async def test_no_command_beside_the_service_makes_a_database(words: str, tmp_path: Path, command: Command) -> None:
    data = tmp_path / "data"
    ended = await command(
        *words.format(tmp_path).split(), settings={"TALLYSTICK_DATA_DIRECTORY": str(data), "TALLYSTICK_CONFIG": "none"}
    )
    assert ended.status == 2, ended.complaint
    assert f"there is no database in {data}, and no service has run with these settings" in ended.complaint
    assert not data.exists()
