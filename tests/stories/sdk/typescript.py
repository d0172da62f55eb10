"""The TypeScript client as JavaScript: compiled once, with its tests and examples; and programs that use it."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

PROJECT: Final = ROOT / "clients" / "typescript"
_COMPILER: Final = str(PROJECT / "node_modules" / "typescript" / "bin" / "tsc")


async def compile_client(node: str, directory: Path) -> Path:
    """The package in `directory`, as it would be installed; its `dist`. What the compiler does not take is told."""
    await _compile(node, PROJECT, "--project", str(PROJECT), "--outDir", str(directory / "dist"))
    (directory / "node_modules").symlink_to(PROJECT / "node_modules")
    (directory / "package.json").write_text((PROJECT / "package.json").read_text("utf-8"), "utf-8")
    return directory / "dist"


async def compile_alone(node: str, compiled: Path, program: str, directory: Path) -> Path:
    """A seller's program that has installed the client; its JavaScript."""
    packages = directory / "node_modules"
    packages.mkdir()
    (packages / "tallystick-client").symlink_to(compiled.parent)
    (packages / "@types").symlink_to(PROJECT / "node_modules" / "@types")
    (packages / "undici-types").symlink_to(PROJECT / "node_modules" / "undici-types")
    (directory / "package.json").write_text('{"type": "module"}', "utf-8")
    source = directory / "program.ts"
    source.write_text(program, "utf-8")
    options = ("--module", "NodeNext", "--target", "ES2022", "--strict", "--skipLibCheck", "--types", "node")
    await _compile(node, directory, *options, str(source))
    return source.with_suffix(".js")


async def _compile(node: str, place: Path, *arguments: str) -> None:
    status, told = await run(node, _COMPILER, *arguments, cwd=place)
    assert status == 0, told


async def run(*command: str, cwd: Path | None = None, **more: str) -> tuple[int | None, str]:
    """Run a program to its end, while the service goes on; its status, and what it printed."""
    env = bare_environment() | more
    ran = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, cwd=cwd, env=env)
    printed, _ = await ran.communicate()
    return ran.returncode, printed.decode()


def bare_environment() -> dict[str, str]:
    """Without proxies: nothing here is outside."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
