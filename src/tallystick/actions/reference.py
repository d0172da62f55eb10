"""The reference of the query API, written from the table of actions: docs/api.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.actions.fields import V2007, V2008, V2010, Need
from tallystick.actions.registry import ACTIONS
from tallystick.actions.types import COMPLEX_TYPES, ENUMERATIONS, SCALARS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallystick.actions.fields import Field
    from tallystick.actions.registry import Action
    from tallystick.actions.types import Element

_HEAD: Final = f"""\
# The query API

<!-- Written by tallystick.actions.reference from the table of actions; a test keeps it current. -->

Calls go to `/`, as GET with a query string, as POST with a form, or as POST with a query string and an empty body.
Names are case-sensitive; an empty value counts as not given; unknown parameters are refused. Versions: `{V2008}` and
`{V2010}`; later dates are answered as `{V2010}`. In which order a request is checked: [order of
checks](order-of-checks.md).

Every call carries `Action`, `AWSAccessKeyId`, `Signature`, `SignatureVersion` (`2`), `SignatureMethod` (`HmacSHA256` or
`HmacSHA1`), `Timestamp` (ISO 8601) and `Version`. Only VerifySignature of `{V2008}` may come without a signature; it
then verifies this service's own messages only.

Amounts are US dollars: `Name.CurrencyCode=USD&Name.Value=10.00`, positive, with up to six decimals; answers always have
six. Moments in answers are UTC with milliseconds. Repeated fields are written `Name.1`, `Name.2`, ….

Pages of GetAccountActivity: with `Ascending` order StartTimeForNextTransaction is the StartDate of the next call, with
`Descending` order (the default) it is the next call's EndDate. Send it back as it came: it may have more digits than
other moments.
"""
_NEEDS: Final = {Need.REQUIRED: "required", Need.CONDITIONAL: "conditional", Need.OPTIONAL: ""}


def reference() -> str:
    """The whole document, Markdown."""
    parts = [_HEAD, "## Actions\n", *(_action(action) for action in sorted(ACTIONS.values(), key=_name))]
    parts += ["## Types\n", *(_complex_type(name) for name in sorted(COMPLEX_TYPES))]
    parts += [_table(("enumeration", "values"), ((name, ", ".join(v)) for name, v in sorted(ENUMERATIONS.items())))]
    return "\n".join(parts)


def _name(action: Action) -> str:
    return action.name


def _action(action: Action) -> str:
    moves = " Moves money or debt: answered once per CallerReference." if action.moves_money else ""
    parts = [f"### {action.name}\n\n{action.summary}{moves}\n"]
    if action.fields:
        rows = ((field.name, field.type, _NEEDS[field.need], _meaning(field)) for field in action.fields)
        parts.append(_table(("parameter", "type", "", "meaning"), rows))
    else:
        parts.append("No parameters of its own.\n")
    if action.result is None:
        parts.append("The answer has no result element.\n")
    else:
        parts.append(_elements(f"{action.name}Result", action.result))
    return "\n".join(parts)


def _meaning(field: Field) -> str:
    notes = [field.meaning]
    if field.condition:
        notes.append(field.condition[0].upper() + field.condition[1:] + ".")
    if field.max_length is not None:
        notes.append(f"At most {field.max_length} characters.")
    if field.most is not None:
        notes.append(f"From {field.least} to {field.most}.")
    if field.choices:
        notes.append(f"One of {', '.join(field.choices)}.")
    if field.default:
        notes.append(f"Default: {field.default}.")
    if field.first_version == V2010:
        notes.append(f"Since {V2010}.")
    if field.last_version == V2007:
        notes.append(f"Tolerated, although its schema ended with {V2007}.")
    return " ".join(notes)


def _complex_type(name: str) -> str:
    return f"### {name}\n\n{_elements('Members', COMPLEX_TYPES[name])}"


def _elements(title: str, elements: Iterable[Element]) -> str:
    return f"{title}, in this order: {', '.join(_element(element) for element in elements)}.\n"


def _element(element: Element) -> str:
    count = ""
    if element.repeated:
        count = f", up to {element.max_occurs}" if element.max_occurs else ", any number"
        count = count if element.optional else ", at least one"
    elif element.optional:
        count = ", optional"
    kind = element.type if element.type in {*SCALARS, *ENUMERATIONS} else f"[{element.type}](#{element.type.lower()})"
    return f"`{element.name}` ({kind}{count})"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
