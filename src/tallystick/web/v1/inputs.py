"""Fields of requests: a table of what each takes, and reading bodies and query strings by it.

The limits are those of the action's field that a value goes to (services/api). Amounts are text in JSON, since numbers
there are floats for many readers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from tallystick.domain.names.spelling import did_you_mean
from tallystick.domain.refusals import Refused
from tallystick.services.api.common_fields import (
    CALLER_DESCRIPTION,
    NOTIFICATION_URL,
    OPTIONAL,
    REQUIRED,
    SENDER_DESCRIPTION,
    TIMEOUT,
)
from tallystick.services.api.fields import Field, quoted
from tallystick.services.api.readers import read_scalar
from tallystick.web.v1.problems import JsonProblemError


class Given(dict[str, str]):
    """The values of a request as text, checked. What was not given is not there.

    `rows`: the objects of each field that has several of them; `lists`: the texts of each that has several.
    """

    __slots__ = ("lists", "rows")

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, tuple[Given, ...]] = {}
        self.lists: dict[str, tuple[str, ...]] = {}


MAX_LIMIT: Final = 100
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?", re.ASCII)
_INTEGER: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)
USUAL_LIMIT: Final = 25


@dataclass(frozen=True, slots=True)
class JsonInput:
    """One field of a request. `field`: type, limits and meaning, under the name that it has in JSON.

    `parameter`: the parameter of the action that takes its text; empty: the endpoint looks at it itself.
    `members`: it is an array of objects with these fields, at most `most`. `many`: it is an array of texts.
    `shown`: the example of a whole request has it.
    """

    field: Field
    example: Any
    parameter: str = ""
    members: tuple[JsonInput, ...] = ()
    most: int = 0
    many: bool = False
    shown: bool = True

    @property
    def name(self) -> str:
        """As it is in JSON."""
        return self.field.name

    @property
    def required(self) -> bool:
        """Whether it has to be there."""
        return self.field.need is REQUIRED


def _of(field: Field, name: str, example: str | int, meaning: str) -> JsonInput:
    return JsonInput(replace(field, name=name, meaning=meaning, condition="", default=None), example, field.name)


AUTHORIZATION: Final = JsonInput(
    Field(
        "authorization", "string", REQUIRED, "The authorization: a prepaid balance, a tab or a token.", max_length=64
    ),
    "PC0000000000108KJ2X1RKYQ0M3B5T7V9W1X3Z5A7C9E1G3J5M7P9R1T3V5X7Z",
)
AMOUNT: Final = JsonInput(
    Field("amount", "decimal", REQUIRED, "How much: decimal text with at most six decimals."), "0.25"
)
OPTIONAL_AMOUNT: Final = JsonInput(
    Field("amount", "decimal", OPTIONAL, "How much; all that is left, if it is not given."), "0.25"
)
CURRENCY: Final = JsonInput(
    Field("currency", "string", OPTIONAL, "Of the amount.", choices=("USD",), default="USD"), "USD"
)
DESCRIPTION: Final = _of(SENDER_DESCRIPTION, "description", "1,000 tokens", "What the buyer reads.")
NOTE: Final = _of(CALLER_DESCRIPTION, "note", "job 17", "A note for the seller alone.")
NOTIFY: Final = _of(
    NOTIFICATION_URL,
    "notification_url",
    "https://shop.example/notified",
    "Where the notification about this goes, instead of the address in the settings.",
)
MINUTES: Final = _of(
    TIMEOUT, "timeout_minutes", 30, "How long it may wait until the payment network is asked; then it fails."
)
TRANSACTION: Final = JsonInput(
    Field(
        "transaction",
        "string",
        REQUIRED,
        "What to give back: a charge, or the capture of a reservation.",
        max_length=35,
    ),
    "01KB7WZ3TC00000000000108KJ2X1RKYQ0M",
)

LIMIT: Final = JsonInput(
    Field("limit", "integer", OPTIONAL, "How many a page has.", minimum=1, maximum=MAX_LIMIT, default=str(USUAL_LIMIT)),
    USUAL_LIMIT,
)
CURSOR: Final = JsonInput(
    Field("cursor", "string", OPTIONAL, "`next_cursor` of the page before.", max_length=64),
    "01KB7WZ3TC00000000000108KJ2X1RKYQ0M",
)
OF_AUTHORIZATION: Final = replace(
    AUTHORIZATION, field=replace(AUTHORIZATION.field, need=OPTIONAL, meaning="Only those of this authorization.")
)
STATUS: Final = JsonInput(
    Field(
        "status",
        "string",
        OPTIONAL,
        "Only those that have come to this.",
        choices=("succeeded", "pending", "failed", "reserved", "cancelled"),
    ),
    "succeeded",
)
CREATED_AFTER: Final = JsonInput(
    Field("created_after", "dateTime", OPTIONAL, "Received at this moment or later."), "2026-12-01T00:00:00Z"
)
CREATED_BEFORE: Final = JsonInput(
    Field("created_before", "dateTime", OPTIONAL, "Received before this moment."), "2027-01-01T00:00:00Z"
)
AMOUNT_MIN: Final = JsonInput(Field("amount_min", "decimal", OPTIONAL, "Of this amount or more."), "1.00")
AMOUNT_MAX: Final = JsonInput(Field("amount_max", "decimal", OPTIONAL, "Of this amount or less."), "100.00")


def is_key(text: str) -> bool:
    """Whether this can be an Idempotency-Key."""
    return _IDEMPOTENCY_KEY.fullmatch(text) is not None


def checked_key(text: str, field: str) -> str:
    """An Idempotency-Key as it may be. Raises ProblemError."""
    if not is_key(text):
        message = f"{field} must have 1 to 128 characters of printable ASCII."
        raise JsonProblemError("invalid_request", message, field=field)
    return text


def read_body(content: bytes, inputs: Sequence[JsonInput]) -> Given:
    """The fields of a JSON body. Raises ProblemError."""
    return _read(_members(content), inputs, "The body")


def read_query(query: bytes, inputs: Sequence[JsonInput]) -> Given:
    """The fields of a query string. Raises ProblemError."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=len(inputs) + 20
        )
    except ValueError:
        raise JsonProblemError("invalid_request", "The query string cannot be decoded.") from None
    _refuse_twice(name for name, _ in pairs)
    integers = {one.name for one in inputs if one.field.type == "integer"}
    members: dict[str, Any] = {
        name: int(value) if name in integers and _INTEGER.fullmatch(value) else value for name, value in pairs
    }
    for one in inputs:
        if one.many and members.get(one.name):  # texts with commas between them
            members[one.name] = members[one.name].split(",")
    return _read(members, inputs, "The query string")


