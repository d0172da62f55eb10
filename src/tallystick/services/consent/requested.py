"""Authorizations that a seller's program asks for in JSON: a link to the hosted pages, and an id from the beginning.

The link is one that any program could sign; it is signed here with the secret of the key that asks. The visit that is
confirmed first makes the instrument, or the token, with the id that was given out.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tallystick.domain.ids import TOKEN_ENTROPY_BYTES, IdKind, make_token_or_instrument_id
from tallystick.domain.messages import signing
from tallystick.domain.money import parse_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.call import fingerprint
from tallystick.services.consent.parameters import INTERFACE_VERSION
from tallystick.services.consent.requests import NotTrustedError, PipelineRequest, check
from tallystick.store.ledger import shards
from tallystick.store.records import requested_authorizations
from tallystick.store.records.requested_authorizations import RequestedAuthorization
from tallystick.store.records.visits import seller_book, token_with_reference

if TYPE_CHECKING:
    from tallystick.services.api.callers import AccessKey
    from tallystick.services.context import Service

__all__ = [
    "MULTI_USE",
    "POSTPAID",
    "PREPAID",
    "RECURRING",
    "SINGLE_USE",
    "RequestedAuthorization",
    "ask",
    "find",
    "link",
    "pipeline_request",
    "token_of",
]

PREPAID: Final = "SetupPrepaid"
POSTPAID: Final = "SetupPostpaid"
SINGLE_USE: Final = "SingleUse"
MULTI_USE: Final = "MultiUse"
RECURRING: Final = "Recurring"

_PATH: Final = "/cobranded-ui/actions/start"
_METHOD: Final = "HmacSHA256"
_KINDS: Final = {PREPAID: IdKind.PREPAID_INSTRUMENT, POSTPAID: IdKind.CREDIT_INSTRUMENT}
_OTHER_REFERENCE: Final = {PREPAID: "callerReferenceFunding", POSTPAID: "callerReferenceSettlement"}
_MAIN_REFERENCE: Final = "callerReferenceSender"
_ONLY_REFERENCE: Final = "callerReference"
_AMOUNTS: Final = frozenset(
    {
        "creditLimit",
        "fundingAmount",
        "globalAmountLimit",
        "transactionAmount",
        "usageLimitValue1",
        "usageLimitValue2",
    }
)
_OF_ANOTHER: Final = "The CallerReference was used for something else."


async def ask(
    service: Service, key: AccessKey, pipeline: str, reference: str, terms: Mapping[str, str]
) -> tuple[RequestedAuthorization, bool]:
    """Ask for an authorization; gives it, and whether it was asked for before. `terms`: parameters of the pipeline.

    The token of real money is named by a digest of the reference, since a program names one only. Amounts are the same
    whatever zeros they end with. Raises Refused: DuplicateRequest, InvalidParams.
    """
    first = key.parts[0]
    asked = {"pipelineName": pipeline, "version": INTERFACE_VERSION, **terms}
    names = _references(pipeline, reference)
    parameters = asked | names
    digest = fingerprint(pipeline, sorted(parameters.items()))
    earlier = await requested_authorizations.by_reference(service.pool, first, reference)
    if earlier is None:
        await _check(service, key, parameters)
        book_id = first  # of payments; balances and tabs go to all in turn, as those of the pages
        if pipeline in _OTHER_REFERENCE:
            book_id = await shards.choose(service.pool, key.parts, [*names.values()], reference)
        if not await shards.claim(service.pool, key.parts, book_id, {*names.values()}):
            raise Refused(Refusal.DuplicateRequest, _OF_ANOTHER)
        entropy = secrets.token_bytes(TOKEN_ENTROPY_BYTES)
        new = RequestedAuthorization(
            caller_reference=reference,
            authorization_id=make_token_or_instrument_id(_KINDS.get(pipeline, IdKind.SENDER), book_id, entropy),
            pipeline=pipeline,
            parameters=parameters,
            fingerprint=digest,
            created_at=service.clock() + key.clock_offset,
        )
        made = await requested_authorizations.create(service.pool, first, new)
        if made is not None:
            return made, False
        earlier = await requested_authorizations.by_reference(service.pool, first, reference)
    if earlier is None or _by_value(earlier.parameters) != _by_value(parameters):
        raise Refused(Refusal.DuplicateRequest, _OF_ANOTHER)
    return earlier, True


def _references(pipeline: str, reference: str) -> dict[str, str]:
    """The parameters that name the tokens to be made, the main one's first."""
    if pipeline not in _OTHER_REFERENCE:
        return {_ONLY_REFERENCE: reference}
    other = f"{sha256(reference.encode()).hexdigest()[:40]}-money"
    return {_MAIN_REFERENCE: reference, _OTHER_REFERENCE[pipeline]: other}


def _by_value(parameters: Mapping[str, str]) -> dict[str, str | int]:
    """Parameters that were looked at as the pages do, their amounts in micro-units."""
    return {name: parse_amount(text) if name in _AMOUNTS else text for name, text in parameters.items()}


async def _check(service: Service, key: AccessKey, parameters: Mapping[str, str]) -> None:
    """Look at the link as the hosted pages will. Raises Refused: DuplicateRequest, InvalidParams."""
    try:
        checked = await check(service, pipeline_request(service, key, parameters))
    except NotTrustedError as error:
        raise Refused(Refusal.InvalidParams, f"{error.technical}: {error.plain}") from None
    if checked.faults:
        raise Refused(Refusal.InvalidParams, checked.faults.message)
    book = await seller_book(service.pool, key.party_id, key.environment)
    reference = parameters.get(_MAIN_REFERENCE) or parameters[_ONLY_REFERENCE]
    if book is not None and await token_with_reference(service.pool, book, reference) is not None:
        raise Refused(Refusal.DuplicateRequest, _OF_ANOTHER)


def link(service: Service, key: AccessKey, parameters: Mapping[str, str]) -> str:
    """The address at which a buyer agrees, signed with the secret of this key."""
    public = urlsplit(service.settings.public_url)
    path = public.path.rstrip("/") + _PATH
    whole = {
        "callerKey": key.access_key_id,
        **parameters,
        "signatureVersion": "2",
        "signatureMethod": _METHOD,
    }
    host = signing.host_lines(public.netloc, public.scheme)[0]
    text = signing.string_to_sign_v2("GET", host, path, whole, "signature")
    whole["signature"] = signing.hmac_signature(text, key.secret, _METHOD)
    return f"{public.scheme}://{public.netloc}{path}?{signing.percent_encoded_query(whole)}"


def pipeline_request(service: Service, key: AccessKey, parameters: Mapping[str, str]) -> PipelineRequest:
    """The same address as a request, as the hosted pages get it from a buyer's browser."""
    url = urlsplit(link(service, key, parameters))
    return PipelineRequest("GET", url.netloc, url.path, url.query.encode("ascii"))


async def find(service: Service, key: AccessKey, authorization_id: str) -> RequestedAuthorization | None:
    """What a program of this seller asked for under this id, whether or not somebody has agreed by now."""
    return await requested_authorizations.by_id(service.pool, key.parts[0], authorization_id)


async def token_of(service: Service, key: AccessKey, requested: RequestedAuthorization) -> str | None:
    """The spending token that was made of it; None as long as nobody has agreed."""
    book = await seller_book(service.pool, key.party_id, key.environment)
    return None if book is None else await token_with_reference(service.pool, book, requested.caller_reference)
