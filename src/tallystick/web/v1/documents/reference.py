"""The reference of /v1 as Markdown, written from its tables: docs/json-reference.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tallystick.domain.scopes import scope_name
from tallystick.web.v1.documents.openapi import documented_codes
from tallystick.web.v1.endpoint import JSON
from tallystick.web.v1.problems import CODES, OWN
from tallystick.web.v1.schemas import OBJECTS, PROBLEM, PROBLEM_MORE, status_of
from tallystick.web.v1.table import ANY, ENDPOINTS, OF_BODIES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallystick.web.v1.endpoint import Endpoint
    from tallystick.web.v1.inputs import JsonInput
    from tallystick.web.v1.outputs.output import Output

_HEAD: Final = """\
# Reference of the JSON interface

Written from the tables in `src/tallystick/web/v1`; an OpenAPI 3.1 document of the same is at `/v1/openapi.json`. The
rules of all requests are in [JSON over HTTP](json-api.md).
"""


def reference() -> str:
    """The whole document."""
    return "\n".join((_HEAD, *_endpoints(), *_objects(), *_problems()))


def _endpoints() -> Iterator[str]:
    for endpoint in ENDPOINTS:
        yield f"## {endpoint.method} {endpoint.path}\n"
        scope = f"`{scope_name(endpoint.scopes)}`" if endpoint.scopes else "none"
        yield f"{endpoint.summary} Scope: {scope}. Answers with {_answer(endpoint)}.\n"
        if endpoint.inputs:
            yield "| field | | |\n|---|---|---|"
            yield from map(_input, endpoint.inputs)
            yield ""
        own = [code for code in documented_codes(endpoint) if code not in {*ANY, *OF_BODIES}]
        if own:
            yield f"Problems: {', '.join(f'`{code}`' for code in own)}.\n"


def _answer(endpoint: Endpoint) -> str:
    if endpoint.media_type != JSON:
        return f"a file, `{endpoint.media_type}`"
    name = f"[{endpoint.answer}](#{endpoint.answer.lower()})"
    return f"a page of {name}" if endpoint.is_list else name


def _input(one: JsonInput) -> str:
    field = one.field
    told = [field.meaning]
    if one.members:
        told.append(
            f"At most {one.most} of: {'; '.join(f'`{each.name}`: {each.field.meaning}' for each in one.members)}"
        )
    if one.many:
        told.append("Several.")
    if field.allowed:
        told.append("One of " + ", ".join(f"`{word}`" for word in field.allowed) + ".")
    if field.max_length is not None:
        told.append(f"At most {field.max_length} characters.")
    if field.maximum is not None:
        told.append(f"From {field.minimum or 0} to {field.maximum}.")
    if field.default is not None:
        told.append(f"Default: `{field.default}`.")
    return f"| `{one.name}` | {'required' if one.required else ''} | {' '.join(told)} |"


def _objects() -> Iterator[str]:
    for name, members in OBJECTS.items():
        yield f"## {name}\n"
        yield from _members(members)


def _members(members: Iterable[Output]) -> Iterator[str]:
    yield "| member | |\n|---|---|"
    for member in members:
        words = [f"`{word}`" for word in member.schema.get("enum", ())]
        expands = f" The [{member.expands}](#{member.expands.lower()}) itself with `expand`." if member.expands else ""
        several = f" One of {', '.join(words)}." if len(words) > 1 else ""
        yield f"| `{member.name}` | {member.meaning}{several}{' May be null.' if member.nullable else ''}{expands} |"
    yield ""


def _problems() -> Iterator[str]:
    yield "## Problems\n"
    yield from _members((*PROBLEM, *PROBLEM_MORE))
    anywhere = ", ".join(f"`{code}`" for code in ANY)
    bodies = ", ".join(f"`{code}`" for code in OF_BODIES)
    yield f"Every endpoint can answer with {anywhere}; those that take a body also with {bodies}.\n"
    yield "| code | status | of the query API |\n|---|---|---|"
    refusals: dict[str, list[str]] = {code: [] for code in OWN}
    for refusal, (_, code) in CODES.items():
        refusals.setdefault(code, []).append(refusal.name)
    for code in sorted(refusals):
        yield f"| `{code}` | {int(status_of(code))} | {', '.join(refusals[code])} |"
    yield ""


if __name__ == "__main__":  # python -m tallystick.web.v1.documents.reference > docs/json-reference.md
    print(reference(), end="")  # noqa: T201 - that is what it is for
