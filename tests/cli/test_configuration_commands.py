"""`tallystick init`, `config check`, `config show`, and `--config` before and after a command's name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.stories.operations.program import Command, one_process


@dataclass(frozen=True)
class Home:
    """A user's home with nothing in it. `file`: where the configuration belongs there."""

    directory: Path
    command: Command

    @property
    def file(self) -> Path:
        return self.directory / ".config" / "tallystick" / "tallystick.toml"

    async def run(self, *arguments: str, status: int = 0, **settings: str) -> str:
        """What a command printed, answers first."""
        nothing = dict.fromkeys(("TALLYSTICK_CONFIG", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"), "")
        ended = await self.command(*arguments, settings=nothing | {"HOME": str(self.directory)} | settings)
        assert ended.status == status, ended
        return ended.out + ended.complaint


@pytest.fixture(name="command", scope="module")
async def one_process_for_commands() -> AsyncIterator[Command]:
    async with one_process() as run:
        yield run


@pytest.fixture
def home(tmp_path: Path, command: Command) -> Home:
    return Home(tmp_path, command)


async def test_a_new_file_is_written_once_read_and_right(home: Home) -> None:
    assert f"Written: {home.file}" in await home.run("init")
    before = home.file.read_text()
    assert await home.run("init", status=2) == f"tallystick: {home.file} is there already; it stays as it is\n"
    assert home.file.read_text() == before

    checked = json.loads(await home.run("config", "check", "--json"))
    assert checked == {"ok": True, "file": str(home.file), "problems": [], "warnings": []}


async def test_a_file_that_is_named_is_written_and_read_before_and_after_the_command(home: Home) -> None:
    named = home.directory / "elsewhere.toml"
    assert f"Written: {named}" in await home.run("--config", str(named), "init")
    assert not home.file.exists()
    named.write_text('port = 9000\nmetrics_token = "0123456789abcdef"\n')

    shown: list[dict[str, Any]] = json.loads(
        await home.run("config", "show", "--changed", "--json", "--config", str(named))
    )
    assert shown == [
        {"name": "port", "value": "9000", "source": "file", "given_as": "port"},
        {"name": "metrics_token", "value": "set, not shown", "source": "file", "given_as": "metrics_token"},
    ]
    for arguments in (("--config", str(named), "config", "show"), ("config", "--config", str(named), "show")):
        text = await home.run(
            *arguments, TALLYSTICK_PORT="9001", TALLYSTICK_METRICS_TOKEN_COMMAND="echo another-metrics-token"
        )
        assert f"File: {named}" in text
        assert "9001  (environment: TALLYSTICK_PORT)" in text
        assert "set, not shown  (environment: TALLYSTICK_METRICS_TOKEN_COMMAND)" in text
        assert "0123456789abcdef" not in text
        assert "another-metrics-token" not in text


async def test_all_that_is_wrong_is_told_and_the_status_says_so(home: Home) -> None:
    home.file.parent.mkdir(parents=True)
    home.file.write_text("prot = 9000\npublic_url = 'pay.example.com'\n")
    text = await home.run("config", "check", status=1, TALLYSTICK_LOG_LEVEL="loud")
    assert f"BAD {home.file}: unknown setting prot (did you mean port?)" in text
    assert f"BAD public_url in {home.file}: must be an http or https address" in text
    assert "BAD TALLYSTICK_LOG_LEVEL: must be one of debug, info, warning, error, not 'loud'" in text
    assert text.endswith("3 problems.\n")
    assert not (home.directory / ".local").exists()

    assert "unknown setting prot (did" in await home.run("account", "list", status=2)
    missing = await home.run("config", "check", "--config", "/no/such.toml", status=1)
    assert "BAD there is no file /no/such.toml" in missing
    assert missing.endswith("\n1 problem.\n")


async def test_what_others_should_not_see_of_a_right_file_is_warned_of(home: Home) -> None:
    named = home.directory / "named.toml"
    named.write_text("public_url = 'http://pay.example.com'\n")
    await home.run("init")
    checked = json.loads(await home.run("config", "check", "--json", TALLYSTICK_CONFIG=str(named)))
    assert checked["ok"]
    assert [warning.partition(" ")[0] for warning in checked["warnings"]] == ["http://pay.example.com", str(home.file)]
    assert "File: none is to be read" in await home.run("config", "check", TALLYSTICK_CONFIG="none")
