"""Refusals because of the form of a request, and what happens when the service itself fails."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.stories.api.causes.provoking import causes, in_process
from tests.support.shop import Answer, Shop


@causes("InvalidDateRange")
async def invalid_date_range(shop: Shop) -> Answer:
    tomorrow = (shop.clock() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return await shop.call("GetAccountActivity", {"StartDate": tomorrow})


@causes("InvalidParams")
async def invalid_params(shop: Shop) -> Answer:
    return await shop.call("GetTransaction", {"TransactionId": "1" * 35})


@causes("InvalidClientTokenId")
async def invalid_client_token_id(shop: Shop) -> Answer:
    return await shop.call("GetAccountBalance", {"AWSAccessKeyId": "AK00000000000000ZZZZ"})


@causes("SignatureDoesNotMatch")
async def signature_does_not_match(shop: Shop) -> Answer:
    return await shop.call("GetAccountBalance", {"Signature": "AAAA"})


@causes("InvalidSignature")
async def invalid_signature(shop: Shop) -> Answer:
    return await shop.call("GetAccountBalance", {"Signature": "not base64!"})


@causes("InvalidRequest")
async def invalid_request(shop: Shop) -> Answer:
    return await shop.call("GetTokenByCaller", {"callerReference": "x"})


@causes("InvalidParameterValue")
async def invalid_parameter_value(shop: Shop) -> Answer:
    return await shop.call("GetAccountBalance", {"Timestamp": "yesterday"})


@causes("RequestExpired")
async def request_expired(shop: Shop) -> Answer:
    stale = (shop.clock() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return await shop.call("GetAccountBalance", {"Timestamp": stale})


@causes("InternalError")
async def internal_error(shop: Shop) -> Answer:
    def broken() -> datetime:
        raise RuntimeError("the clock fell off the wall")

    return await in_process(shop, clock=broken).call("GetAccountBalance")
