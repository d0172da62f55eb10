"""Writes endpoints.py, resources.py and async_resources.py of the Python client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tools.clients.operations import MADE, Operation, Schema, class_name, docstring, is_amount, singular, words

POSITIONAL: Final[Mapping[str, str]] = {"sandbox.authorize": "authorization", "sandbox.forward_clock": "by"}
"""Inputs that need not be named: of an action that is about one thing."""


class MethodsWriter:
    """Writes the methods of one document."""

    def __init__(self, openapi: Schema, operations: list[Operation]) -> None:
        self._version = openapi["info"]["version"]
        self._schemas = openapi["components"]["schemas"]
        self.operations = operations
        self._read = {one.answer()[0]: one for one in operations if one.verb == "get" and one.subject is not None}

    def endpoints(self) -> str:
        """endpoints.py."""
        lines = [
            f'"""Every endpoint, as a table. {MADE}"""\n',
            "from __future__ import annotations\n",
            "from collections.abc import Mapping",
            "from typing import Final\n",
            "from tallystick_client.endpoint import Endpoint, Input\n",
            f'API_VERSION: Final = "{self._version}"',
            '"""Of the interface: what this library was made for."""\n',
        ]
        for one in self.operations:
            inputs = "".join(f"{_input(name, schema, needed=needed)}," for name, schema, needed, _ in one.inputs())
            answer, is_list, kind = one.answer()
            more = f"inputs=({inputs})," if inputs else ""
            more += "takes_key=True," if one.takes_key else ""
            more += "keys_inside=True," if one.keys_inside else ""
            more += "is_list=True," if is_list else ""
            more += "" if kind == "application/json" else f"body_type={kind!r},"
            lines.append(
                f'{one.constant}: Final = Endpoint("{one.name}", "{one.method}", "{one.path}", "{answer}", {more})'
            )
        names = "".join(f"{one.constant}," for one in self.operations)
        lines.append(f"\nENDPOINTS: Final = ({names})")
        read = "".join(f'"{name}": {one.constant},' for name, one in self._read.items())
        lines.append(f"READ: Final[Mapping[str, Endpoint]] = {{{read}}}")
        lines.append('"""What reads one object of a kind anew."""\n')
        return "\n".join(lines)

    def resources(self, *, asynchronous: bool) -> str:
        """resources.py and async_resources.py."""
        prefix, core = ("Async", "AsyncCore") if asynchronous else ("", "Core")
        listing = f"{prefix}Listing"
        nouns = list(dict.fromkeys(one.resource for one in self.operations))
        answers = sorted({one.answer()[0] for one in self.operations} - {""})
        way = "to be awaited" if asynchronous else "blocking"
        lines = [
            f'"""A method for each endpoint, {way}.\n\n{MADE}\n"""\n',
            "from __future__ import annotations\n",
            "from collections.abc import Sequence",
            "from typing import Literal\n",
            "from tallystick_client import endpoints",
            "from tallystick_client.amounts import Moment, Money, amount_text, moment_text",
            "from tallystick_client.base import LONGEST_WAIT_SECONDS",
            f"from tallystick_client.core import {core}",
            f"from tallystick_client.listing import {listing}",
            f"from tallystick_client.objects import {', '.join(answers)}",
            f"from tallystick_client.rows import {', '.join(self._rows())}\n\n",
        ]
        for noun in nouns:
            lines.append(f"class {prefix}{class_name(noun)}Resource:")
            lines.append(f'    """What there is at /v1/{noun}."""\n')
            lines.append(f"    def __init__(self, core: {core}) -> None:\n        self._core = core\n")
            for one in self.operations:
                if one.resource == noun:
                    lines += self._method(one, prefix)
            lines.append("")
        lines.append(f"class {prefix}Resources:")
        lines.append('    """Every resource."""\n')
        lines.append(f"    def __init__(self, core: {core}) -> None:")
        lines += [f"        self.{noun} = {prefix}{class_name(noun)}Resource(core)" for noun in nouns]
        return "\n".join(lines) + "\n"

    def _rows(self) -> dict[str, Schema]:
        """The objects in bodies, by the names of their classes. Raises ValueError: two of one name."""
        found: dict[str, Schema] = {}
        for one in self.operations:
            for name, schema, _, _ in one.inputs():
                row = schema.get("items", {})
                if row.get("properties") and found.setdefault(_row_name(name), row) != row:
                    raise ValueError(f"there are two kinds of {name}")
        return found

    def rows(self) -> str:
        """rows.py."""
        lines = [
            f'"""Objects in the bodies of requests. {MADE}"""\n',
            "from __future__ import annotations\n",
            "from typing import Literal, NotRequired, TypedDict\n",
            "from tallystick_client.amounts import Moment, Money\n\n",
        ]
        for name, schema in self._rows().items():
            lines.append(f"class {name}(TypedDict):")
            lines += docstring("    ", "One of several in a request.", schema)
            for member, told in schema["properties"].items():
                kind = _given(member, told)
                lines.append(
                    f"    {member}: {kind if member in schema.get('required', ()) else f'NotRequired[{kind}]'}"
                )
            lines.append("\n")
        return "\n".join(lines)

    def _method(self, one: Operation, prefix: str) -> Iterator[str]:
        answer, is_list, kind = one.answer()
        word, waits = ("async def", "await ") if prefix else ("def", "")
        positional = POSITIONAL.get(one.name)
        inputs = list(one.inputs())
        first = [f"{one.subject}: str"] if one.subject else []
        first += [f"{name}: {_given(name, schema)}" for name, schema, _, _ in inputs if name == positional]
        named = [
            f"{name}: {_given(name, schema)}{'' if needed else ' | None = None'}"
            for name, schema, needed, _ in sorted(inputs, key=lambda one: not one[2])
            if name != positional
        ]
        if one.takes_key:
            named.append("idempotency_key: str | None = None")
        signature = ", ".join(["self", *first, *(["/"] if one.subject else []), *(["*"] if named else []), *named])
        result = f"{prefix}Listing[{answer}]" if is_list else answer or ("bytes" if kind else "None")
        yield f"    {'def' if is_list else word} {one.verb}({signature}) -> {result}:"
        subject = [
            (one.subject, told["schema"], True, told["description"])
            for told in one.schema["parameters"]
            if told["in"] == "path" and one.subject and inputs
        ]
        yield from docstring("        ", one.schema["summary"], one.schema, [*subject, *inputs], key=one.takes_key)
        values = ", ".join(f'"{name}": {_sent(name, schema, needed=needed)}' for name, schema, needed, _ in inputs)
        given = f"{{{values}}}"
        if is_list:
            more = f", {one.subject}" if one.subject else ""
            yield f"        return self._core.many(endpoints.{one.constant}, {answer}, {given}{more})\n"
        else:
            key = ", idempotency_key" if one.takes_key else ""
            what = f"endpoints.{one.constant}, {result}, {one.subject}, {given}{key}"
            yield f"        return {waits}self._core.one({what})\n"
        if one.verb == "get" and "pending" in words(self._member(answer, "status")) and one.subject:
            yield f"    {word} wait("
            yield f"        self, {one.subject}: str, /, *, seconds: float = LONGEST_WAIT_SECONDS"
            yield f"    ) -> {answer}:"
            yield '        """Ask until it is no longer pending.\n'
            yield "        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises."
            yield '        """'
            yield f"        return {waits}self._core.wait(endpoints.{one.constant}, {answer}, {one.subject}, seconds)\n"

    def _member(self, name: str, member: str) -> Schema:
        found: Schema = self._schemas.get(name, {}).get("properties", {}).get(member, {})
        return found


