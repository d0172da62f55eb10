"""Co-Branded requests as they arrive: authenticate the caller, check signature and return URL, validate parameters.

The order of checks is that of docs/protocol/cobranded.md, 8. Until caller, signature, return URL, pipeline and version
have been checked, a page tells what is wrong, and the browser is redirected nowhere. After that, faults go back to the
caller with status CE.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from tallystick.domain.messages import signing
from tallystick.domain.messages.addresses import host_of
from tallystick.domain.scopes import KeyScope
from tallystick.services.consent.checks import Faults, elsewhere, find_faults, misspelt, not_well_formed
from tallystick.services.consent.parameters import INTERFACE_VERSION, PIPELINES, SIMPLE_PAY, Pipeline, known_parameters
from tallystick.services.consent.values import ValueKind, is_return_url
from tallystick.store.accounts import return_hosts
from tallystick.store.keys import access_keys
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.keys.access_keys import AccessKey

MAX_PARAMETERS: Final = 100
PREFIX: Final = "Caller Input Exception: "
_NOT_GONE_TO: Final = frozenset({"returnUrl", "cobrandingUrl"})
"""Addresses that are checked by themselves, or that nothing is ever sent to."""

SIGNATURE_NAMES: Final = frozenset({"signature", "signatureVersion", "signatureMethod"})


class NotTrustedError(Exception):
    """The request cannot be trusted: show a page, send the browser nowhere.

    `technical` is the one line that programs of that time knew, `plain` says the same for people. `string_to_sign` is
    what we signed, for the developer of a sandbox caller whose signature is wrong.
    """

    def __init__(self, technical: str, plain: str, string_to_sign: str | None = None) -> None:
        super().__init__(technical)
        self.technical = PREFIX + technical
        self.plain = plain
        self.string_to_sign = string_to_sign


@dataclass(frozen=True, slots=True)
class PipelineRequest:
    """A request as it came. `path` as written, `query` and `body` still encoded; `body` only of POSTed forms."""

    verb: str
    host: str
    path: str
    query: bytes
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request whose caller, pipeline and return URL are known. `signed`: it has a valid signature of the caller's.

    `faults`: parameters that are missing, malformed, over or at another seller's host. `digest`: of all parameters but
    the signature's; a repeated request has the same one.
    """

    key: AccessKey
    pipeline: Pipeline
    parameters: Mapping[str, str]
    digest: bytes
    signed: bool
    faults: Faults


async def check(service: Service, request: PipelineRequest) -> CheckedRequest:
    """Read and check a request. Raises NotTrustedError; other faults are in the answer's `faults`."""
    given = _decode(request)
    key = await _key(service, given, "callerKey")
    signed = _check_signature(service, request, given, key, may_be_unsigned=service.settings.allow_unsigned_cobranded)
    _check_return_url(given.get("returnURL") or given.get("returnUrl") or "", "returnURL")
    pipeline = PIPELINES.get(given.get("pipelineName", ""))
    if pipeline is None:
        raise NotTrustedError(
            _absent("pipelineName"),
            _(
                "The link asks for something that is not offered here: pipelineName must be one of %(names)s.",
                names=", ".join(PIPELINES),
            ),
        )
    if (given.get("version") or INTERFACE_VERSION) != INTERFACE_VERSION:  # many clients send none
        raise NotTrustedError(_absent("version"), _("The link needs version=%(version)s.", version=INTERFACE_VERSION))
    known = known_parameters(pipeline, given)
    await _check_host(service, key, known["returnURL"], "returnURL")
    faults = _faults(service, pipeline, known, key, given)
    if faults and not signed:
        raise NotTrustedError(faults.message, _("The link lacks something, or something in it cannot be read."))
    return CheckedRequest(key, pipeline, known, _digest(given), signed, faults)


def _decode(request: PipelineRequest) -> dict[str, str]:
    """All parameters, decoded as forms are: ``+`` and ``%20`` are both a space. Blank values are kept: they are signed.

    Raises NotTrustedError: not UTF-8, too many, or a name given twice, which signatures cannot tell apart.
    """
    try:
        pairs = [
            pair
            for source in (request.query, request.body)
            for pair in parse_qsl(
                source.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
            )
        ]
    except ValueError:
        raise NotTrustedError(
            "The request cannot be decoded", _("The link is damaged: it cannot be decoded.")
        ) from None
    given = dict(pairs)
    if len(given) < len(pairs):
        twice = sorted({name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1})
        raise NotTrustedError(not_well_formed(tuple(twice)), _("The link gives the same parameter more than once."))
    return given


async def check_button(service: Service, request: PipelineRequest) -> CheckedRequest:
    """Read and check the form of a Simple Pay button, which must be signed: it leads to a payment at once.

    Raises NotTrustedError; other faults are in the answer's `faults`.
    """
    given = _decode(request)
    key = await _key(service, given, "accessKey")
    signed = _check_signature(service, request, given, key, may_be_unsigned=False)
    known = known_parameters(SIMPLE_PAY, given)
    _check_return_url(known.get("returnUrl", ""), "returnUrl")
    await _check_host(service, key, known["returnUrl"], "returnUrl")
    faults = _faults(service, SIMPLE_PAY, known, key, given)
    faults = replace(faults, foreign=await _foreign(service, key, SIMPLE_PAY, known, faults))
    return CheckedRequest(key, SIMPLE_PAY, known, _digest(given), signed, faults)


