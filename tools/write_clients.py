"""Writes what the clients know of /v1 from its OpenAPI document: objects, problems, endpoints, and a method for each.

`python tools/write_clients.py` writes the files of the Python client anew. A test says when they are not what it would
write.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.web.v1.openapi import document

ROOT: Final = Path(__file__).resolve().parent.parent
PYTHON: Final = ROOT / "clients" / "python" / "src" / "tallystick_client"
SERVER: Final = "http://127.0.0.1:8400"
WIDTH: Final = 116

Schema = Mapping[str, Any]

POSITIONAL: Final[Mapping[str, str]] = {"sandbox.authorize": "authorization", "sandbox.forward_clock": "by"}
"""Inputs that need not be named: of an action that is about one thing."""

GROUPS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("BadRequestError", "The form of the request is wrong."),
    401: ("UnauthorizedError", "The secret is wrong."),
    402: ("PaymentRequiredError", "Money is lacking, or a limit was hit."),
    403: ("ForbiddenError", "The key is not for this."),
    404: ("MissingError", "It is not there, or not yours."),
    405: ("BadMethodError", "The path does not take this method."),
    409: ("ConflictError", "It contradicts what was done before."),
    413: ("TooLargeError", "The body is too large."),
    415: ("BadMediaTypeError", "The body is no JSON."),
    422: ("UnprocessableError", "A rule forbids it."),
    429: ("RateLimitError", "Too often, or too many requests of this key wait."),
    500: ("ServerFaultError", "A fault of the service."),
    503: ("UnavailableError", "Not now: try again with the same key."),
}
"""Classes above those of the codes, by HTTP status."""

_PLAIN: Final[Mapping[str, str]] = {"integer": "int", "boolean": "bool", "object": "dict[str, Any]"}
"""Types of members that are no texts."""

_MADE: Final = "Made by tools/write_clients.py from /v1/openapi.json: not changed by hand."


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
    def subject(self) -> str | None:
        """The name of the parameter for the id in its path."""
        before = self.path.partition("/{id}")[0]
        return f"{singular(before.rpartition('/')[2])}_id" if before != self.path else None

    def inputs(self) -> Iterator[tuple[str, Schema, bool, str]]:
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
            return _named(schema), False, kind
        return _named(schema["properties"]["data"]["items"]), True, kind


def singular(noun: str) -> str:
    """Of a resource."""
    return noun[:-3] + "y" if noun.endswith("ies") else noun.removesuffix("s")


def class_name(name: str) -> str:
    """In camel case."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _named(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


class Writer:
    """Writes the files from one document."""

    def __init__(self, openapi: Schema) -> None:
        self._document = openapi
        self.operations = [
            Operation(path, method.upper(), schema)
            for path, methods in openapi["paths"].items()
            for method, schema in methods.items()
        ]
        self._objects = {name: schema for name, schema in openapi["components"]["schemas"].items() if name != "Problem"}
        self._read = {
            one.answer()[0]: one for one in self.operations if one.verb == "get" and one.subject is not None
        }  # fmt: skip
        self._aliases: dict[tuple[str, ...], str] = {}
        self._parts: dict[str, Schema] = {}

    # Objects.

    def objects(self) -> str:
        """objects.py."""
        self._name_choices()
        structs = [self._struct(name, schema) for name, schema in self._objects.items()]
        parts = [self._struct(name, schema) for name, schema in self._parts.items()]
        aliases = sorted((name, words) for words, name in self._aliases.items())
        exact = "\n".join(f"    {name} = Literal[{', '.join(map(repr, words))}]" for name, words in aliases)
        loose = "\n".join(f"    {name} = str" for name, _ in aliases)
        head = f'''"""The objects of the service. {_MADE}

Words that a member can have are known to a type checker; at run time others are read as well, which a later service may
have.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

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
                words = _words(told) or _words(told.get("items", {}))
                if len(words) > 1:
                    found.setdefault(member, {}).setdefault(words, []).append(name)
        for member, groups in found.items():
            for words, names in groups.items():
                owner = "Transaction" if "Transaction" in names else names[0]
                alias = class_name(member if len(groups) == 1 else f"{owner}_{member}")
                taken = alias in {*self._objects, *self._aliases.values()}
                self._aliases.setdefault(words, f"{owner}{alias}" if taken else alias)

    def _struct(self, name: str, schema: Schema) -> str:
        members = schema["properties"]
        base = "Awaited" if "pending" in _words(members.get("status", {})) and name in self._read else "ApiObject"
        lines = [f"class {name}({base}, frozen=True, kw_only=True, dict=True):"]
        lines += _docstring("    ", schema.get("description") or f"{_words_of(name)}, as the service tells it.", schema)
        if base == "Awaited" and "failed" not in _words(members["status"]):
            lines.append("    fails: ClassVar[bool] = False\n")
        for member, told in members.items():
            nullable = isinstance(told.get("type"), list)
            optional = nullable or member not in schema.get("required", ())
            kind = self._type(name, member, told)
            lines.append(f"    {member}: {kind}{' | None = None' if optional else ''}")
        return "\n".join(lines) + "\n"

    def _type(self, owner: str, member: str, schema: Schema) -> str:
        if "$ref" in schema:
            return _named(schema)
        words, kinds = _words(schema), schema.get("type", "object")
        kind = kinds if isinstance(kinds, str) else next(one for one in kinds if one != "null")
        if len(words) > 1:
            return self._aliases.get(words, "str")
        if kind == "array":
            return f"list[{self._type(owner, member, schema['items'])}]"
        if kind == "object" and schema.get("properties"):
            part = f"{owner}{class_name(member)}"
            self._parts[part] = schema
            return part
        text = "Decimal" if is_amount(schema) else "datetime" if schema.get("format") == "date-time" else "str"
        return _PLAIN.get(kind, text)

    # Problems.

    def problems(self) -> str:
        """problems.py."""
        codes: dict[str, int] = {}
        for operation in self.operations:
            for status, told in operation.schema["responses"].items():
                for content in told.get("content", {}).values():
                    for part in content["schema"].get("allOf", ()):
                        words = part.get("properties", {}).get("code", {}).get("enum", ())
                        codes.update(dict.fromkeys(words, int(status)))
        codes.setdefault("method_not_allowed", 405)
        groups = {status: name for status, (name, _) in GROUPS.items()}
        names = {code: f"{class_name(code)}Error".replace("ErrorError", "Error") for code in sorted(codes)}
        clash = set(names.values()) & set(groups.values())
        if clash:
            raise ValueError(f"a code has the name of a group: {clash}")
        lines = [
            f'"""A class for each code of a problem. {_MADE}"""\n',
            "from __future__ import annotations\n",
            "from collections.abc import Mapping",
            "from typing import Final\n",
            "from tallystick_client.errors import ProblemError\n\n",
        ]
        for status, (name, meaning) in GROUPS.items():
            lines.append(
                f'class {name}(ProblemError):\n    """{meaning} Status {status}."""\n\n    http_status = {status}\n\n'
            )
        for code, name in names.items():
            lines.append(f'class {name}({groups[codes[code]]}):\n    """The code `{code}`."""\n\n')
        by_status = ", ".join(f"{status}: {name}" for status, name in groups.items())
        by_code = ", ".join(f'"{code}": {name}' for code, name in names.items())
        lines.append(f"BY_STATUS: Final[Mapping[int, type[ProblemError]]] = {{{by_status},}}")
        lines.append(f"BY_CODE: Final[Mapping[str, type[ProblemError]]] = {{{by_code},}}\n\n")
        lines.append(
            "def problem_class(code: object, status: int) -> type[ProblemError]:\n"
            '    """The class of a code or, of one that this version does not know, of its status."""\n'
            "    known = BY_CODE.get(code) if isinstance(code, str) else None\n"
            "    return known or BY_STATUS.get(status, ProblemError)\n"
        )
        return "\n".join(lines)

    # Endpoints.

    def endpoints(self) -> str:
        """endpoints.py."""
        lines = [
            f'"""Every endpoint, as a table. {_MADE}"""\n',
            "from __future__ import annotations\n",
            "from collections.abc import Mapping",
            "from typing import Final\n",
            "from tallystick_client.endpoint import Endpoint, Input\n",
            f'API_VERSION: Final = "{self._document["info"]["version"]}"',
            '"""Of the interface: what this library was made for."""\n',
        ]
        for one in self.operations:
            inputs = "".join(f"{_input(name, schema, needed=needed)}," for name, schema, needed, _ in one.inputs())
            answer, is_list, kind = one.answer()
            more = f"inputs=({inputs})," if inputs else ""
            more += "takes_key=True," if one.takes_key else ""
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

    # Methods.

    def resources(self, *, asynchronous: bool) -> str:
        """resources.py and async_resources.py."""
        prefix, core = ("Async", "AsyncCore") if asynchronous else ("", "Core")
        listing = f"{prefix}Listing"
        nouns = list(dict.fromkeys(one.resource for one in self.operations))
        answers = sorted({one.answer()[0] for one in self.operations} - {""})
        way = "to be awaited" if asynchronous else "blocking"
        lines = [
            f'"""A method for each endpoint, {way}.\n\n{_MADE}\n"""\n',
            "from __future__ import annotations\n",
            "from collections.abc import Mapping, Sequence",
            "from typing import Any, Literal\n",
            "from tallystick_client import endpoints",
            "from tallystick_client.amounts import Moment, Money, amount_text, moment_text",
            "from tallystick_client.base import LONGEST_WAIT_SECONDS",
            f"from tallystick_client.core import {core}",
            f"from tallystick_client.listing import {listing}",
            f"from tallystick_client.objects import {', '.join(answers)}\n\n",
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

    def _method(self, one: Operation, prefix: str) -> Iterator[str]:
        answer, is_list, kind = one.answer()
        word, waits = ("async def", "await ") if prefix else ("def", "")
        positional = POSITIONAL.get(one.name)
        inputs = list(one.inputs())
        first = [f"{one.subject}: str"] if one.subject else []
        first += [f"{name}: {_given(schema)}" for name, schema, _, _ in inputs if name == positional]
        named = [
            f"{name}: {_given(schema)}{'' if needed else ' | None = None'}"
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
        yield from _docstring("        ", one.schema["summary"], one.schema, [*subject, *inputs], key=one.takes_key)
        values = ", ".join(f'"{name}": {_sent(name, schema, needed=needed)}' for name, schema, needed, _ in inputs)
        given = f"{{{values}}}"
        if is_list:
            yield f"        return self._core.many(endpoints.{one.constant}, {answer}, {given})\n"
        else:
            key = ", idempotency_key" if one.takes_key else ""
            what = f"endpoints.{one.constant}, {result}, {one.subject}, {given}{key}"
            yield f"        return {waits}self._core.one({what})\n"
        if one.verb == "get" and "pending" in _words(self._member(answer, "status")) and one.subject:
            yield f"    {word} wait("
            yield f"        self, {one.subject}: str, /, *, seconds: float = LONGEST_WAIT_SECONDS"
            yield f"    ) -> {answer}:"
            yield '        """Ask until it is no longer pending.\n'
            yield "        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises."
            yield '        """'
            yield f"        return {waits}self._core.wait(endpoints.{one.constant}, {answer}, {one.subject}, seconds)\n"

    def _member(self, name: str, member: str) -> Schema:
        found: Schema = self._objects.get(name, {}).get("properties", {}).get(member, {})
        return found


def is_amount(schema: Schema) -> bool:
    """Whether it is decimal text."""
    return "[0-9]" in schema.get("pattern", "") and r"\." in schema.get("pattern", "")


def _words(schema: Schema) -> tuple[str, ...]:
    return tuple(word for word in schema.get("enum", ()) if word is not None)


def _words_of(name: str) -> str:
    words = re.sub(r"(?<=.)(?=[A-Z])", " ", name).lower()
    return f"{'An' if words[0] in 'aeiou' else 'A'} {words}"


def _docstring(
    indent: str,
    summary: str,
    schema: Schema,
    inputs: list[tuple[str, Schema, bool, str]] | None = None,
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


def _given(schema: Schema) -> str:
    """The type of an argument."""
    if is_amount(schema):
        return "Money"
    if schema.get("format") == "date-time":
        return "Moment"
    if words := _words(schema):
        return f"Literal[{', '.join(map(repr, words))}]"
    kind = schema.get("type", "object")
    if kind == "array":
        return f"Sequence[{_given(schema.get('items', {}))}]"
    return {"integer": "int", "boolean": "bool", "string": "str"}.get(kind, "Mapping[str, Any]")


def _sent(name: str, schema: Schema, *, needed: bool) -> str:
    """The expression for what is sent of an argument."""
    ways = {"Money": "amount_text", "Moment": "moment_text"}
    way = ways.get(_given(schema))
    if way is None:
        return f"list({name})" if schema.get("type") == "array" and needed else name
    return f'{way}("{name}", {name})' if needed else f'None if {name} is None else {way}("{name}", {name})'


def _input(name: str, schema: Schema, *, needed: bool) -> str:
    kind = "decimal" if is_amount(schema) else schema.get("format", "")
    kind = kind if kind in {"decimal", "date-time"} else schema.get("type", "object")
    more = "" if kind == "string" else f", type={kind!r}"
    more += ", required=True" if needed else ""
    more += f", choices={_words(schema)!r}" if _words(schema) else ""
    return f"Input({name!r}{more})"


def written() -> Mapping[Path, str]:
    """What each file is to have."""
    writer = Writer(document(SERVER))
    files = {
        PYTHON / "objects.py": writer.objects(),
        PYTHON / "problems.py": writer.problems(),
        PYTHON / "endpoints.py": writer.endpoints(),
        PYTHON / "resources.py": writer.resources(asynchronous=False),
        PYTHON / "async_resources.py": writer.resources(asynchronous=True),
    }
    return {path: _formatted(text, path) for path, text in files.items()}


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


def main() -> None:
    """Write every file."""
    for path, text in written().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
