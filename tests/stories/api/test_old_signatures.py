"""The signatures of the first versions, which a setting has to allow."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from xml.etree import ElementTree as ET

from tests.stories.api.causes.provoking import in_process
from tests.support.shop import Shop, canonical


def signed_v1(params: dict[str, str], secret: str) -> str:
    names = sorted(params, key=lambda name: (name.lower(), name))
    text = "".join(name + params[name] for name in names)
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha1)).decode()


def signed_v0(params: dict[str, str], secret: str) -> str:
    text = params["Action"] + params["Timestamp"]
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha1)).decode()


async def code_of(shop: Shop, params: dict[str, str], signature: str) -> str | None:
    response = await shop.client.get(f"{shop.url}/?{canonical(params | {'Signature': signature})}")
    return ET.fromstring(response.text).findtext("Errors/Error/Code")  # noqa: S314 - an answer of our own service


async def test_old_signatures_are_accepted_where_a_setting_says_so(shop: Shop) -> None:
    params = {
        "Action": "GetAccountBalance",
        "AWSAccessKeyId": shop.key.access_key_id,
        "Timestamp": shop.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": "2008-09-17",
    }
    one, none = params | {"SignatureVersion": "1"}, params | {"SignatureVersion": "0"}
    sign_one, sign_none = signed_v1(one, shop.key.secret), signed_v0(params, shop.key.secret)

    def allowing(**settings: bool) -> Shop:
        service = replace(shop.service, settings=replace(shop.service.settings, **settings))  # type: ignore[arg-type]
        return in_process(replace(shop, service=service))

    assert await code_of(shop, one, sign_one) == "InvalidParameterValue"
    assert await code_of(shop, none, sign_none) == "InvalidParameterValue"
    first = allowing(allow_signature_v1=True)
    assert await code_of(first, one, sign_one) is None
    assert await code_of(first, one | {"Version": "2010-08-28"}, sign_one) == "SignatureDoesNotMatch"
    assert await code_of(first, none, sign_none) == "InvalidParameterValue"
    oldest = allowing(allow_signature_v0=True)
    assert await code_of(oldest, none, sign_none) is None
    assert await code_of(oldest, params, sign_none) is None, "the oldest clients name no version of the signature"
    assert await code_of(oldest, params | {"Action": "GetTokens"}, sign_none) == "SignatureDoesNotMatch"
    assert await code_of(oldest, one, sign_one) == "InvalidParameterValue"