async def _key(service: Service, given: Mapping[str, str], name: str) -> AccessKey:
    key = await access_keys.find(service.pool, service.vault, given.get(name, ""), service.clock())
    if key is None or key.party_status != "active" or key.book_id is None:
        raise NotTrustedError(_absent(name), _("The link names no seller that we know, or one that is not active."))
    if not key.may(KeyScope.HOSTED_LINKS):
        raise NotTrustedError(_absent(name), _("The seller's key in the link was not made for links to these pages."))
    return key


def _check_return_url(return_url: str, name: str) -> None:
    if not is_return_url(return_url):
        raise NotTrustedError(
            _absent(name),
            _(
                "The link does not say where to go afterwards: %(name)s must be an absolute http or https address,"
                " without a fragment, a password, .. in its path, a parameter given twice or one that answers and"
                " notifications need for themselves.",
                name=name,
            ),
        )


async def _check_host(service: Service, key: AccessKey, return_url: str, name: str) -> None:
    """Raises NotTrustedError: another seller has claimed the return URL's host and does not allow this one there."""
    if await return_hosts.closed_to(service.pool, key.party_id, [host_of(return_url)]):
        raise NotTrustedError(
            elsewhere((name,)),
            _(
                "The link leads to the site of another seller in the end, which does not let the seller of this link"
                " send buyers there."
            ),
        )


async def _foreign(
    service: Service, key: AccessKey, pipeline: Pipeline, known: Mapping[str, str], faults: Faults
) -> tuple[str, ...]:
    """The other URL parameters, for browsers or notifications, whose host another seller has claimed."""
    hosts = {
        one.name: host_of(known[one.name])
        for one in pipeline.parameters
        if one.kind is ValueKind.URL and one.name in known and one.name not in (*faults.names, *_NOT_GONE_TO)
    }
    closed = await return_hosts.closed_to(service.pool, key.party_id, hosts.values())
    return tuple(name for name, host in hosts.items() if host in closed)


def _faults(
    service: Service, pipeline: Pipeline, known: Mapping[str, str], key: AccessKey, given: Mapping[str, str]
) -> Faults:
    """What is wrong with the parameters; developers of a sandbox also hear of names that are nearly right."""
    leeway = timedelta(seconds=service.settings.timestamp_skew_seconds)
    faults = find_faults(pipeline, known, service.clock() + key.clock_offset, leeway)
    if not faults or key.environment != access_keys.SANDBOX:
        return faults
    lacking = [name for name in faults.ill_formed if name not in known]
    return replace(faults, misspelt=misspelt(pipeline, given, lacking))


def _check_signature(
    service: Service, request: PipelineRequest, given: Mapping[str, str], key: AccessKey, *, may_be_unsigned: bool
) -> bool:
    """Whether the request is signed. Raises NotTrustedError: the signature does not verify, or one is required."""
    if not given.get("signature"):
        if may_be_unsigned:
            return False
        raise NotTrustedError(_absent("signature"), _("The link is not signed by the seller."))
    signature = signing.as_received(given["signature"])
    if given.get("signatureVersion", "1") == "1" and service.settings.allow_signature_v1:
        _check_matches(signature, key, "HmacSHA1", [signing.string_to_sign_v1(given, "signature")])
        return True
    if given.get("signatureVersion") != "2":
        raise NotTrustedError(_absent("signatureVersion"), _("Only signatures of version 2 are accepted."))
    method = given.get("signatureMethod", "")
    if method not in signing.HMAC_METHODS:
        raise NotTrustedError(
            _absent("signatureMethod"),
            _("signatureMethod must be one of %(names)s.", names=", ".join(signing.HMAC_METHODS)),
        )
    texts = [
        signing.string_to_sign_v2(request.verb, host, request.path, given, "signature")
        for host in signing.signed_hosts(request.host, service.settings.public_url)
    ]
    _check_matches(signature, key, method, texts)
    return True


def _check_matches(signature: str, key: AccessKey, method: str, texts: Sequence[str]) -> None:
    """Raises NotTrustedError: the signature is not the HMAC of any of the texts."""
    if not any(signing.equal(signature, signing.hmac_signature(text, key.secret, method)) for text in texts):
        raise NotTrustedError(
            "Invalid Signature",
            _("The seller's signature does not fit the link: the link was changed, or signed with another key."),
            texts[0] if key.environment == access_keys.SANDBOX else None,
        )


def _digest(given: Mapping[str, str]) -> bytes:
    business = {name: value for name, value in given.items() if name not in SIGNATURE_NAMES}
    return sha256(json.dumps(business, sort_keys=True).encode("ascii")).digest()


def _absent(name: str) -> str:
    return f"The following input(s) are either invalid or absent:[{name}]"
