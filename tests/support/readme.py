"""Pages to a first charge, as parts that can be typed into one shell, and what is shown to come of each."""

from __future__ import annotations

import asyncio
import re
import shlex
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

USUAL: Final = "http://127.0.0.1:8400"
"""Where the service is in what is printed."""

_PART: Final = re.compile(r"^```(sh|text)\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
_RUN: Final = """\
#!/bin/sh
# Stands for ./run of a clone, whose environment is there already. What the service says goes to a file of its own.
case "$1" in serve) exec {program} "$@" >serve.log 2>&1 ;; esac
exec {program} "$@"
"""


@dataclass(frozen=True)
class ReadmePart:
    """What is typed, and the lines that come of it; none where none are shown."""

    typed: str
    shown: tuple[str, ...] = ()


PAGES: Final = ("start.md", "first-signed-charge.md")
"""Below docs, in the order in which they are typed: the second one goes on where the first one ends."""


def parts(service: str) -> list[ReadmePart]:
    """All parts in order, for a service that is at another address."""
    text = "".join((ROOT / "docs" / page).read_text("utf-8") for page in PAGES)
    found: list[ReadmePart] = []
    for kind, content in _PART.findall(text.replace(USUAL, service)):
        if kind == "sh":
            found.append(ReadmePart(content))
        else:
            found[-1] = ReadmePart(found[-1].typed, tuple(line for line in content.splitlines() if line))
    return found


def as_shown(line: str) -> str:
    """A pattern for a line of a page, in which … stands for anything. How wide blanks are does not matter."""
    return r".*?".join(re.escape(" ".join(one.split())) for one in line.split("…"))


def differences(part: ReadmePart, came: list[str]) -> list[str]:
    """What came of a part other than it is shown."""
    if len(came) != len(part.shown):
        return [f"{len(came)} lines instead of {len(part.shown)}", *came]
    return [
        f"{line!r} instead of {want!r}"
        for line, want in zip(came, part.shown, strict=True)
        if re.fullmatch(as_shown(want), " ".join(line.split())) is None
    ]


@asynccontextmanager
async def shell(directory: Path, program: str, environment: Mapping[str, str]) -> AsyncIterator[Process]:
    """One shell for all parts, in which `./run` is `program`. What runs in the background ends with it."""
    script = directory / "run"
    script.write_text(_RUN.format(program=program), "utf-8")
    script.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        "bash", cwd=directory, env=dict(environment), stdin=PIPE, stdout=PIPE, stderr=STDOUT, limit=2**20
    )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.write(b"\nkill $(jobs -p) 2>/dev/null; wait\n")
        process.stdin.close()
        await process.wait()


async def type_in(process: Process, typed: str, number: int) -> list[str]:
    """Type something; the lines that came of it, empty ones left out. `number`: of which thing, for its end."""
    assert process.stdin is not None
    assert process.stdout is not None
    mark = f"part {number} is done"
    process.stdin.write(f"{typed}\necho; echo {shlex.quote(mark)}\n".encode())
    lines: list[str] = []
    while (line := (await process.stdout.readline()).decode()) != f"{mark}\n":
        assert line, lines
        lines.append(line.rstrip("\n"))
    return [line for line in lines if line]
