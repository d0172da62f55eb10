"""The reference of the hosted pages, written from the table of pipelines: docs/pipelines.md, and a page for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tallystick.domain.messages.signing import hmac_signature, string_to_sign_v2
from tallystick.services.consent.parameters import (
    COMMON,
    INTERFACE_VERSION,
    PIPELINES,
    SENDER,
    SIMPLE_PAY,
    STATUSES,
    Parameter,
    Pipeline,
)
from tallystick.services.consent.values import ValueKind

_NOTE: Final = (
    "<!-- Written by tallystick.web.api.pipeline_reference from the table of pipelines; a test keeps it current. -->"
)
_HEAD: Final = f"""\
# The hosted pages

{_NOTE}

A seller sends its buyer's browser to `/cobranded-ui/actions/start` with a signed query; the buyer signs in, chooses how
to pay and agrees; the browser comes back to `returnURL` with a signed answer. No money moves on the way, except with a
[Simple Pay button](pipelines/SimplePay.md). Everything is in the query of a GET; a form that is POSTed works too.

`tallystick sandbox sign cobranded NAME=VALUE…` makes a signed URL, `tallystick sandbox button` the HTML around it, and
`tallystick sandbox authorize URL` walks the pages in place of a buyer.

## The request

Names are case-sensitive; an empty value counts as not given; unknown parameters are ignored, but signed. The
signature has version 2: `signatureVersion=2`, `signatureMethod=HmacSHA256` (or `HmacSHA1`) and `signature`, with the
secret of `callerKey`; version 1 is for [a setting](settings.md). While caller, signature, `returnURL`, `pipelineName`
or `version` cannot be trusted, a page says what is wrong, and the browser is sent nowhere. After that, faults go back
with status `CE`: `errorMessage=The following input(s) are not well formed:[transactionAmount]`. A date that is past is
in a list of its own: `The following input(s) are in the past:[validityExpiry]`.

* **amount**: decimal text without a currency sign, from 0.01. Amounts of one payment are in whole cents.
* **percentage**: from 0 to 100 with up to four decimals.
* **period**: a number, a blank and `Hour`, `Day`, `Week`, `Month` or `Year`, also in the plural.
* **reference**: up to 128 bytes. References name tokens for ever: one that was used is refused, unless the very same
  request comes again from the same buyer, which gives the very same answer.
* **token id**: 64 letters and digits, as they came back on a return URL.

## The answer

