"""Namespaces and qualified names of SOAP, WS-Security, XML Signature and WS-Addressing."""

from __future__ import annotations

from typing import Final

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_NEXT: Final = "http://schemas.xmlsoap.org/soap/actor/next"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
X509_V3: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"

WSA_2005: Final = "http://www.w3.org/2005/08/addressing"
WSA_2004: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSA_ANONYMOUS: Final = {WSA_2005: f"{WSA_2005}/anonymous", WSA_2004: f"{WSA_2004}/role/anonymous"}
"""Each namespace of WS-Addressing that is understood, with the address that means: in the answer to this request."""
WSA_FAULT: Final = {WSA_2005: f"{WSA_2005}/soap/fault", WSA_2004: f"{WSA_2004}/fault"}
"""The Action of a fault."""

ENVELOPE: Final = f"{{{SOAP}}}Envelope"
HEADER: Final = f"{{{SOAP}}}Header"
BODY: Final = f"{{{SOAP}}}Body"
ACTOR: Final = f"{{{SOAP}}}actor"
MUST_UNDERSTAND: Final = f"{{{SOAP}}}mustUnderstand"
SECURITY: Final = f"{{{WSSE}}}Security"
BINARY_TOKEN: Final = f"{{{WSSE}}}BinarySecurityToken"
TOKEN_REFERENCE: Final = f"{{{WSSE}}}SecurityTokenReference"
TOKEN_POINTER: Final = f"{{{WSSE}}}Reference"
TIMESTAMP: Final = f"{{{WSU}}}Timestamp"
CREATED: Final = f"{{{WSU}}}Created"
EXPIRES: Final = f"{{{WSU}}}Expires"
SIGNATURE: Final = f"{{{DS}}}Signature"