def _members(content: bytes) -> Mapping[str, Any]:
    if not content.strip():
        return {}
    try:
        found = msgspec.json.decode(content)
        if isinstance(found, dict):
            json.loads(content, object_pairs_hook=_names_once)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        reason = "it is too deep" if isinstance(error, RecursionError) else str(error)
        raise JsonProblemError("invalid_request", f"The body is not JSON that can be read: {reason}.") from None
    if not isinstance(found, dict):
        raise JsonProblemError("invalid_request", "The body must be a JSON object.")
    return found


def _names_once(members: list[tuple[str, Any]]) -> None:
    """Some readers take the first of two values of a name, some the last. Source: RFC 8259, 4."""
    _refuse_twice(name for name, _ in members)


def _refuse_twice(names: Iterable[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise JsonProblemError(
                "invalid_request", f"The field {quoted(name)} is there more than once.", field=quoted(name)
            )


def _read(members: Mapping[str, Any], inputs: Sequence[JsonInput], place: str, path: str = "") -> Given:
    """The fields of an object. `path`: of the object in the body, before the names of its fields."""
    known = {one.name: one for one in inputs}
    for name in members:
        if name not in known:
            raise _unknown(name, known, place, path)
    given = Given()
    for name, one in known.items():
        value = members.get(name)
        if value is None or (value == "" and not one.required):
            if one.required:
                field = f"{path}{name}"
                raise JsonProblemError("missing_field", f"The field {field} is missing.", field=field)
            continue
        if one.members:
            given.rows[name] = _rows(one, value, path)
        elif one.many:
            given.lists[name] = _texts(one, value, path)
        else:
            given[name] = _text(one, value, f"{path}{name}")
    return given


def _rows(one: JsonInput, value: object, path: str) -> tuple[Given, ...]:
    """The objects of an array, checked. Raises ProblemError."""
    name = f"{path}{one.name}"
    found = []
    for index, row in enumerate(_array(one, value, name)):
        if not isinstance(row, dict):
            raise JsonProblemError("invalid_request", f"{name}[{index}] must be an object.", field=f"{name}[{index}]")
        found.append(_read(row, one.members, f"{name}[{index}]", f"{name}[{index}]."))
    return tuple(found)


def _texts(one: JsonInput, value: object, path: str) -> tuple[str, ...]:
    """The texts of an array, checked, each once. Raises ProblemError."""
    name = f"{path}{one.name}"
    texts = [_text(one, text, f"{name}[{index}]") for index, text in enumerate(_array(one, value, name))]
    return tuple(dict.fromkeys(texts))


def _array(one: JsonInput, value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise JsonProblemError("invalid_request", f"{name} must be an array.", field=name)
    if not 0 < len(value) <= one.most:
        raise JsonProblemError("invalid_request", f"{name} must have 1 to {one.most} entries.", field=name)
    return value


def _text(one: JsonInput, value: object, name: str) -> str:
    """The text of a value, checked; of true and false these words. Raises ProblemError."""
    if one.field.type == "boolean":
        if not isinstance(value, bool):
            raise JsonProblemError("invalid_request", f"{name} must be true or false.", field=name)
        return "true" if value else "false"
    if one.field.type == "integer":
        if type(value) is not int:
            raise JsonProblemError("invalid_request", f"{name} must be a whole number.", field=name)
        value = str(value)
    elif not isinstance(value, str):
        what = "decimal text, not a number: numbers of JSON are not exact" if one.field.type == "decimal" else "a text"
        raise JsonProblemError("invalid_request", f"{name} must be {what}.", field=name)
    if not value:
        code = "missing_field" if one.required else "invalid_request"  # one of several texts: others are there
        raise JsonProblemError(code, f"The field {name} is empty.", field=name)
    try:
        read_scalar(one.field, name, value)
    except Refused as refused:
        hint = did_you_mean(value, one.field.allowed)
        raise JsonProblemError("invalid_request", f"{refused.message}{hint}", field=name) from None
    return value


def _unknown(name: str, known: Mapping[str, JsonInput], place: str, path: str = "") -> JsonProblemError:
    detail = f"{place} has the field {quoted(name)}, which is not known here.{did_you_mean(name, known)}"
    return JsonProblemError("unknown_field", detail, field=path + quoted(name))
