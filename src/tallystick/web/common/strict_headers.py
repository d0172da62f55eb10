"""Headers that keep browsers strict, as texts: for pages, and for what is answered without their library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SHOWS: Final = "shows"
SHOWN: Final = "shown"
"""Of a page: it shows another one of ours in a frame, or is shown in one."""

STRICT: Final[Mapping[str, str]] = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def content_security_policy(form_targets: str = "", framing: str = "") -> str:
    """Nothing but our own style sheet, pictures and script files; nothing that stands in the page itself."""
    form_action = f"form-action 'self' {form_targets}".rstrip()
    frames = " frame-src 'self';" if framing == SHOWS else ""
    ancestors = "'self'" if framing == SHOWN else "'none'"
    return (
        f"default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; {form_action};{frames}"
        f" base-uri 'none'; frame-ancestors {ancestors}"
    )
