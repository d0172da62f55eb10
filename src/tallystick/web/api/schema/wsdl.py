"""The WSDL of the interface: names of its parts and SOAPAction values as the original had them.

Document/literal; the element in the Body is the action. Source: docs/protocol/transport.md.
"""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING, Final

from tallystick.web.api.schema.xsd import actions_of
from tallystick.web.api.xml import namespace

if TYPE_CHECKING:
    from tallystick.services.api.registry import Action

_URN_ACTIONS: Final = frozenset({"CancelSubscriptionAndRefund", "GetPaymentInstruction", "InstallPaymentInstruction"})
"""Actions whose SOAPAction has the prefix `urn:`; why only theirs is not known."""


_DOCUMENT: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="AmazonFPS" targetNamespace="{space}" xmlns:fps="{space}"
    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:wsaw="http://www.w3.org/2006/05/addressing/wsdl" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <wsdl:types>
    <xs:schema>
      <xs:import namespace="{space}" schemaLocation="AmazonFPS.xsd"/>
    </xs:schema>
  </wsdl:types>
{messages}  <wsdl:portType name="AmazonFPSPortType">
{operations}  </wsdl:portType>
  <wsdl:binding name="AmazonFPSBinding" type="fps:AmazonFPSPortType">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
{bindings}  </wsdl:binding>
  <wsdl:service name="AmazonFPS">
    <wsdl:port name="AmazonFPSPort" binding="fps:AmazonFPSBinding">
      <soap:address location="{address}"/>
    </wsdl:port>
  </wsdl:service>
</wsdl:definitions>
"""


@cache
def description(version: str, address: str) -> str:
    """The WSDL of a version, for the service at `address`. The schema is found beside it, as AmazonFPS.xsd."""
    actions = actions_of(version)
    return _DOCUMENT.format(
        space=namespace(version),
        address=escape(address),
        messages="".join(map(_messages, actions)),
        operations="".join(map(_operation, actions)),
        bindings="".join(map(_binding, actions)),
    )


def soap_action(name: str) -> str:
    """The SOAPAction of an action."""
    return f"urn:{name}" if name in _URN_ACTIONS else name


def _messages(action: Action) -> str:
    return "".join(
        f'  <wsdl:message name="{message}">\n    <wsdl:part name="body" element="fps:{element}"/>\n  </wsdl:message>\n'
        for message, element in (
            (f"{action.name}Request", action.name),
            (f"{action.name}Response", f"{action.name}Response"),
        )
    )


def _operation(action: Action) -> str:
    name = action.name
    return (
        f'    <wsdl:operation name="{name}">\n'
        f"      <wsdl:documentation>{escape(action.summary)}</wsdl:documentation>\n"
        f'      <wsdl:input message="fps:{name}Request" wsaw:Action="urn:{name}"/>\n'
        f'      <wsdl:output message="fps:{name}Response" wsaw:Action="urn:{name}:Response"/>\n'
        "    </wsdl:operation>\n"
    )


def _binding(action: Action) -> str:
    body = '<soap:body use="literal"/>'
    return (
        f'    <wsdl:operation name="{action.name}">\n'
        f'      <soap:operation soapAction="{soap_action(action.name)}" style="document"/>\n'
        f"      <wsdl:input>{body}</wsdl:input>\n      <wsdl:output>{body}</wsdl:output>\n"
        "    </wsdl:operation>\n"
    )
