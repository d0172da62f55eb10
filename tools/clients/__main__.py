"""Writes what the clients know of /v1 from its OpenAPI document: objects, problems, endpoints, and a method for each.

`python -m tools.clients` writes the files of the Python client anew and, where Node and the packages of
clients/typescript are there (`npm ci` in it), the types of the TypeScript client. Tests say when they are stale.
"""

from __future__ import annotations

import shutil
import sys

from tools.clients.files import TYPES, TYPESCRIPT, types, written


def main() -> None:
    """Write every file."""
    for path, text in written().items():
        path.write_text(text, "utf-8")
    node = shutil.which("node")
    if node is None or not (TYPESCRIPT / "node_modules").is_dir():
        print("The types of the TypeScript client stay as they are: no Node, or no `npm ci` in it.", file=sys.stderr)  # noqa: T201 - a command
        return
    TYPES.write_text(types(node), "utf-8")


if __name__ == "__main__":
    main()
