"""What each written file is to have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.clients.operations import operations_of
from tools.clients.python_methods import MethodsWriter
from tools.clients.python_objects import ObjectsWriter
from tools.clients.python_problems import problems
from tools.clients.typescript_types import table_of, types_of

from tallystick.web.v1.documents.openapi import document

ROOT: Final = Path(__file__).resolve().parents[2]
TYPESCRIPT: Final = ROOT / "clients" / "typescript"
TYPES: Final = TYPESCRIPT / "src" / "schema.ts"
TABLE: Final = TYPESCRIPT / "src" / "endpoints.ts"
PYTHON: Final = ROOT / "clients" / "python" / "src" / "tallystick_client"
SERVER: Final = "http://127.0.0.1:8400"


def written() -> Mapping[Path, str]:
    """What each file is to have."""
    openapi = document(SERVER)
    operations = operations_of(openapi)
    methods = MethodsWriter(openapi, operations)
    files = {
        PYTHON / "objects.py": ObjectsWriter(openapi, operations).objects(),
        PYTHON / "problems.py": problems(operations),
        PYTHON / "endpoints.py": methods.endpoints(),
        PYTHON / "rows.py": methods.rows(),
        PYTHON / "resources.py": methods.resources(asynchronous=False),
        PYTHON / "async_resources.py": methods.resources(asynchronous=True),
    }
    return {path: _formatted(text, path) for path, text in files.items()} | {TABLE: table_of(openapi)}


def _formatted(text: str, path: Path) -> str:
    """As `ruff format` has it, and without imports that are not needed."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    for command in (("check", "--quiet", "--fix-only", "--select", "F401,I001,Q000"), ("format", "--quiet")):
        done = subprocess.run(  # noqa: S603 - the tool beside this interpreter
            [ruff, *command, "--stdin-filename", str(path), "-"],
            input=text, capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        text = done.stdout
    return text


def types(node: str) -> str:
    """What the types of the TypeScript client are to be. Raises OSError, CalledProcessError."""
    return types_of(document(SERVER), node, TYPESCRIPT / "node_modules" / "openapi-typescript" / "bin" / "cli.js")
