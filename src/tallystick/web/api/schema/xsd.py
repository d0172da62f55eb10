"""The XML Schema of the interface, written from the table of actions: it cannot differ from what is served.

Every request field may be left out as far as the schema goes, as in the original: a missing one is a fault of the
business, with its own code. Source: docs/protocol/datatypes.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Final

from tallystick.services.api.fields import V2007, VERSIONS
from tallystick.services.api.registry import ACTIONS
from tallystick.services.api.types import COMPLEX_TYPES, ENUMERATIONS, ENUMERATIONS_OF
from tallystick.web.api.xml import namespace

if TYPE_CHECKING:
    from tallystick.services.api.fields import Field
    from tallystick.services.api.registry import Action
    from tallystick.services.api.types import Element

SCHEMA_VERSIONS: Final = VERSIONS
"""The versions that have a schema here; that of 2007-01-08 has envelopes of its own."""

_BUILT_IN: Final = {
    "string": "xs:string",
    "string(url)": "xs:string",
    "integer": "xs:integer",
    "decimal": "xs:decimal",
    "dateTime": "xs:dateTime",
}
_DOCUMENT: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:fps="{space}" targetNamespace="{space}"
    elementFormDefault="qualified">
{content}</xs:schema>
"""
_COMMON: Final = """\
  <xs:complexType name="ResponseMetadata">
    <xs:sequence>
      <xs:element name="RequestId" type="xs:string"/>
    </xs:sequence>
  </xs:complexType>
  <xs:element name="ErrorResponse">
    <xs:annotation><xs:documentation>The detail of a SOAP fault.</xs:documentation></xs:annotation>
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Error" type="fps:Error" maxOccurs="unbounded"/>
        <xs:element name="RequestId" type="xs:string"/>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
  <xs:complexType name="Error">
    <xs:sequence>
      <xs:element name="Type">
        <xs:simpleType>
          <xs:restriction base="xs:string">
            <xs:enumeration value="Receiver"/>
            <xs:enumeration value="Sender"/>
          </xs:restriction>
        </xs:simpleType>
      </xs:element>
      <xs:element name="Code" type="xs:string"/>
      <xs:element name="Message" type="xs:string"/>
      <xs:element name="Detail" type="xs:anyType" minOccurs="0"/>
    </xs:sequence>
  </xs:complexType>
"""


def actions_of(version: str) -> list[Action]:
    """The actions of a version, in the order of their names."""
    return sorted((action for action in ACTIONS.values() if action.in_version(version)), key=lambda each: each.name)


@cache
def schema(version: str) -> str:
    """The whole schema of one of SCHEMA_VERSIONS."""
    actions = actions_of(version)
    content = [_action(action, version) for action in actions]
    content += [_COMMON, *(_named_type(name, version) for name in _types_in_use(actions, version))]
    return _DOCUMENT.format(space=namespace(version), content="".join(content))


def request_fields(action: Action, version: str) -> tuple[Field, ...]:
    """The fields of a request in schema order, without those that are only tolerated."""
    return tuple(field for field in action.tables[version].fields if field.last_version != V2007)


def _types_in_use(actions: Iterable[Action], version: str) -> list[str]:
    """Every enumeration and complex type that is reached from an action, in the order of their names."""
    waiting = [field.type for action in actions for field in request_fields(action, version)]
    waiting += [element.type for action in actions for element in action.result or ()]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found and name not in _BUILT_IN:
            found.add(name)
            waiting += [element.type for element in COMPLEX_TYPES.get(name, ())]
    return sorted(found)


def _action(action: Action, version: str) -> str:
    request = "".join(_request_element(field) for field in request_fields(action, version))
    answer = '        <xs:element name="ResponseMetadata" type="fps:ResponseMetadata"/>\n'
    result = ""
    if action.result is not None:
        name = f"{action.name}Result"
        answer = f'        <xs:element name="{name}" type="fps:{name}" minOccurs="0"/>\n{answer}'
        result = _complex(name, action.result)
    return _global(action.name, action.summary, request) + _global(f"{action.name}Response", "", answer) + result


def _global(name: str, meaning: str, content: str) -> str:
    sequence = f"      <xs:sequence>\n{content}      </xs:sequence>\n" if content else "      <xs:sequence/>\n"
    return (
        f'  <xs:element name="{name}">\n{_meaning(meaning, "    ")}    <xs:complexType>\n{sequence}'
        "    </xs:complexType>\n  </xs:element>\n"
    )


def _request_element(field: Field) -> str:
    many = ' maxOccurs="unbounded"' if field.repeated else ""
    start = f'        <xs:element name="{field.name}" type="{_type(field.type)}" minOccurs="0"{many}>\n'
    return f"{start}{_meaning(field.meaning, '          ')}        </xs:element>\n"


def _meaning(text: str, indent: str) -> str:
    note = f"<xs:documentation>{escape(text)}</xs:documentation>"
    return f"{indent}<xs:annotation>{note}</xs:annotation>\n" if text else ""


def _named_type(name: str, version: str) -> str:
    if name in COMPLEX_TYPES:
        return _complex(name, COMPLEX_TYPES[name])
    allowed = ENUMERATIONS_OF.get(version, {}).get(name, ENUMERATIONS[name])
    values = "".join(f'      <xs:enumeration value="{escape(value)}"/>\n' for value in allowed)
    return (
        f'  <xs:simpleType name="{name}">\n    <xs:restriction base="xs:string">\n{values}'
        "    </xs:restriction>\n  </xs:simpleType>\n"
    )


def _complex(name: str, elements: Iterable[Element]) -> str:
    content = "".join(
        f'      <xs:element name="{element.name}" type="{_type(element.type)}"{"".join(_occurs(element))}/>\n'
        for element in elements
    )
    return f'  <xs:complexType name="{name}">\n    <xs:sequence>\n{content}    </xs:sequence>\n  </xs:complexType>\n'


def _occurs(element: Element) -> Iterator[str]:
    if element.optional:
        yield ' minOccurs="0"'
    if element.repeated:
        yield f' maxOccurs="{element.max_occurs or "unbounded"}"'


def _type(name: str) -> str:
    return _BUILT_IN.get(name, f"fps:{name}")
