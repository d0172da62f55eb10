"""Buttons for a seller's page, as HTML: a link or a form to signed Co-Branded URLs, and the form of Simple Pay.

A button is signed on the seller's server: the secret never goes to the browser. Those for pipelines are for one buyer,
since caller references name what that buyer agrees to; a Simple Pay button serves many.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tallystick.client.fps import METHOD, Credentials, cobranded_url
from tallystick.domain.signing import hmac_signature, host_line, string_to_sign_v2

SIMPLE_PAY_PATH: Final = "/pba/paypipeline"


def link(service_url: str, credentials: Credentials, parameters: Mapping[str, str], label: str) -> str:
    """An anchor to the hosted pages. Raises ValueError: `service_url` is no http or https address."""
    url = cobranded_url(service_url, credentials, parameters)
    return f'<a href="{escape(url)}">{escape(label)}</a>'


def form(service_url: str, credentials: Credentials, parameters: Mapping[str, str], label: str) -> str:
    """A form that leads to the hosted pages as a link does. Raises ValueError: as `link`."""
    url = cobranded_url(service_url, credentials, parameters)
    fields = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return _form("get", url.partition("?")[0], fields, label)


def simple_pay_form(service_url: str, credentials: Credentials, parameters: Mapping[str, str], label: str) -> str:
    """The form of a Simple Pay button. Raises ValueError: as `link`."""
    parts = urlsplit(service_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"not an http or https address: {service_url!r}")
    path = parts.path + SIMPLE_PAY_PATH
    fields = {
        "accessKey": credentials.access_key_id,
        **parameters,
        "signatureVersion": "2",
        "signatureMethod": METHOD,
    }
    host = host_line(parts.hostname, parts.port, parts.scheme)
    text = string_to_sign_v2("POST", host, path, fields, "signature")
    signed = {**fields, "signature": hmac_signature(text, credentials.secret, METHOD)}
    return _form("post", f"{parts.scheme}://{parts.netloc}{path}", signed, label)


def _form(method: str, action: str, fields: Mapping[str, str], label: str) -> str:
    inputs = [f'  <input type="hidden" name="{escape(name)}" value="{escape(fields[name])}">' for name in fields]
    return "\n".join(
        [
            f'<form method="{method}" action="{escape(action)}">',
            *inputs,
            f"  <button>{escape(label)}</button>",
            "</form>",
        ]
    )
