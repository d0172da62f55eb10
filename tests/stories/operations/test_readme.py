"""The README's way to a first charge, typed as it stands there, in one shell."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port, until_it_answers
from tests.stories.operations.program import environment
from tests.support.paths import ROOT

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("curl") is None, reason="the README's requests are sent with curl"),
]

PART = re.compile(r"^```(sh|text)\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
USUAL = "http://127.0.0.1:8400"
RUN = """\
#!/bin/sh
# Stands for ./run of a clone, without an environment of its own; the service writes to a file of its own.
case "$1" in serve) exec {python} -m tallystick "$@" >serve.log 2>&1 ;; esac
exec {python} -m tallystick "$@"
"""


def section() -> str:
    text = (ROOT / "README.md").read_text("utf-8")
    return text.partition("## From here to your own shop")[2].partition("\n## ")[0]


def parts() -> list[tuple[str, str]]:
    """What is typed, and what comes of it ("" where nothing is shown), in order."""
    typed: list[tuple[str, str]] = []
    for kind, content in PART.findall(section()):
        if kind == "sh":
            typed.append((content, ""))
        else:
            typed[-1] = (typed[-1][0], content)
    return typed


def as_shown(line: str) -> str:
    """A pattern for a line of the README, in which … stands for anything."""
    return r".*?".join(re.escape(" ".join(one.split())) for one in line.split("…"))


def spaced(line: str) -> str:
    return " ".join(line.split())


@asynccontextmanager
async def shell(directory: Path, settings: dict[str, str]) -> AsyncIterator[Process]:
    """One shell for all parts, in which `./run` is there. What runs in the background ends with it."""
    script = directory / "run"
    script.write_text(RUN.format(python=shlex.quote(sys.executable)), "utf-8")
    script.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        "bash", cwd=directory, env=environment(settings), stdin=PIPE, stdout=PIPE, stderr=STDOUT, limit=2**20
    )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.write(b"\nkill $(jobs -p) 2>/dev/null; wait\n")
        process.stdin.close()
        await process.wait()


async def type_in(process: Process, typed: str, number: int) -> list[str]:
    """Type a part; the lines that came of it."""
    assert process.stdin is not None
    assert process.stdout is not None
    mark = f"part {number} is done"
    process.stdin.write(f"{typed}\necho; echo {shlex.quote(mark)}\n".encode())
    lines: list[str] = []
    while (line := (await process.stdout.readline()).decode()) != f"{mark}\n":
        assert line, lines
        lines.append(line.rstrip("\n"))
    return [line for line in lines if line]


async def test_the_readme_comes_to_a_first_charge(make_migrated: MakeDatabase, tmp_path: Path) -> None:
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    settings = {
        "TALLYSTICK_DATABASE_URL": await make_migrated(),
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
        "TALLYSTICK_PORT": str(port),
        "TALLYSTICK_PUBLIC_URL": here,
        "TALLYSTICK_RAIL_DELAY_MS": "0",
    }
    typed = parts()
    assert len(typed) == 6
    assert sum(bool(shown) for _, shown in typed) == 5

    async with shell(tmp_path, settings) as process:
        for number, (what, shown) in enumerate(typed):
            came = await type_in(process, what.replace(USUAL, here), number)
            wanted = [line for line in shown.replace(USUAL, here).splitlines() if line]
            assert len(came) == len(wanted), (what, came)
            for line, want in zip(came, wanted, strict=True):
                assert re.fullmatch(as_shown(want), spaced(line)), (what, line, want)
            if "serve" in what:
                async with httpx.AsyncClient(trust_env=False) as client:
                    await until_it_answers(here, client)


def test_the_test_would_see_another_answer() -> None:
    assert re.fullmatch(as_shown("P… left on … 25.00"), "P1 9.90 left on the balance 25.00")
    assert not re.fullmatch(as_shown("P… left on … 25.00"), "P1 9.90 left on the balance 25.01")


def test_what_is_named_in_that_section_is_there() -> None:
    for place in re.findall(r"\]\(([^)#]+)\)|`(src/[^`]+)`", section()):
        assert (ROOT / (place[0] or place[1])).exists(), place
