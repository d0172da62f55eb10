"""Buttons for a seller's page, as HTML: a link or a form to signed Co-Branded URLs, and the form of Simple Pay.

A button is signed on the seller's server: the secret never goes to the browser. Those for pipelines are for one buyer,
since caller references name what that buyer agrees to; a Simple Pay button serves many.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from tallystick.client.fps import Credentials, SignedRequest, cobranded_request, cobranded_url, simple_pay_request


def link(service_url: str, credentials: Credentials, parameters: Mapping[str, str], label: str) -> str:
    """An anchor to the hosted pages. Raises ValueError: `service_url` is no http or https address."""
    url = cobranded_url(service_url, credentials, parameters)
    return f'<a href="{escape(url)}">{escape(label)}</a>'


def form(service_url: str, credentials: Credentials, parameters: Mapping[str, str], label: str) -> str:
    """A form that leads to the hosted pages as a link does. Raises ValueError: as `link`."""
    return _form(cobranded_request(service_url, credentials, parameters), label)


def simple_pay_form(service_url: str, credentials: Credentials, parameters: Mapping[str, str], label: str) -> str:
    """The form of a Simple Pay button. Raises ValueError: as `link`."""
    return _form(simple_pay_request(service_url, credentials, parameters), label)


def _form(request: SignedRequest, label: str) -> str:
    inputs = [
        f'  <input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in request.params.items()
    ]
    return "\n".join(
        [
            f'<form method="{request.verb.lower()}" action="{escape(request.address)}">',
            *inputs,
            f"  <button>{escape(label)}</button>",
            "</form>",
        ]
    )
