"""The reference of the error codes, written from the catalogue of refusals: docs/errors.md."""

from __future__ import annotations

from typing import Final

from tallystick.domain.refusals import Refusal

_HEAD: Final = """\
# Errors

<!-- Written by tallystick.web.api.error_reference from the catalogue of refusals; a test keeps it current. -->

One error per answer, in the form that the original sent: `Response/Errors/Error` with `Code` and `Message`, and a
`RequestID`. Programs branch on the code; messages are for people and may change. Calls of 2007-01-08 hear of
refusals that concern business with HTTP 200, within the answer of their action. In which order a request is checked:
[order of checks](order-of-checks.md).

"Retry" says whether asking again can succeed, at once or after somebody has mended something. *The same request* may be
sent as it is. *Again with a new CallerReference*: the books refused it, and that spent the reference. The same request
hears the same refusal for seven days, with a note of when it was first answered, whatever has changed meanwhile.
Actions without a CallerReference are just called again.

| code | HTTP | retry | meaning |
|---|---|---|---|
"""


def error_reference() -> str:
    """The whole document, Markdown."""
    rows = "".join(
        f"| {each.name} | {each.http_status} | {each.retry.value} | {each.meaning} |\n"
        for each in sorted(Refusal, key=lambda each: each.name)
    )
    return f"{_HEAD}{rows}"
