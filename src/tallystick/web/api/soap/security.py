"""WS-Security: the X.509 signature of a request, and when it was made.

The defence against signature wrapping is twofold. The signature must be over the very Body that stands in the envelope,
by an id that no other element has; and what is processed is not the tree that was received but the text that was
digested, parsed anew. Only one way of signing is accepted: exclusive canonicalization, RSA, references to ids in the
message, no other transform.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidCertificate, InvalidSignature, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from tallystick.domain.moments import format_moment, parse_moment
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import quoted
from tallystick.web.api.soap import names
from tallystick.web.api.soap.envelope import elements

if TYPE_CHECKING:
    from cryptography import x509

    from tallystick.web.api.soap.envelope import Envelope

MAX_REFERENCES: Final = 12

_METHODS: Final = frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512})
_DIGESTS: Final = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_WEAK_METHODS: Final = _METHODS | {SignatureMethod.RSA_SHA1}
_WEAK_DIGESTS: Final = _DIGESTS | {DigestAlgorithm.SHA1}
_PLACE: Final = f"./{names.HEADER}/{names.SECURITY}/"
_POINTER: Final = re.compile(r"#([A-Za-z_][A-Za-z0-9_.-]{0,127})", re.ASCII)
_DS: Final = {"ds": names.DS}


@dataclass(frozen=True, slots=True)
class SignedEnvelope:
    """What the signature vouches for: the request's element as it was signed, and when the request was made."""

    request: etree._Element
    made_at: datetime


def signature_of(envelope: Envelope) -> etree._Element:
    """The only signature in the message. Raises Refused: MissingAuthenticationToken, InvalidSignature."""
    found = list(envelope.root.iter(names.SIGNATURE))
    if envelope.security is None or not found:
        raise Refused(Refusal.MissingAuthenticationToken, "The request has no WS-Security signature.")
    if len(found) > 1 or found[0].getparent() is not envelope.security:
        raise _unreadable("There must be one signature, in the Security header.")
    return found[0]


def certificate_fingerprint(envelope: Envelope, signature: etree._Element) -> str:
    """SHA-256 of the certificate that the message names as its own, as hexadecimal.

    It is a BinarySecurityToken of the header, or stands in the reference itself. Raises Refused: MissingClientTokenId,
    InvalidClientTokenId.
    """
    reference = signature.find(f"ds:KeyInfo/{names.TOKEN_REFERENCE}", _DS)
    pointer = None if reference is None else reference.find(names.TOKEN_POINTER)
    if pointer is not None:
        token = _ids(envelope.root).get(pointer.get("URI", "").removeprefix("#"))
        if token is None or token.tag != names.BINARY_TOKEN or token.get("ValueType") != names.X509_V3:
            token = None
    else:
        token = None if reference is None else reference.find("ds:X509Data/ds:X509Certificate", _DS)
    if token is None:
        raise Refused(
            Refusal.MissingClientTokenId,
            "The signature must refer to its X.509 v3 certificate, by a BinarySecurityToken or within X509Data.",
        )
    try:
        return sha256(b64decode("".join((token.text or "").split()), validate=True)).hexdigest()
    except ValueError:
        raise Refused(Refusal.InvalidClientTokenId, "The certificate is not in base64.") from None


def verify(envelope: Envelope, certificate: x509.Certificate, now: datetime, *, allow_weak: bool) -> SignedEnvelope:
    """Check the signature over Body and Timestamp with the caller's registered certificate.

    `allow_weak` accepts SHA-1, and a Timestamp that is not signed. Raises Refused: InvalidSignature,
    InvalidClientTokenId, SignatureDoesNotMatch, MissingParameter, InvalidParameterValue.
    """
    signature = signature_of(envelope)
    ids = _ids(envelope.root)
    targets = [ids.get(pointer) for pointer in _check_form(signature)]
    if None in targets or envelope.body not in targets:
        raise _unreadable("The signature must refer, by ids, to elements of the message, the Body among them.")
    config = SignatureConfiguration(
        location=_PLACE,
        expect_references=True,  # any number: which they are is checked here
        signature_methods=_WEAK_METHODS if allow_weak else _METHODS,
        digest_algorithms=_WEAK_DIGESTS if allow_weak else _DIGESTS,
        verification_time=now,
    )
    signed = _verified(envelope.root, certificate, config)
    if len(signed) != len(targets):
        raise _unreadable("Not everything that the signature refers to was found.")
    by_target = dict(zip(targets, signed, strict=True))
    (request,) = elements(by_target[envelope.body])
    return SignedEnvelope(request, _made_at(envelope, by_target, now, allow_weak=allow_weak))


def _unreadable(message: str) -> Refused:
    return Refused(Refusal.InvalidSignature, message)


def _ids(root: etree._Element) -> Mapping[str, etree._Element]:
    """Every element that has an id, whatever the attribute's namespace and case. Raises Refused: InvalidSignature.

    An id that two elements share is refused: two XML readers could resolve it to different elements.
    """
    found: dict[str, etree._Element] = {}
    for element in root.iter(etree.Element):
        for name, value in element.attrib.items():
            if etree.QName(name).localname.lower() == "id":
                if str(value) in found:
                    raise _unreadable(f"The id {quoted(str(value))} is there more than once.")
                found[str(value)] = element
    return found


def _check_form(signature: etree._Element) -> list[str]:
    """The ids that the signature refers to, after making sure that it is of the one form that we accept.

    Raises Refused: InvalidSignature.
    """
    key_info = signature.find("ds:KeyInfo", _DS)
    if key_info is None or [child.tag for child in elements(key_info)] != [names.TOKEN_REFERENCE]:
        raise _unreadable("KeyInfo must hold a SecurityTokenReference and nothing else.")
    method = signature.find("ds:SignedInfo/ds:CanonicalizationMethod", _DS)
    if method is None or method.get("Algorithm") != names.EXCLUSIVE_C14N:
        raise _unreadable(f"The canonicalization method must be {names.EXCLUSIVE_C14N}.")
    references = signature.findall("ds:SignedInfo/ds:Reference", _DS)
    if not 0 < len(references) <= MAX_REFERENCES:
        raise _unreadable(f"A signature refers to at least one and at most {MAX_REFERENCES} elements.")
    return [_check_reference(reference) for reference in references]


def _check_reference(reference: etree._Element) -> str:
    transforms = [each.get("Algorithm") for each in reference.findall("ds:Transforms/ds:Transform", _DS)]
    if transforms != [names.EXCLUSIVE_C14N]:
        raise _unreadable(f"Every reference must have the one transform {names.EXCLUSIVE_C14N}.")
    pointer = _POINTER.fullmatch(reference.get("URI", ""))
    if pointer is None:
        raise _unreadable("Every reference must be to an id within the message.")
    return pointer[1]


def _verified(
    root: etree._Element, certificate: x509.Certificate, config: SignatureConfiguration
) -> list[etree._Element]:
    """The elements that are signed, parsed from the text that was digested, in the order of the references."""
    try:
        results = XMLVerifier().verify(root, x509_cert=certificate, expect_config=config)
    except InvalidCertificate:
        raise Refused(Refusal.InvalidClientTokenId, "The certificate is not valid at this time.") from None
    except InvalidSignature:
        message = "The signature is not that of the certificate over this message."
        raise Refused(Refusal.SignatureDoesNotMatch, message) from None
    except (SignXMLException, ValueError, TypeError, etree.LxmlError) as error:
        # TypeError: the library takes the text of an element that has none
        raise _unreadable(f"The signature cannot be read: {quoted(str(error))}") from None
    every = results if isinstance(results, list) else [results]
    return [result.signed_xml for result in every if result.signed_xml is not None]


def _made_at(
    envelope: Envelope, signed: Mapping[etree._Element | None, etree._Element], now: datetime, *, allow_weak: bool
) -> datetime:
    found = [] if envelope.security is None else envelope.security.findall(names.TIMESTAMP)
    if len(found) != 1:
        raise Refused(Refusal.MissingParameter, "The Security header must have one Timestamp.")
    if found[0] not in signed and not allow_weak:
        raise _unreadable("The Timestamp must be signed too.")
    stamp = signed.get(found[0], found[0])
    created, expires = (_moment(stamp, name) for name in (names.CREATED, names.EXPIRES))
    if created is None:
        raise Refused(Refusal.MissingParameter, "The Timestamp must tell when the request was Created.")
    if expires is not None and expires <= now:
        ended = format_moment(expires).replace("+00:00", "Z")
        raise Refused(Refusal.RequestExpired, f"Request has expired. By its own Timestamp it was good until {ended}.")
    return created


def _moment(stamp: etree._Element, name: str) -> datetime | None:
    value = stamp.findtext(name)
    if value is None:
        return None
    try:
        return parse_moment(value.strip())
    except ValueError:
        what = etree.QName(name).localname
        message = f"Value ({quoted(value)}) for parameter {what} is invalid. Must be in ISO8601 format."
        raise Refused(Refusal.InvalidParameterValue, message) from None
