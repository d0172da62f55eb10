"""The request's element as the flat parameters that the actions read: Amount/Value becomes Amount.Value.

From here on a SOAP request is checked as a query request is. What only XML can get wrong is refused here: the order of
the elements, elements of other namespaces, text between elements.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lxml import etree

from tallystick.services.api.fields import COMMON_PARAMETERS
from tallystick.services.api.types import COMPLEX_TYPES
from tallystick.web.api.soap.envelope import elements, unexpected
from tallystick.web.api.xml import namespace

if TYPE_CHECKING:
    from tallystick.services.api.forms import FieldTable


def parameters(request: etree._Element, table: FieldTable, version: str, *, tolerant: bool) -> dict[str, str]:
    """The parameters of a request, in schema order. `tolerant` leaves out what the schema does not have.

    Raises Refused: InvalidRequest. Names that are unknown to the action are left to the check that all requests pass.
    """
    space = namespace(version)
    order = {name: number for number, name in enumerate(name for field in table.fields for name in field.wire_names())}
    repeated = {field.name for field in table.fields if field.repeated}
    empty = {field.name for field in table.fields if field.type in COMPLEX_TYPES}
    params: dict[str, str] = {}
    last = 0
    for name, value, fits in _leaves(request, space):
        key = name
        if name in repeated:
            key = f"{name}.{sum(each.partition('.')[0] == name for each in params) + 1}"
        elif name in empty and not value.strip():
            continue
        place = order.get(name, last)
        if not fits or key in params or place < last:
            if tolerant:
                continue
            raise unexpected(f"{space}:{name}" if fits else name)
        params[key], last = value, place
    return params


def _leaves(request: etree._Element, space: str) -> Iterator[tuple[str, str, bool]]:
    """Flat name, text and whether it is in a form that the schema can have."""
    for child in _children(request):
        name, fits = _name(child, space)
        if not len(child):
            yield name, child.text or "", fits
        for member in _children(child):
            inner, inner_fits = _name(member, space)
            yield f"{name}.{inner}", member.text or "", fits and inner_fits and not len(member)


def _children(parent: etree._Element) -> Iterator[etree._Element]:
    """The elements in an element that holds nothing else but blanks."""
    if not len(parent):
        return
    for between in (parent.text, *(child.tail for child in parent)):
        if between and not between.isspace():
            raise unexpected(f"text in {etree.QName(parent).localname}")
    found = elements(parent)
    if len(found) != len(parent):  # comments are not part of what was signed: this is a processing instruction
        raise unexpected(f"processing instruction in {etree.QName(parent).localname}")
    yield from found


def _name(element: etree._Element, space: str) -> tuple[str, bool]:
    """The element's name, and whether the schema can have it.

    A name with a dot would be read as a member of another element, and SOAP has no common parameters.
    """
    name = etree.QName(element)
    if name.namespace != space:
        return f"{name.namespace or ''}:{name.localname}", False
    return name.localname, "." not in name.localname and name.localname not in COMMON_PARAMETERS
