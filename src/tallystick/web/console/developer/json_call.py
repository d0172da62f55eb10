"""One call of the JSON interface as it was filled in: what is sent, and the same for curl and for both clients."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from tallystick.web.v1.endpoint import JSON, Endpoint
from tallystick.web.v1.inputs import JsonInput

SECRET: Final = "$API_KEY"  # noqa: S105 - the name of a variable in a shell
_WIDTH: Final = 88
"""Characters of a line of Python or TypeScript, longer ones are broken."""

_BARE: Final = "true", "false"
_WITH_BODY: Final = frozenset({"POST", "PATCH"})


@dataclass(frozen=True, slots=True)
class JsonCall:
    """`subject`: the id in its path. `fields`: what was given, as JSON has it."""

    endpoint: Endpoint
    subject: str
    fields: Mapping[str, Any]
    idempotency_key: str

    @property
    def path(self) -> str:
        """Path and query. An id that was not given is there by its name."""
        path = self.endpoint.path.replace("{id}", quote(self.subject, safe="") or "{id}")
        if self.endpoint.method in _WITH_BODY or not self.fields:
            return path
        listed = {name: ",".join(value) if isinstance(value, list) else value for name, value in self.fields.items()}
        return f"{path}?{urlencode(listed)}"

    @property
    def named(self) -> bool:
        """Whether it is done once under a name of the program's."""
        return self.endpoint.moves_money or self.endpoint.takes_key

    @property
    def headers(self) -> dict[str, str]:
        """All but the secret's."""
        named = {"Idempotency-Key": self.idempotency_key} if self.named and self.idempotency_key else {}
        return named | ({"Content-Type": JSON} if self.endpoint.method in _WITH_BODY else {})

    @property
    def body(self) -> str | None:
        """What is sent; None: this method has no body."""
        return json.dumps(self.fields, ensure_ascii=False) if self.endpoint.method in _WITH_BODY else None

    def curl(self, service: str) -> str:
        """A line for a shell, in which the secret is a variable."""
        parts = [f"curl {shlex.quote(service + self.path)}", f'-H "Authorization: Bearer {SECRET}"']
        parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in self.headers.items()]
        if self.body is not None:
            parts.append(f"-d {shlex.quote(self.body)}")
        if self.endpoint.method not in {"GET", "POST"}:
            parts.append(f"-X {self.endpoint.method}")
        return " \\\n  ".join(parts)

    def python(self) -> str:
        """The same with the Python client, which is `ts`."""
        given = [_python(self.subject)] if self.endpoint.subject else []
        given += [f"{name}={_python(value)}" for name, value in self.fields.items()]
        if self.named and self.idempotency_key:
            given.append(f"idempotency_key={_python(self.idempotency_key)}")
        return _call(f"ts.{self.endpoint.name}", given)

    def typescript(self) -> str:
        """The same with the TypeScript client, which is `ts`."""
        path, fields, endpoint = _typescript(self.endpoint.path), _typescript(self.fields), self.endpoint
        subject = [_typescript(self.subject)] if endpoint.subject else []
        if endpoint.is_list:
            return _call("ts.list", [path, *([fields] if self.fields or subject else []), *subject])
        if endpoint.media_type != JSON:
            return _call("await ts.file", [path, *subject])
        if endpoint.method != "POST":
            body_or_query = [fields] if endpoint.method in _WITH_BODY or self.fields else []
            return _call(f"await ts.{endpoint.method.lower()}", [path, *subject, *body_or_query])
        options = {"id": self.subject} if endpoint.subject else {}
        if self.named and self.idempotency_key:
            options["idempotencyKey"] = self.idempotency_key
        return _call("await ts.post", [path, fields, *([_typescript(options)] if options else [])])


def value_of(one: JsonInput, typed: str) -> Any:  # noqa: ANN401 - as JSON has it
    """What was typed for a field, as JSON has it. What cannot be read is left as it is, for the answer to tell."""
    if one.members or one.many or one.field.type == "array":
        try:
            return json.loads(typed)
        except ValueError:
            return typed
    if one.field.type == "boolean" and typed in _BARE:
        return typed == _BARE[0]
    if one.field.type == "integer" and typed.isascii() and typed.isdigit():
        return int(typed)
    return typed


def _call(name: str, given: list[str]) -> str:
    line = f"{name}({', '.join(given)})"
    if len(line) <= _WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in given) + ")"


def _python(value: Any) -> str:  # noqa: ANN401 - as JSON has it
    match value:
        case bool() | None:
            return repr(value)
        case dict():
            return "{" + ", ".join(f"{_python(name)}: {_python(one)}" for name, one in value.items()) + "}"
        case list():
            return f"[{', '.join(map(_python, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _typescript(value: Any) -> str:  # noqa: ANN401 - as JSON has it
    match value:
        case Mapping():
            inner = ", ".join(f"{name}: {_typescript(one)}" for name, one in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case list():
            return f"[{', '.join(map(_typescript, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)
