"""A new user's first day: what is installed, the first pages line by line, a request of one's own.

It happens on a machine where nothing of ours was before (`machine.py`), with the database that comes with the service.
How long each step took is printed at the end of the run; nothing depends on it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import tempfile
from asyncio.subprocess import Process
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from tests.stories.conftest import free_port
from tests.stories.first_day.machine import DEVELOPMENT_LOCK, LOCK, Machine, build_wheel, install, locked
from tests.support.owner import TEST_DIRECTORY
from tests.support.paths import ROOT
from tests.support.readme import as_shown, differences, parts, shell, type_in

from tallystick import __version__

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("curl") is None, reason="the pages' requests are sent with curl"),
]

Record = Callable[[str, object], None]

UNTIL_IT_SERVES = "until grep -q 'Tallystick serves' serve.log; do sleep 0.1; done"
"""The line for which the page has its reader wait; the first start makes a database."""

WAIT_SECONDS = 300

PATIENTLY = f"./run fund --wait {WAIT_SECONDS}"
"""What the page types, but for a machine that is busy with other tests."""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    # Not tmp_path: the embedded database runs as a user of its own, to whom pytest closes its directories.
    directory = Path(tempfile.mkdtemp(dir=os.environ[TEST_DIRECTORY]))
    directory.chmod(0o755)
    yield install(build_wheel(directory), directory)
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def timed(record: Record, step: str) -> Iterator[None]:
    began = monotonic()
    yield
    record("first day", (step, round(monotonic() - began, 1)))


def test_what_is_installed_is_what_serves_and_nothing_of_development(machine: Machine) -> None:
    assert machine.run("tallystick", "--version").stdout == f"{__version__}\n"
    place = machine.run(str(machine.python), "-c", "import tallystick; print(tallystick.__file__)").stdout
    assert place.startswith(f"{machine.program.parents[1]}/")
    client = machine.run(
        str(machine.python), "-c", "import tallystick_client; print(tallystick_client.__file__)"
    ).stdout
    assert Path(client).parents[1] == Path(place).parents[1]  # what the sample shop is written on
    listed = machine.run(
        str(machine.python), "-c", "from importlib import metadata; print(*(d.name for d in metadata.distributions()))"
    )
    there = {name.lower().replace("_", "-") for name in listed.stdout.split()}
    tools = locked(DEVELOPMENT_LOCK) - locked(LOCK)
    assert "pytest" in tools
    assert there & tools == set()
    assert {"tallystick", "asyncpg", "litestar"} <= there


async def test_from_nothing_to_a_charge(machine: Machine, record_property: Record) -> None:
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    settings = {"TALLYSTICK_PORT": str(port), "TALLYSTICK_PUBLIC_URL": here}
    pages = parts(here)
    assert [bool(part.shown) for part in pages] == [False, *[True] * 5, False, *[True] * 4]

    async with shell(machine.home, "tallystick", machine.environment(**settings)) as process:
        for number, part in enumerate(pages):
            with timed(record_property, part.typed.splitlines()[0][:60]):
                came = await type_in(process, part.typed.replace("./run fund", PATIENTLY), number)
                assert differences(part, came) == [], part.typed
                if "serve" in part.typed:
                    await asyncio.wait_for(type_in(process, UNTIL_IT_SERVES, number), WAIT_SECONDS)
        with timed(record_property, "a request signed by one's own program"):
            await _own_program(process, machine, here)
        came = await type_in(process, f"curl -s {here}/docs/start", 100)
        assert "Start in five minutes" in "".join(came), "the wheel has the documentation"

    with timed(record_property, "verify"):
        verified = machine.run("tallystick", "verify", "--json", **settings)
    assert json.loads(verified.stdout)["ok"] is True, verified


async def _own_program(process: Process, machine: Machine, here: str) -> None:
    (program,) = re.findall(
        r"^```python\n(.*?)\n```$", (ROOT / "docs" / "signing.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    (machine.home / "sign.py").write_text(program, "utf-8")
    asked = f'curl -s "$(SERVICE={here} python3 sign.py Action=GetTotalPrepaidLiability)"; echo'
    came = await type_in(process, asked, 99)
    assert "<Value>19.850000</Value>" in "".join(came), came


def test_a_configuration_of_ones_own(machine: Machine, record_property: Record) -> None:
    with timed(record_property, "a configuration file"):
        written = Path(json.loads(machine.run("tallystick", "init", "--json").stdout)["file"])
        assert written.is_relative_to(machine.home)
        assert machine.run("tallystick", "config", "check").returncode == 0
        with written.open("a", encoding="utf-8") as file:
            file.write("prot = 8499\n")
        wrong = machine.run("tallystick", "config", "check")
        assert wrong.returncode == 1
        assert "unknown setting prot (did you mean port?)" in wrong.stdout
        written.unlink()  # what it says would count for whoever comes next


def test_the_test_would_see_another_answer() -> None:
    assert re.fullmatch(as_shown("P… left on … 25.00"), "P1 9.90 left on the balance 25.00")
    assert not re.fullmatch(as_shown("P… left on … 25.00"), "P1 9.90 left on the balance 25.01")
