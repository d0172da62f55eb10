"""The OpenAPI document of /v1, as those who write clients from it look at it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]
InputField = tuple[str, Schema, bool, str]
"""Name, schema, whether it is required, and meaning of a field of a request."""

MADE: Final = "Made by `python -m tools.clients` from /v1/openapi.json: not changed by hand."
WIDTH: Final = 116


@dataclass(frozen=True)
class Operation:
    """An operation of the document, as a method."""

    path: str
    method: str
    schema: Schema

    @property
    def name(self) -> str:
        """As in `charges.create`."""
        return str(self.schema["operationId"])

    @property
    def resource(self) -> str:
        """What it belongs to."""
        return self.name.partition(".")[0]

    @property
    def verb(self) -> str:
        """What the method is called."""
        return self.name.partition(".")[2]

    @property
    def constant(self) -> str:
        """Its name in the table."""
        return self.name.replace(".", "_").upper()

    @property
    def takes_key(self) -> bool:
        """Whether it needs an Idempotency-Key."""
        return any(one["name"] == "Idempotency-Key" for one in self.schema["parameters"])

    @property
    def keys_inside(self) -> bool:
        """Whether each part of its body has a key of its own."""
        return any(
            "idempotency_key" in schema.get("items", {}).get("required", ()) for _, schema, _, _ in self.inputs()
        )

    @property
    def subject(self) -> str | None:
        """The name of the parameter for the id in its path."""
        before, found, _ = self.path.partition("/{id}")
        return f"{singular(before.rpartition('/')[2])}_id" if found else None

    def codes(self) -> Iterator[tuple[str, int]]:
        """Every code of a problem that it can have, with its status."""
        for status, told in self.schema["responses"].items():
            for content in told.get("content", {}).values():
                for part in content["schema"].get("allOf", ()):
                    for code in part.get("properties", {}).get("code", {}).get("enum", ()):
                        yield code, int(status)

    def inputs(self) -> Iterator[InputField]:
        """Name, schema, whether it is required, and meaning of each field."""
        for one in self.schema["parameters"]:
            if one["in"] == "query":
                yield one["name"], one["schema"], one["required"], one["description"]
        contents = self.schema.get("requestBody", {}).get("content", {})
        body = contents.get("application/json", {}).get("schema", {})
        for name, schema in body.get("properties", {}).items():
            yield name, schema, name in body.get("required", ()), schema.get("description", "")

    def answer(self) -> tuple[str, bool, str]:
        """The object of its answer, whether it is a list, and the media type."""
        told = next(one for status, one in self.schema["responses"].items() if status.startswith("2"))
        if not told.get("content"):
            return "", False, ""
        ((kind, content),) = told["content"].items()
        schema = content["schema"]
        if kind != "application/json":
            return "", False, kind
        if "$ref" in schema:
            return named(schema), False, kind
        return named(schema["properties"]["data"]["items"]), True, kind


def singular(noun: str) -> str:
    """Of a resource."""
    return noun[:-3] + "y" if noun.endswith("ies") else noun.removesuffix("s")


def class_name(name: str) -> str:
    """In camel case."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def named(schema: Schema) -> str:
    """The object that a reference is to."""
    return str(schema["$ref"]).rpartition("/")[2]


def is_amount(schema: Schema) -> bool:
    """Whether it is decimal text."""
    return "[0-9]" in schema.get("pattern", "") and r"\." in schema.get("pattern", "")


def words(schema: Schema) -> tuple[str, ...]:
    """The only ones that a text can have; none: any."""
    return tuple(word for word in schema.get("enum", ()) if word is not None)


def docstring(
    indent: str,
    summary: str,
    schema: Schema,
    inputs: list[InputField] | None = None,
    *,
    key: bool = False,
) -> Iterator[str]:
    """A summary; below it what each member or input means."""
    told = [(name, meaning) for name, _, _, meaning in inputs or () if meaning]
    if inputs is None:
        told = [(name, one.get("description", "")) for name, one in schema["properties"].items()]
    if key:
        told.append(("idempotency_key", "your own name for this request, which is done once; else it gets a new one."))
    heading = "Attributes:" if inputs is None else "Args:"
    told = [(name, meaning) for name, meaning in told if meaning]
    first = textwrap.wrap(f'"""{summary}', WIDTH - len(indent))
    if not told:
        first[-1] += '"""'
    if len(first) > 1 and told:  # a summary is one line
        first = [f'"""{summary}']
    yield from (indent + line for line in first)
    if not told:
        return
    yield ""
    yield f"{indent}{heading}"
    for name, meaning in told:
        yield from textwrap.wrap(
            f"{name}: {meaning}", WIDTH, initial_indent=f"{indent}    ", subsequent_indent=f"{indent}        "
        )
    yield f'{indent}"""'


def operations_of(openapi: Schema) -> list[Operation]:
    """Every operation of a document."""
    return [
        Operation(path, method.upper(), schema)
        for path, methods in openapi["paths"].items()
        for method, schema in methods.items()
    ]


def codes_of(operations: list[Operation]) -> dict[str, int]:
    """Every code of a problem, with its status."""
    return {"method_not_allowed": 405} | {code: status for one in operations for code, status in one.codes()}
