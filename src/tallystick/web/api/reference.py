"""The reference of the query API, written from the table of actions: docs/api.md and a page for each action."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallystick.domain.scopes import scope_names
from tallystick.services.api.fields import V2007, V2008, V2010, V2011, Need
from tallystick.services.api.registry import ACTIONS
from tallystick.services.api.types import COMPLEX_TYPES, ENUMERATIONS, ENUMERATIONS_OF, SCALARS
from tallystick.web.api.errors_of_actions import ERRORS_OF
from tallystick.web.api.examples import REQUEST_ID, example_request, example_result
from tallystick.web.api.xml import render_success

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallystick.services.api.fields import Field
    from tallystick.services.api.registry import Action
    from tallystick.services.api.types import Element

_NOTE: Final = "<!-- Written by tallystick.web.api.reference from the table of actions; a test keeps it current. -->"
_HEAD: Final = f"""\
# The query API

{_NOTE}

Calls go to `/`, as GET with a query string, as POST with a form, or as POST with a query string and an empty body.
Names are case-sensitive; an empty value counts as not given; unknown parameters are refused. Versions: `{V2008}`,
`{V2010}` and `{V2011}`; another date after `{V2010}` is answered as the newest of them that is older, and `{V2007}` in
its own words ([decision](decisions/031-what-2007-01-08-means-here.md)). In which order a request is checked: [order of
checks](order-of-checks.md).

Every call carries `Action`, `AWSAccessKeyId`, `Signature`, `SignatureVersion` (`2`), `SignatureMethod` (`HmacSHA256` or
`HmacSHA1`), `Timestamp` (ISO 8601) and `Version`: [sign a request](signing.md). Only VerifySignature may come without
key and signature; it then verifies this service's own messages only.

Amounts are US dollars: `Name.CurrencyCode=USD&Name.Value=10.00`, positive, with up to six decimals; answers always have
six. Moments in answers are UTC with milliseconds. Repeated fields are written `Name.1`, `Name.2`, ….

Pages of GetAccountActivity: with `Ascending` order StartTimeForNextTransaction is the StartDate of the next call, with
`Descending` order (the default) it is the next call's EndDate. Send it back as it came: it may have more digits than
other moments.
"""
_NEEDS: Final = {Need.REQUIRED: "required", Need.CONDITIONAL: "conditional", Need.OPTIONAL: ""}


def reference() -> str:
    """The overview, Markdown."""
    rows = ((f"[{each.name}](api/{each.name}.md)", each.summary) for each in sorted(ACTIONS.values(), key=_name))
    parts = [_HEAD, "## Actions\n", _table(("action", ""), rows)]
    parts += ["## Types\n", *(_complex_type(name) for name in sorted(COMPLEX_TYPES))]
    enumerations = sorted(ENUMERATIONS.items())
    enumerations += [
        (f"{name} of {since} and later", v) for since, own in ENUMERATIONS_OF.items() for name, v in own.items()
    ]
    parts += [_table(("enumeration", "values"), ((name, ", ".join(v)) for name, v in enumerations))]
    return "\n".join(parts)


def pages() -> Mapping[str, str]:
    """The page of each action by its name, Markdown."""
    return {action.name: _page(action) for action in ACTIONS.values()}


def _name(action: Action) -> str:
    return action.name


def _page(action: Action) -> str:
    parts = [f"# {action.name}\n\n{_NOTE}\n\n{action.summary}{_nature(action)}\n", _scopes(action)]
    if action.name in _NOTES:
        parts.append(_NOTES[action.name])
    if action.fields:
        rows = ((field.name, field.type, _NEEDS[field.need], meaning(field)) for field in action.fields)
        parts.append("## Parameters\n\n" + _table(("parameter", "type", "", "meaning"), rows))
    else:
        parts.append("## Parameters\n\nNone of its own.\n")
    if action.result is None:
        parts.append("## Result\n\nThe answer has no result element.\n")
    else:
        parts.append("## Result\n\n" + _elements(f"{action.name}Result", action.result, "../api.md"))
    parts.append("## Errors\n\n" + _errors(action))
    version = action.last_version
    answer = render_success(action, version, example_result(action), REQUEST_ID).decode()
    parts.append(f"## Example\n\n```\n{example_request(action, version)}```\n\n```xml\n{answer}\n```\n")
    return "\n".join(parts)


def _nature(action: Action) -> str:
    notes = ""
    if any(field.name == "CallerReference" for field in action.fields) and action.moves_money:
        notes = (
            " Moves money or debt: answered once per CallerReference. A refusal by the books spends the reference too:"
            " when its cause is mended, ask again with a new one."
        )
    if action.first_version != V2007:
        notes += f" Since {action.first_version}."
    return notes


def _scopes(action: Action) -> str:
    names = [f"`{name}`" for name in scope_names(action.scopes)]
    key = "[access key](../security.md#keys-of-programs)"
    signer = f"An {key} that signs it" if action.may_be_unsigned else f"The {key}"
    return f"{signer} needs the {'scope' if len(names) == 1 else 'scopes'} {' and '.join(names)}.\n"


_NOTES: Final = {
    "VerifySignature": """\
Success says that this service signed the message for that address, not that it is about your order. A signed call is
told Failure of messages about a transaction or token in which the caller takes no part
([a setting](../settings.md) keeps the old way); an unsigned call cannot be told that. A message that names neither
(left without agreeing, a request at fault) is for everybody.

Before you hand anything over, compare recipient, amount, reference and status with what you asked for, and take each
`transactionId` and token once: [the answer](../pipelines.md#the-answer), [notifications](../notifications.md).
"""
}
"""What is to know of an action besides its table."""


def _errors(action: Action) -> str:
    own = sorted(refusal.name for refusal in ERRORS_OF[action.name])
    general = "those that [any call](../order-of-checks.md) can meet"
    if not own:
        return f"Only {general}.\n"
    names = ", ".join(f"[{name}](../errors.md)" for name in own)
    return f"{names}; and {general}.\n"


def meaning(field: Field) -> str:
    """What a field is for, and what its values may be."""
    notes = [field.meaning]
    if field.condition:
        notes.append(field.condition[0].upper() + field.condition[1:] + ".")
    if field.max_length is not None:
        notes.append(f"At most {field.max_length} characters.")
    if field.maximum is not None:
        notes.append(f"From {field.minimum} to {field.maximum}.")
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
    return f"### {name}\n\n{_elements('Members', COMPLEX_TYPES[name], '')}"


def _elements(title: str, elements: Iterable[Element], page: str) -> str:
    return f"{title}, in this order: {', '.join(_element(element, page) for element in elements)}.\n"


def _element(element: Element, page: str) -> str:
    count = ""
    if element.repeated:
        count = f", up to {element.max_occurs}" if element.max_occurs else ", any number"
        count = count if element.optional else ", at least one"
    elif element.optional:
        count = ", optional"
    kind = (
        element.type
        if element.type in {*SCALARS, *ENUMERATIONS}
        else f"[{element.type}]({page}#{element.type.lower()})"
    )
    return f"`{element.name}` ({kind}{count})"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def write(docs: Path) -> None:
    """Write everything into the directory of the documents."""
    (docs / "api").mkdir(exist_ok=True)
    (docs / "api.md").write_text(reference(), "utf-8")
    for name, page in pages().items():
        (docs / "api" / f"{name}.md").write_text(page, "utf-8")


if __name__ == "__main__":
    write(Path("docs"))
