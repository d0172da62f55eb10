"""Reading a request of the query API: its parameters, its signature, its time and version.

The checks run in one documented order: docs/order-of-checks.md.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from msgspec import Struct

from tallystick.domain.environments import SANDBOX
from tallystick.domain.messages import signing
from tallystick.domain.moments import parse_moment
from tallystick.domain.names.spelling import closest
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.callers import by_key, nowhere
from tallystick.services.api.fields import COMMON_PARAMETERS, SERVED, V2010, quoted
from tallystick.web.api.calls import check_fresh, expected_string

if TYPE_CHECKING:
    from tallystick.services.api.callers import AccessKey, SourceOf
    from tallystick.services.context import Service
    from tallystick.settings import Settings

SIGNATURE_VERSION: Final = "2"
_V1: Final = "1"
_V0: Final = "0"

_METHODS: Final = tuple(signing.HMAC_METHODS)
_SIGNATURE: Final = "Signature"
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_NAMES: Final = 50  # no program sends more
_VERSION: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class QueryRequest(Struct, frozen=True):
    """One request with its parameters decoded. `host` is the Host header as sent, `path` as in the request line.

    `in_order`: the parameters still encoded, sorted for signing and without the signature, when the client encoded them
    as the string to sign does; else None. `source`: from which address it came, for who wants to know.
    """

    verb: str
    host: str
    path: str
    params: Mapping[str, str]
    in_order: str | None = None
    source: SourceOf = nowhere

    def common(self, name: str) -> str:
        """A common parameter that has to be there. Raises Refused: MissingParameter."""
        value = self.params.get(name)
        if not value:
            message = f"The request must contain the parameter {name}.{self._misspelt(name)}"
            raise Refused(Refusal.MissingParameter, message)
        return value

    def _misspelt(self, name: str) -> str:
        """What to say where a name much like the missing one was sent; of the first names, since there may be many."""
        sent = closest(name, (one for one in islice(self.params, _MOST_NAMES) if one not in COMMON_PARAMETERS))
        return "" if sent is None else f" It has {quoted(sent)}: names are to be spelt exactly so."


def decode(query: bytes, body: bytes, content_type: str) -> tuple[dict[str, str], str | None]:
    """The parameters of query string and form together, and `in_order` of a request.

    ``+`` and ``%20`` are both a blank. Raises Refused: MalformedQueryString for text that is not UTF-8, for repeated
    names (which of the two would count?) and for bodies that are no form.
    """
    if body and content_type.partition(";")[0].strip().lower() not in {"", _FORM}:
        raise Refused(Refusal.MalformedQueryString, f"A body must be of the type {_FORM}.")
    whole = query + b"&" + body if query and body else query or body
    read = signing.read_encoded_query(whole, _SIGNATURE)
    return (_decode(query, body), None) if read is None else read


def _decode(query: bytes, body: bytes) -> dict[str, str]:
    """Decode the parameters in any encoding. Raises Refused: MalformedQueryString."""
    params: dict[str, str] = {}
    try:
        for part in (query, body):
            for pair in part.decode().strip("\r\n").replace("+", "%20").split("&"):
                name, _, value = pair.partition("=")
                if "%" in pair:
                    name, value = unquote(name, errors="strict"), unquote(value, errors="strict")
                elif not pair:
                    continue
                if name in params:
                    message = f"The parameter {quoted(name)} is given more than once."
                    raise Refused(Refusal.MalformedQueryString, message)
                params[name] = value
    except UnicodeDecodeError:
        raise Refused(Refusal.MalformedQueryString, "The parameters are not UTF-8 text.") from None
    return params


class RequestSignature(Struct, frozen=True):
    """What a request says of its signature: whose key, what was computed, and how."""

    key_id: str
    signature: str
    method: str
    version: str


async def check_signature(request: QueryRequest, service: Service, now: datetime) -> AccessKey:
    """The key that signed the request. Raises Refused.

    MissingClientTokenId, MissingAuthenticationToken, MissingParameter, InvalidParameterValue (the signature's version
    or method), InvalidSignature (it cannot be read), InvalidClientTokenId, SignatureDoesNotMatch; in this order. The
    schemes before version 2 are for old clients, where a setting allows them.
    """
    signed = _read_signature(request, service.settings)
    key = await by_key(service, signed.key_id, "AWSAccessKeyId", now)
    _verify(request, signed, key, service.settings)
    return key


def check_signature_with_cached_key(request: QueryRequest, service: Service, now: datetime) -> AccessKey | None:
    """Check the signature with the cached key; None when there is none, or the book's payments lock at the moment.

    The caller must revalidate the key in its optimistic read, and must not answer with a refusal before that: the key
    may have been revoked since it was cached. Raises Refused, as `check_signature`.
    """
    signed = _read_signature(request, service.settings)
    key = service.keys.recall(signed.key_id, now)
    if key is None or key.book_id is None or not service.committer.reads_optimistically(key.book_id):
        return None
    _verify(request, signed, key, service.settings)
    return key


def _read_signature(request: QueryRequest, settings: Settings) -> RequestSignature:
    key_id = request.params.get("AWSAccessKeyId")
    if not key_id:
        raise Refused(Refusal.MissingClientTokenId, "The request must contain the parameter AWSAccessKeyId.")
    given = request.params.get("Signature")
    if not given:
        raise Refused(Refusal.MissingAuthenticationToken, "The request must contain the parameter Signature.")
    version = _signature_version(request, settings)
    method = "HmacSHA1"
    if version == SIGNATURE_VERSION or request.params.get("SignatureMethod"):
        method = _check_value(request, "SignatureMethod", _METHODS)
    signature = signing.as_received(given)
    if not _is_base64(signature):
        raise Refused(Refusal.InvalidSignature, "The signature is not base64; was it percent-encoded twice, or not?")
    return RequestSignature(key_id, signature, method, version)


def _verify(request: QueryRequest, signed: RequestSignature, key: AccessKey, settings: Settings) -> None:
    for text in _strings_to_sign(request, signed.version, settings.public_url):
        if signing.equal(signed.signature, signing.hmac_signature(text, key.secret, signed.method)):
            return
    message = (
        f"The signature is not the one that the service computes for {request.verb}, host {quoted(request.host)} and "
        f"path {quoted(request.path)}. Check the secret key and the string to sign."
    )
    if key.environment == SANDBOX:
        message += expected_string(next(_strings_to_sign(request, signed.version, settings.public_url)))
    raise Refused(Refusal.SignatureDoesNotMatch, message)


def _signature_version(request: QueryRequest, settings: Settings) -> str:
    if request.params.get("SignatureVersion") == SIGNATURE_VERSION:
        return SIGNATURE_VERSION
    if settings.allow_signature_v0 and not request.params.get("SignatureVersion"):
        return _V0
    old = {_V1: settings.allow_signature_v1, _V0: settings.allow_signature_v0}
    allowed = (SIGNATURE_VERSION, *(version for version, on in old.items() if on))
    return _check_value(request, "SignatureVersion", allowed)


def _strings_to_sign(request: QueryRequest, version: str, public_url: str) -> Iterator[str]:
    """All texts over which the signature may have been made."""
    if version == _V0:
        yield signing.string_to_sign_v0(request.params)
    elif version == _V1:
        yield signing.string_to_sign_v1(request.params, _SIGNATURE)
    else:
        for line in signing.signed_hosts(request.host, public_url):
            if request.in_order is not None:
                yield signing.string_to_sign_as_sent(request.verb, line, request.path, request.in_order)
            else:
                yield signing.string_to_sign_v2(request.verb, line, request.path, request.params, _SIGNATURE)


def _is_base64(signature: str) -> bool:
    try:
        return bool(binascii.a2b_base64(signature, strict_mode=True))
    except ValueError:
        return False


def _check_value(request: QueryRequest, name: str, allowed: tuple[str, ...]) -> str:
    value = request.common(name)
    if value not in allowed:
        raise _invalid(name, value, f"It must be {' or '.join(allowed)}.")
    return value


def _invalid(name: str, value: str, rule: str) -> Refused:
    return Refused(Refusal.InvalidParameterValue, f"Value ({quoted(value)}) for parameter {name} is invalid. {rule}")


def check_timestamp(request: QueryRequest, now: datetime, skew_seconds: int) -> datetime:
    """The moment at which the request was made, not too far from `now` in either direction.

    Raises Refused: MissingParameter, InvalidParameterValue, RequestExpired.
    """
    text = request.common("Timestamp")
    try:
        made_at = parse_moment(text)
    except ValueError:
        raise _invalid("Timestamp", text, "Must be in ISO8601 format, such as 2010-08-28T12:00:00Z.") from None
    check_fresh(made_at, now, skew_seconds)
    return made_at


def served_version(request: QueryRequest) -> str:
    """The version of the interface to answer in: a date after 2010-08-28 counts as the newest version known by then.

    Raises Refused: MissingParameter, NoSuchVersion.
    """
    text = request.common("Version")
    if text in SERVED:
        return text
    if _VERSION.fullmatch(text) and text > V2010 and _is_date(text):
        return max(version for version in SERVED if version < text)
    raise Refused(
        Refusal.NoSuchVersion, f"There is no version {quoted(text)} of this interface, only {', '.join(SERVED)}."
    )


def _is_date(text: str) -> bool:
    try:
        parse_moment(f"{text}T00:00:00Z")
    except ValueError:
        return False
    return True
