"""Has openapi-typescript write the types of the TypeScript client, and writes what is known when it runs."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.clients.operations import MADE, Schema, codes_of, operations_of


def slim(openapi: Schema) -> Schema:
    """The document for openapi-typescript: one problem for all endpoints, which has every code; no examples.

    Told for each status of each endpoint, problems are nine tenths of the types, and nobody can use them: the client
    throws them.
    """
    operations = operations_of(openapi)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        responses = {
            status: {
                "description": told["description"],
                "content": {kind: {"schema": part["schema"]} for kind, part in told.get("content", {}).items()},
            }
            for status, told in one.schema["responses"].items()
            if status.startswith("2")
        }
        problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses["default"] = {"description": "A problem.", "content": problem}
        paths.setdefault(one.path, {})[one.method.lower()] = _without_examples({**one.schema, "responses": responses})
    schemas = dict(openapi["components"]["schemas"])
    members = dict(schemas["Problem"]["properties"])
    members["code"] = {**members["code"], "enum": sorted(codes_of(operations))}
    schemas["Problem"] = {**schemas["Problem"], "properties": members}
    return {**openapi, "paths": paths, "components": {**openapi["components"], "schemas": schemas}}


def _without_examples(part: Any) -> Any:  # noqa: ANN401 - any part of a document
    if isinstance(part, Mapping):
        return {name: _without_examples(value) for name, value in part.items() if name != "example"}
    return [_without_examples(one) for one in part] if isinstance(part, list) else part


def types_of(openapi: Schema, node: str, program: Path) -> str:
    """The types, as `program` writes them. Raises OSError, CalledProcessError."""
    with tempfile.TemporaryDirectory() as directory:
        given, made = Path(directory, "openapi.json"), Path(directory, "schema.ts")
        given.write_text(json.dumps(slim(openapi)), "utf-8")
        command = [node, str(program), str(given), "-o", str(made)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - locked in package-lock.json
        return made.read_text("utf-8")


def table_of(openapi: Schema) -> str:
    """endpoints.ts: the version, and which paths take a key."""
    operations = operations_of(openapi)
    keyed = "".join(f'  "{path}",\n' for path in sorted(one.path for one in operations if one.takes_key))
    inside = "".join(f'  "{path}",\n' for path in sorted(one.path for one in operations if one.keys_inside))
    return (
        f"/** {MADE} */\n\n"
        f'export const API_VERSION = "{openapi["info"]["version"]}";\n\n'
        "/** Paths whose POST takes an Idempotency-Key. */\n"
        f"export const KEYED: ReadonlySet<string> = new Set([\n{keyed}]);\n\n"
        "/** Paths to which each part of a body has a key of its own. */\n"
        f"export const KEYED_INSIDE: ReadonlySet<string> = new Set([\n{inside}]);\n"
    )
