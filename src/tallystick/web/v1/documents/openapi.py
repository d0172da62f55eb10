"""The OpenAPI document of /v1, made from its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.scopes import scope_name
from tallystick.web.v1.endpoint import JSON, VERSION
from tallystick.web.v1.outputs.output import Output
from tallystick.web.v1.problems import PAGE_OF
from tallystick.web.v1.schemas import OBJECTS, PROBLEM, PROBLEM_MORE, status_of
from tallystick.web.v1.table import ANY, ENDPOINTS, OF_BODIES

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Endpoint
    from tallystick.web.v1.inputs import JsonInput

Schema = dict[str, Any]

_AMOUNT: Final = r"^[0-9]{1,13}(\.[0-9]{1,6})?$"
_HEADERS: Final[Mapping[str, str]] = {
    "Tallystick-Version": "The version in which it is answered.",
    "RateLimit": "What the key may still ask, where it or the settings have a limit.",
    "RateLimit-Policy": "That limit.",
}


def document(server: str) -> Schema:
    """The whole document. `server`: the public address of the service."""
    paths: dict[str, Schema] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    schemas = {name: _object(members, members) for name, members in OBJECTS.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tallystick",
            "version": VERSION,
            "summary": "Prepaid balances and postpaid tabs: authorize once, charge many times.",
            "description": "Guide and rules of all requests: docs/json-api.md.",
        },
        "externalDocs": {"url": f"{server}/docs/json-api"},
        "servers": [{"url": server}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "tsk_test_… or tsk_live_…"}
            },
            "schemas": schemas | {"Problem": _object((*PROBLEM, *PROBLEM_MORE), PROBLEM)},
        },
    }


def _operation(endpoint: Endpoint) -> Schema:
    told: Schema = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": f"Needs the scope `{scope_name(endpoint.scopes)}`." if endpoint.scopes else "Needs no scope.",
        "tags": [endpoint.name.partition(".")[0]],
        "parameters": [*_parameters(endpoint)],
        "responses": _responses(endpoint),
    }
    if endpoint.has_body:
        told["requestBody"] = _body(endpoint)
    return told


def _parameters(endpoint: Endpoint) -> Iterable[Schema]:
    if endpoint.subject:
        yield {
            "name": "id",
            "in": "path",
            "required": True,
            "description": f"The id of {endpoint.subject}.",
            "schema": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,128}$"},
        }
    yield _header("Tallystick-Version", {"type": "string", "enum": [VERSION]}, "The version that the program knows.")
    if endpoint.moves_money or endpoint.takes_key:
        schema = {"type": "string", "pattern": "^[!-~]([ -~]{0,126}[!-~])?$"}
        meaning = "Your own name for this request: it is done once under this name, for ever."
        yield _header("Idempotency-Key", schema, meaning, required=True)
    if endpoint.has_tag:
        yield _header("If-None-Match", {"type": "string"}, "The ETag that is known already.")
    if endpoint.method == "GET":
        for one in endpoint.inputs:
            several: Schema = {"style": "form", "explode": False} if one.many else {}  # with commas between them
            yield {
                "name": one.name,
                "in": "query",
                "required": one.required,
                "description": one.field.meaning,
                "schema": _input(one),
                "example": one.example,
                **several,
            }


def _header(name: str, schema: Schema, meaning: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "required": required, "description": meaning, "schema": schema}


def _body(endpoint: Endpoint) -> Schema:
    schema = _members(endpoint.inputs)
    example = {one.name: one.example for one in endpoint.inputs if one.shown}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"required": "required" in schema, "content": content}


def _members(inputs: Sequence[JsonInput]) -> Schema:
    """The schema of an object with these fields."""
    schema: Schema = {
        "type": "object",
        "properties": {one.name: _input(one) | {"description": one.field.meaning} for one in inputs},
        "additionalProperties": False,
    }
    if required := [one.name for one in inputs if one.required]:
        schema["required"] = required
    return schema


def _input(one: JsonInput) -> Schema:
    """The schema of a field. What it cannot say, such as that an id exists, the endpoint finds out."""
    if one.members or one.many:
        items = _members(one.members) if one.members else _one(one)
        return {"type": "array", "minItems": 1, "maxItems": one.most, "items": items}
    return _one(one)


def _one(one: JsonInput) -> Schema:
    """The schema of a single value."""
    field = one.field
    if field.type == "boolean":
        return {"type": "boolean"}
    if field.allowed:
        return {"type": "string", "enum": list(field.allowed)} | _default(one)
    match field.type:
        case "integer":
            bounds = {"minimum": field.minimum, "maximum": field.maximum or 10**9 - 1}
            return {"type": "integer", **bounds} | _default(one)
        case "decimal":
            return {"type": "string", "pattern": _AMOUNT}
        case "dateTime":
            return {"type": "string", "format": "date-time"}
        case "string(url)":
            more: Schema = {"format": "uri"}
        case _:
            more = {"minLength": 1} if one.required else {}
    return {"type": "string", "maxLength": field.max_length} | more


def _default(one: JsonInput) -> Schema:
    default = one.field.default
    if default is None:
        return {}
    return {"default": int(default) if one.field.type == "integer" else default}


def _responses(endpoint: Endpoint) -> Schema:
    found: Schema = {}
    replays = endpoint.moves_money or endpoint.takes_key
    for status in dict.fromkeys((endpoint.status, *((200,) if replays else ()))):
        meaning = "Done, or already done under this key." if status == 200 else "Done."  # noqa: PLR2004 - HTTP's
        found[f"{int(status)}"] = {
            "description": endpoint.summary if not replays else meaning,
            "headers": _told_headers(endpoint, replayed=replays and status == 200),  # noqa: PLR2004 - as above
            "content": {endpoint.media_type: {"schema": _answer(endpoint), "example": _example(endpoint)}},
        }
    if endpoint.has_tag:
        found["304"] = {"description": "It has not changed.", "headers": _told_headers(endpoint, replayed=False)}
    codes: dict[int, list[str]] = {}
    for code in documented_codes(endpoint):
        codes.setdefault(status_of(code), []).append(code)
    for status, names in sorted(codes.items()):
        schema = {
            "allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": {"code": {"enum": names}}}],
        }
        found[str(status)] = {
            "description": "Problems: " + ", ".join(f"`{name}`" for name in names) + ".",
            "content": {"application/problem+json": {"schema": schema, "example": _problem(names[0], status)}},
        }
    return found


def documented_codes(endpoint: Endpoint) -> tuple[str, ...]:
    """Every problem that an endpoint can have. An id that none of ours looks like is a path that is not there."""
    of_bodies = OF_BODIES if endpoint.has_body else ()
    of_paths = ("not_found",) if endpoint.subject else ()
    of_fields = ("missing_field",) if any(one.required for one in endpoint.inputs) else ()
    return tuple(dict.fromkeys((*endpoint.codes, *of_paths, *of_fields, *ANY, *of_bodies)))


def _told_headers(endpoint: Endpoint, *, replayed: bool) -> Schema:
    headers = dict(_HEADERS)
    if replayed:
        headers["Idempotent-Replay"] = "`true` where the request was done before."
    if endpoint.has_tag:
        headers["ETag"] = "For `If-None-Match`."
    return {name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in headers.items()}


def _answer(endpoint: Endpoint) -> Schema:
    if endpoint.media_type != JSON:
        return {"type": "string", "contentMediaType": endpoint.media_type}
    one = {"$ref": f"#/components/schemas/{endpoint.answer}"}
    if not endpoint.is_list:
        return one
    return {
        "type": "object",
        "properties": {
            "object": {"type": "string", "enum": ["list"]},
            "data": {"type": "array", "items": one},
            "next_cursor": {"type": ["string", "null"]},
        },
        "required": ["object", "data", "next_cursor"],
    }


def _example(endpoint: Endpoint) -> Schema | str:
    if endpoint.media_type != JSON:
        return "%PDF-1.7 …"
    one = {member.name: member.example for member in OBJECTS[endpoint.answer]}
    return {"object": "list", "data": [one], "next_cursor": None} if endpoint.is_list else one


def _problem(code: str, status: int) -> Schema:
    common = {member.name: member.example for member in PROBLEM}
    return common | {
        "type": f"http://127.0.0.1:8400{PAGE_OF}{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": "What is wrong with this request.",
        "code": code,
    }


def _object(members: Iterable[Output], required: Iterable[Output]) -> Schema:
    return {
        "type": "object",
        "properties": {member.name: _member(member) for member in members},
        "required": [member.name for member in required],
    }


def _member(member: Output) -> Schema:
    if member.expands:
        either = [member.schema, {"$ref": f"#/components/schemas/{member.expands}"}]
        return {
            "anyOf": [*either, {"type": "null"}] if member.nullable else either,
            "description": f"{member.meaning} The object itself with `expand`.",
        }
    schema = dict(member.schema) | {"description": member.meaning}
    if member.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema
