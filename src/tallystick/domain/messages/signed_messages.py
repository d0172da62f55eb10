"""Messages of ours that others can check: return URLs and notifications, signed with the service's own RSA key.

Pure: keys and addresses are passed in. Source: docs/protocol/signatures.md, 5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tallystick.domain.messages import signing

CERTIFICATES_PATH: Final = "/certs/"
CERTIFICATE_FILE: Final = "/PKICert.pem"
_KEY_NAME: Final = re.compile(r"[0-9]{6}[0-9A-Za-z-]{0,20}", re.ASCII)

NOTIFICATION_TYPE: Final = "notificationType"
"""Every notification has this parameter, and no return URL: so a message tells which of the two it is."""

NOTIFICATION_NAMES: Final = frozenset(
    {
        NOTIFICATION_TYPE,
        *("transactionId", "transactionStatus", "transactionDate", "transactionAmount", "operation", "status"),
        *("statusCode", "statusMessage", "paymentMethod", "paymentReason", "tokenId", "tokenType", "dateInstalled"),
        *("buyerName", "buyerEmail", "customerName", "customerEmail", "recipientName", "recipientEmail"),
        *("addressFullName", "addressLine1", "addressLine2", "addressCity", "addressState", "addressZip"),
        *("addressCountry", "addressPhone", "isShippingAddressProvided"),
    }
)
"""What a notification tells besides the seller's own keys (`callerReference`, `referenceId`).

A seller's return URL must not have these among its own parameters: we would sign them, and a receiver that does not
check the type of a message would take it for a notification. The seller's own keys are allowed in a return URL.
"""


@dataclass(frozen=True, slots=True)
class MessageSigner:
    """The key that signs now, by its name in the certificate's path; `public_url` is where certificates are served.

    `method`: one of signing.RSA_METHODS, which the receiver's owner chose.
    """

    public_url: str
    key_name: str
    private_key: RSAPrivateKey
    method: str = signing.RSA_METHOD


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """`params` with the signature, to be sent besides the parameters that `url`, the receiver's own, has already."""

    url: str
    params: Mapping[str, str]


def certificate_url(public_url: str, name: str, request_id: str) -> str:
    """Where the receiver finds the certificate of the key `name`; the request id only tells messages apart."""
    return f"{public_url}{CERTIFICATES_PATH}{name}{CERTIFICATE_FILE}?requestId={request_id}"


def is_key_name(text: str) -> bool:
    """Whether `text` has the form of a key's name: the date on which it was made, and what tells it from others."""
    return _KEY_NAME.fullmatch(text) is not None


def key_name(certificate: str, public_url: str) -> str | None:
    """The name of our key in a certificate's address; None for every address that is not exactly one of ours."""
    address, _, _ = certificate.partition("?")
    prefix = public_url + CERTIFICATES_PATH
    if not address.startswith(prefix) or not address.endswith(CERTIFICATE_FILE):
        return None
    name = address[len(prefix) : -len(CERTIFICATE_FILE)]
    return name if is_key_name(name) else None


def sign_message(
    signer: MessageSigner, verb: Literal["GET", "POST"], url: str, content: Mapping[str, str], request_id: str
) -> SignedMessage:
    """Sign `content` for the receiver at `url`, version 2; the receiver's own query parameters are signed too.

    An own parameter with a name that the message has is dropped from the URL, so that no receiver can read the wrong
    one; a fragment is dropped as well. Raises ValueError when `url` is not an absolute http or https URL.
    """
    params = {
        **content,
        "signatureVersion": "2",
        "signatureMethod": signer.method,
        "certificateUrl": certificate_url(signer.public_url, signer.key_name, request_id),
    }
    parts = urlsplit(url)
    own = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in own if name not in params and name != "signature"]
    query = parts.query
    if len(kept) < len(own):
        query = "&".join(f"{signing.percent_encoded(name)}={signing.percent_encoded(value)}" for name, value in kept)
    cleared = urlunsplit(parts._replace(query=query, fragment=""))
    text = signing.string_to_sign_outbound(verb, cleared, params)
    params["signature"] = signing.rsa_signature(text, signer.private_key, signer.method)
    return SignedMessage(cleared, params)


def is_signed_by(public_key: RSAPublicKey, url: str, params: Mapping[str, str]) -> bool:
    """Whether `params` (with their signature) are a message for `url` that the owner of `public_key` signed.

    Notifications are signed with the verb POST and return URLs with GET, so a return URL, some of whose parameters its
    seller chooses, never verifies as a notification.
    """
    method = params.get("signatureMethod", "")
    if params.get("signatureVersion") != "2" or method not in signing.RSA_METHODS:
        return False
    verb = "POST" if NOTIFICATION_TYPE in params else "GET"
    text = signing.string_to_sign_outbound(verb, url, params)
    return signing.rsa_verifies(text, params.get("signature", ""), public_key, method)
