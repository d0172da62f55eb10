"""Writes objects.py of the Python client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tools.clients.operations import MADE, Operation, Schema, class_name, docstring, is_amount, named, words

_PLAIN: Final[Mapping[str, str]] = {"integer": "int", "boolean": "bool", "object": "dict[str, Any]"}
"""Types of members that are no texts."""


class ObjectsWriter:
    """Writes the objects of one document."""

    def __init__(self, openapi: Schema, operations: list[Operation]) -> None:
        self._objects = {name: schema for name, schema in openapi["components"]["schemas"].items() if name != "Problem"}
        self._read = {one.answer()[0] for one in operations if one.verb == "get" and one.subject is not None}
        self._aliases: dict[tuple[str, ...], str] = {}
        self._parts: dict[str, Schema] = {}

    def objects(self) -> str:
        """objects.py."""
        self._name_choices()
        structs = [self._struct(name, schema) for name, schema in self._objects.items()]
        parts = [self._struct(name, schema) for name, schema in self._parts.items()]
        aliases = sorted((name, choices) for choices, name in self._aliases.items())
        exact = "\n".join(f"    {name} = Literal[{', '.join(map(repr, choices))}]" for name, choices in aliases)
        loose = "\n".join(f"    {name} = str" for name, _ in aliases)
        head = f'''"""The objects of the service. {MADE}

Words that a member can have are known to a type checker; at run time others are read as well, which a later service may
have.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import field

from tallystick_client.base import ApiObject, Awaited

if TYPE_CHECKING:
{exact}
else:
{loose}
'''
        return "\n\n".join([head, *parts, *structs])

    def _name_choices(self) -> None:
        found: dict[str, dict[tuple[str, ...], list[str]]] = {}
        for name, schema in self._objects.items():
            for member, told in schema["properties"].items():
                choices = words(told) or words(told.get("items", {}))
                if len(choices) > 1:
                    found.setdefault(member, {}).setdefault(choices, []).append(name)
        for member, groups in found.items():
            for choices, names in groups.items():
                owner = "Transaction" if "Transaction" in names else names[0]
                shared = len(groups) == 1 and len(names) > 1
                alias = class_name(member) if shared else f"{owner}{class_name(member)}"
                taken = alias in {*self._objects, *self._aliases.values()}
                self._aliases.setdefault(choices, f"{owner}{alias}" if taken else alias)

    def _struct(self, name: str, schema: Schema) -> str:
        members = schema["properties"]
        base = "Awaited" if "pending" in words(members.get("status", {})) and name in self._read else "ApiObject"
        lines = [f"class {name}({base}, frozen=True, kw_only=True, dict=True):"]
        lines += docstring("    ", schema.get("description") or f"{_words_of(name)}, as the service tells it.", schema)
        if base == "Awaited" and "failed" not in words(members["status"]):
            lines.append("    fails: ClassVar[bool] = False\n")
        for member, told in members.items():
            nullable = isinstance(told.get("type"), list) or {"type": "null"} in told.get("anyOf", ())
            optional = nullable or member not in schema.get("required", ())
            kind = self._type(name, member, told)
            empty = " = field(default_factory=list)" if kind.startswith("list[") and not nullable else ""
            lines.append(f"    {member}: {kind}{empty or (' | None = None' if optional else '')}")
        return "\n".join(lines) + "\n"

    def _type(self, owner: str, member: str, schema: Schema) -> str:
        if "$ref" in schema:
            return named(schema)
        if "anyOf" in schema:
            return " | ".join(self._type(owner, member, one) for one in schema["anyOf"] if one != {"type": "null"})
        choices, kinds = words(schema), schema.get("type", "object")
        kind = kinds if isinstance(kinds, str) else next(one for one in kinds if one != "null")
        if len(choices) > 1:
            return self._aliases.get(choices, "str")
        if kind == "array":
            return f"list[{self._type(owner, member, schema['items'])}]"
        if kind == "object" and schema.get("properties"):
            part = f"{owner}{class_name(member)}"
            self._parts[part] = schema
            return part
        text = "Decimal" if is_amount(schema) else "datetime" if schema.get("format") == "date-time" else "str"
        return _PLAIN.get(kind, text)


def _words_of(name: str) -> str:
    text = re.sub(r"(?<=.)(?=[A-Z])", " ", name).lower()
    return f"{'An' if text[0] in 'aeiou' else 'A'} {text}"