`status`, what the pipeline returns, `errorMessage` where something went wrong, and the parameters that `returnURL` had
before. It is signed with our key: `signatureVersion=2`, `signatureMethod=RSA-SHA1` (as FPS has it; [RSA-SHA256 for
sellers who ask for it](notifications.md#is-it-genuine)), `certificateUrl`, `signature`. The
action [VerifySignature](api/VerifySignature.md) checks it.

The signature says that this service sent the buyer, **not for whom or for what**. Another seller can sign a link with
your `returnURL` and your order number, and a buyer can open the address of an earlier answer again. So before you hand
anything over:

* sign VerifySignature with your key: it says Failure of what you take no part in ([a setting](settings.md) keeps the
  old way; without a signature it cannot tell);
* compare **recipient** (of a Simple Pay button: `recipientEmail` is yours), **amount**, **reference** (`referenceId` or
  `callerReference` is that of the order, and you asked for it) and **status** with what you asked for;
* take each id **once**: an order whose `transactionId` or token another order has is not paid.

Then **claim the hosts** to which your buyers return, in the console under *Settings*, *Return hosts*. Links and buttons
of other sellers that lead there are refused then: on a page or, where an `abandonUrl` or `ipnUrl` is theirs, by
`errorMessage=The following input(s) lead to a host that another seller has claimed:[abandonUrl]`. A host proves to be
yours by a line at `https://HOST/.well-known/tallystick-return-host`, or the operator says so. You can open it to other
sellers by the numbers of their accounts. Each host is claimed by itself, with all its ports, for the sandbox and live
alike.

A link that was finished is answered again, with the same ids, to the buyer who finished it and in the browser in which
it was finished. Everybody else is asked to sign in, and learns nothing. When an answer got lost, `GetTokenByCaller` has
the token by its reference.

"""

_HOST: Final = "pay.example"
_SECRET: Final = "made-up-secret"  # noqa: S105 - of the examples
_RETURN: Final = "https://shop.example/back"
_SAMPLES: Final = {
    "callerKey": "AKEXAMPLE00000000000",
    "version": INTERFACE_VERSION,
    "returnURL": _RETURN,
    "callerReference": "order-7",
    "callerReferenceSender": "sender-7",
    "callerReferenceFunding": "funding-7",
    "callerReferenceSettlement": "settlement-7",
    "paymentMethod": "CC,ABT",
    "paymentReason": "Songs",
    "transactionAmount": "9.95",
    "globalAmountLimit": "500.00",
    "fundingAmount": "25.00",
    "creditLimit": "100.00",
    "recurringPeriod": "1 Month",
    "recipientPaysFee": "True",
    "maxFixedFee": "0.50",
    "maxVariableFee": "5",
}
"""What the examples send, of the parameters that a pipeline has."""

_SAMPLES_OF: Final = {
    "SetupPostpaid": {"usageLimitType1": "Amount", "usageLimitValue1": "50.00", "usageLimitPeriod1": "1 Month"},
    "MultiUse": {"amountType": "Maximum"},
    "Recipient": {"paymentMethod": ""},
    "EditToken": {"tokenId": "U" + 63 * "0", "paymentReason": ""},
    "SimplePay": {
        "accessKey": "AKEXAMPLE00000000000",
        "amount": "USD 9.95",
        "description": "Songs",
        "referenceId": "order-7",
        "returnUrl": _RETURN,
    },
}

_BUTTON_NOTES: Final = """\
## What it does and does not

The form is POSTed to `/pba/paypipeline` and must be signed, with version 2 and the verb `POST`. `accessKey` takes the
place of `callerKey`. One button serves many buyers: each time it is pressed is a purchase of its own. Faults of the
form that cannot be trusted show a page; others go to `returnUrl` with status `ME`. Who leaves goes to `abandonUrl`.
`PI` becomes `Success` or `Failure` later: ask GetTransactionStatus, or give an `ipnUrl`. Its
[notifications](../notifications.md) are those of Pay, with `referenceId` and the `status` of Simple Pay besides.

The names of the form are those that public client programs send, since no description of it was found. Not offered,
for the same reason: reserving (`processImmediate=0`), subscriptions, donations, marketplace buttons, buttons that are
not signed, a page of ours after paying (`immediateReturn=0`).
"""

_NOTES: Final = """\
## Afterwards

People see and cancel what they agreed to at `/account`: [their own pages](account.md).

## Inferred

What the documents leave open, and how it is here:

* A single-use token is for Pay, or with `reserve=True` for Reserve, never for both.
* `recipientToken` and the tokens of `recipientTokenList` must have come from this caller's Recipient pipeline and be
  in force; else `CE`. A token with recipients pays nobody else.
* A Recipient visit makes a refund token in any case; without `callerReferenceRefund` it is named by its own id. It is
  good for refunds only. Refund itself needs no token.
* A personal account that is asked to receive is `NP`, whatever the methods of payment.
* EditToken takes over everything of the old token but the way of paying: terms, recipients, end, and what was used of
  the limits. Confirming the present way is `SU` and leaves `callerReference` free. `CE` needs no visit, nor do `IT` and
  `NM`: the browser comes back before anybody signs in.
* An address that is given with a part of more than 200 characters, or with a place and no `addressLine1`, cannot be
  used: the buyer is not shown it, the agreement is good nevertheless, and `warningCode` says so.
* The logo is a file that the operator keeps for a seller (`tallystick account set-logo`): a page that loads a picture
  from `cobrandingUrl` would tell its host who pays whom.
"""


def reference() -> str:
    """The overview, Markdown."""
    pipelines = "".join(
        f"| [{pipeline.name}](pipelines/{pipeline.name}.md) | {pipeline.summary} |\n"
        for pipeline in (*PIPELINES.values(), SIMPLE_PAY)
    )
    statuses = "".join(f"| `{code}` | {meaning} |\n" for code, meaning in STATUSES.items())
    return (
        f"{_HEAD}| status | meaning |\n|---|---|\n{statuses}\n"
        f"## Pipelines\n\n| pipeline | |\n|---|---|\n{pipelines}\n"
        f"## Parameters of every pipeline\n\n`version` is `{INTERFACE_VERSION}`.\n\n{_table(COMMON)}\n"
        f"## Parameters of every pipeline of buyers\n\n{_table(SENDER)}\n"
        f"{_NOTES}"
    )


def pages() -> Mapping[str, str]:
    """The page of each pipeline by its name, Markdown."""
    return {
        **{pipeline.name: _page(pipeline) for pipeline in PIPELINES.values()},
        SIMPLE_PAY.name: f"{_page(SIMPLE_PAY)}{_BUTTON_NOTES}",
    }


def _page(pipeline: Pipeline) -> str:
    for_buyers = set(SENDER) <= set(pipeline.parameters)
    shared = {*COMMON, *(SENDER if for_buyers else ())} if pipeline is not SIMPLE_PAY else set()
    own = [parameter for parameter in pipeline.parameters if parameter not in shared]
    returned = [f"`{name}`" if " " not in name else name for name, _ in pipeline.returns]
    returns = ", ".join(
        f"{shown} ({when})" if when else shown for shown, (_, when) in zip(returned, pipeline.returns, strict=True)
    )
    if pipeline.echoes_reference:
        returns += "; in any case `callerReference`"
    statuses = ", ".join(f"`{status}`" for status in pipeline.statuses)
    links = []
    if pipeline is not SIMPLE_PAY:
        links.append("[those of every pipeline](../pipelines.md#parameters-of-every-pipeline)")
    if for_buyers:
        links.append("[those of buyers](../pipelines.md#parameters-of-every-pipeline-of-buyers)")
    shared_too = f"\nBeside these: {' and '.join(links)}.\n" if links else ""
    return (
        f"# {pipeline.name}\n\n{_NOTE}\n\n{pipeline.summary}\n\n## Parameters\n\n{_table(own)}{shared_too}\n"
        f"## Answer\n\nReturns {returns}.\n\n[Statuses](../pipelines.md#the-answer): {statuses}.\n\n"
        f"{_example(pipeline)}"
    )


def samples(pipeline: Pipeline) -> dict[str, str]:
    """What an example of a pipeline sends, in the order of its table."""
    given = {parameter.name: _SAMPLES.get(parameter.name, "") for parameter in pipeline.parameters}
    given |= _SAMPLES_OF.get(pipeline.name, {})
    if "pipelineName" in given:
        given["pipelineName"] = pipeline.name
    return {name: value for name, value in given.items() if value}


def _example(pipeline: Pipeline) -> str:
    """A request that really is signed, with made-up keys, and what comes back."""
    sent = samples(pipeline)
    verb, path = ("POST", "/pba/paypipeline") if pipeline is SIMPLE_PAY else ("GET", "/cobranded-ui/actions/start")
    sent |= {"signatureVersion": "2", "signatureMethod": "HmacSHA256"}
    signature = hmac_signature(string_to_sign_v2(verb, _HOST, path, sent, "signature"), _SECRET, "HmacSHA256")
    query = [f"{name}={quote(value, safe='')}" for name, value in (sent | {"signature": signature}).items()]
    start = [f"{verb} {path}?{query[0]}"] if verb == "GET" else [f"{verb} {path}", "", query[0]]
    back = [f"{_RETURN}?status={pipeline.statuses[0]}"]
    back += [f"  &{name}=…" for name, when in pipeline.returns if " " not in name and not _only_sometimes(when)]
    if pipeline.echoes_reference:
        back.append(f"  &callerReference={_SAMPLES['callerReference']}")
    back.append("  &signatureVersion=2&signatureMethod=RSA-SHA1&certificateUrl=…&signature=…")
    return (
        f"For example, to the host `{_HOST}`, signed with the secret `{_SECRET}` (line breaks are for reading):\n\n"
        f"{_indented([*start, *(f'  &{pair}' for pair in query[1:])])}\n"
        f"and back, cut short:\n\n{_indented(back)}\n"
    )


def _only_sometimes(when: str) -> bool:
    return "chosen" in when or "given" in when or "=" in when


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in lines)


def _table(parameters: Iterable[Parameter]) -> str:
    rows = "".join(
        f"| `{parameter.name}` | {parameter.kind.value} | {'required' if parameter.required else ''} | "
        f"{meaning(parameter)} |\n"
        for parameter in parameters
    )
    return f"| parameter | kind | | meaning |\n|---|---|---|---|\n{rows}"


def meaning(parameter: Parameter) -> str:
    """What a parameter is for, and what its values may be; Markdown."""
    notes = [parameter.meaning]
    if parameter.allowed:
        notes.append(f"{' or '.join(f'`{value}`' for value in parameter.allowed)}.")
    if parameter.needs:
        notes.append(f"With {' and '.join(f'`{name}`' for name in parameter.needs)}.")
    if parameter.other_spellings:
        notes.append(f"Also written {' or '.join(f'`{name}`' for name in parameter.other_spellings)}.")
    if parameter.kind in {ValueKind.STRING, ValueKind.HTML} and not parameter.allowed:
        notes.append(f"At most {parameter.max_length} characters.")
    return " ".join(notes)


def write(docs: Path) -> None:
    """Write everything into the directory of the documents."""
    (docs / "pipelines").mkdir(exist_ok=True)
    (docs / "pipelines.md").write_text(reference(), "utf-8")
    for name, page in pages().items():
        (docs / "pipelines" / f"{name}.md").write_text(page, "utf-8")


if __name__ == "__main__":
    write(Path("docs"))
