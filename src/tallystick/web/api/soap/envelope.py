"""SOAP 1.1 envelopes: reading one without trusting it.

What is read here is not verified yet: of its Body only the name of the request is used before the signature is known
to be good, and its content is then taken from what was signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import quoted
from tallystick.web.api.soap import names
from tallystick.web.api.soap.answers import Addressing, NotUnderstoodError

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNDERSTOOD: Final = frozenset({names.WSSE, *names.WSA_ANONYMOUS})


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request as it came. `security` is its only WS-Security header, None when it has none."""

    root: etree._Element
    body: etree._Element
    request: etree._Element
    security: etree._Element | None
    addressing: Addressing | None

    @property
    def namespace(self) -> str:
        """The namespace of the request's element."""
        return etree.QName(self.request).namespace or ""

    @property
    def action(self) -> str:
        """The local name of the request's element."""
        return etree.QName(self.request).localname


def read_envelope(content: bytes) -> Envelope:
    """Raises Refused: MalformedQueryString, InvalidRequest; NotUnderstoodError."""
    root = _parse(content)
    if root.tag != names.ENVELOPE:
        if etree.QName(root).localname == "Envelope":
            raise NotUnderstoodError("VersionMismatch", "Envelopes are those of SOAP 1.1.")
        raise _unexpected(root)
    header, body = _parts(root)
    request = _only(elements(body), "The Body must hold one request.")
    entries = elements(header) if header is not None else []
    _check_understood(entries)
    security = [entry for entry in entries if entry.tag == names.SECURITY]
    if len(security) > 1:
        raise Refused(Refusal.InvalidRequest, "The request has more than one Security header.")
    return Envelope(root, body, request, security[0] if security else None, _read_addressing(entries))


def elements(parent: etree._Element) -> list[etree._Element]:
    """The elements in an element, without comments and processing instructions."""
    return list(parent.iterchildren(etree.Element))


def _parse(content: bytes) -> etree._Element:
    """Parse without expanding entities or loading anything: a document type is refused before the parser sees it."""
    try:
        document = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(Refusal.MalformedQueryString, "The request is not UTF-8 text.") from None
    if "<!DOCTYPE" in document:
        raise Refused(Refusal.InvalidRequest, "A SOAP request has no document type.")
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(document.encode(), parser)
    except etree.XMLSyntaxError as error:
        message = f"The request is not well-formed XML: {quoted(str(error.msg))}."
        raise Refused(Refusal.MalformedQueryString, message) from None


def _parts(root: etree._Element) -> tuple[etree._Element | None, etree._Element]:
    match elements(root):
        case [header, body] if (header.tag, body.tag) == (names.HEADER, names.BODY):
            return header, body
        case [body] if body.tag == names.BODY:
            return None, body
    raise Refused(Refusal.InvalidRequest, "An Envelope holds a Header, which may be missing, and one Body.")


def _only(found: Sequence[etree._Element], rule: str) -> etree._Element:
    if len(found) != 1:
        raise Refused(Refusal.InvalidRequest, rule)
    return found[0]


def _unexpected(element: etree._Element) -> Refused:
    name = etree.QName(element)
    return unexpected(f"{name.namespace or ''}:{name.localname}")


def unexpected(name: str) -> Refused:
    """The refusal of an element that the schema does not have at this place; in the words of the query API."""
    return Refused(
        Refusal.InvalidRequest,
        f'The request does not conform to the interface defined in the WSDL. Unexpected element: "{quoted(name)}".',
    )


def _check_understood(entries: Sequence[etree._Element]) -> None:
    for entry in entries:
        ours = entry.get(names.ACTOR, names.SOAP_NEXT) in {"", names.SOAP_NEXT}
        if (
            ours
            and entry.get(names.MUST_UNDERSTAND) in {"1", "true"}
            and etree.QName(entry).namespace not in _UNDERSTOOD
        ):
            message = f"The header {quoted(str(entry.tag))} is not understood."
            raise NotUnderstoodError("MustUnderstand", message)


def _read_addressing(entries: Sequence[etree._Element]) -> Addressing | None:
    """The first namespace of WS-Addressing in use counts. Raises Refused: InvalidRequest for answers elsewhere."""
    for space, anonymous in names.WSA_ANONYMOUS.items():
        ours = {etree.QName(entry).localname: entry for entry in entries if etree.QName(entry).namespace == space}
        for name in ("ReplyTo", "FaultTo"):
            if name in ours and (ours[name].findtext(f"{{{space}}}Address") or "").strip() != anonymous:
                raise Refused(Refusal.InvalidRequest, f"{name} must be the anonymous address: answers go nowhere else.")
        if ours:
            message_id = (ours["MessageID"].text or "").strip() if "MessageID" in ours else ""
            return Addressing(space, message_id or None)
    return None