def _given(name: str, schema: Schema) -> str:
    """The type of an argument."""
    if is_amount(schema):
        return "Money"
    if schema.get("format") == "date-time":
        return "Moment"
    if choices := words(schema):
        return f"Literal[{', '.join(map(repr, choices))}]"
    kind = schema.get("type", "object")
    if kind == "array":
        row = schema.get("items", {})
        return f"Sequence[{_row_name(name) if row.get('properties') else _given(name, row)}]"
    return {"integer": "int", "boolean": "bool", "string": "str"}.get(kind, "object")


def _sent(name: str, schema: Schema, *, needed: bool) -> str:
    """The expression for what is sent of an argument."""
    ways = {"Money": "amount_text", "Moment": "moment_text"}
    way = ways.get(_given(name, schema))
    if way is None:
        return f"list({name})" if schema.get("type") == "array" and needed else name
    return f'{way}("{name}", {name})' if needed else f'None if {name} is None else {way}("{name}", {name})'


def _input(name: str, schema: Schema, *, needed: bool) -> str:
    kind = "decimal" if is_amount(schema) else schema.get("format", "")
    kind = kind if kind in {"decimal", "date-time"} else schema.get("type", "object")
    more = "" if kind == "string" else f", type={kind!r}"
    more += ", required=True" if needed else ""
    more += f", choices={words(schema)!r}" if words(schema) else ""
    return f"Input({name!r}{more})"


def _row_name(name: str) -> str:
    """The class of what is in an array."""
    return f"{class_name(singular(name))}Row"
