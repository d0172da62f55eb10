"""The TypeScript client as JavaScript: compiled once, with its tests and examples; and programs that use it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

PROJECT: Final = ROOT / "clients" / "typescript"
_COMPILER: Final = str(PROJECT / "node_modules" / "typescript" / "bin" / "tsc")


def compile_client(node: str, directory: Path) -> Path:
    """The package in `directory`, as it would be installed; its `dist`. What the compiler does not take is told."""
    _compile(node, PROJECT, "--project", str(PROJECT), "--outDir", str(directory / "dist"))
    (directory / "node_modules").symlink_to(PROJECT / "node_modules")
    (directory / "package.json").write_text((PROJECT / "package.json").read_text("utf-8"), "utf-8")
    return directory / "dist"


def compile_alone(node: str, compiled: Path, program: str, directory: Path) -> Path:
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
    _compile(node, directory, *options, str(source))
    return source.with_suffix(".js")


def _compile(node: str, place: Path, *arguments: str) -> None:
    done = subprocess.run([node, _COMPILER, *arguments], cwd=place, check=False, capture_output=True, text=True)  # noqa: S603 - locked
    assert done.returncode == 0, done.stdout


def bare_environment() -> dict[str, str]:
    """Without proxies: nothing here is outside."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
