"""Statements of a bank, as ISO 20022 has them."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

ACCOUNT = "DE75512108001245126199"


def entry(  # noqa: PLR0913 - an entry has so many parts
    amount: str,
    *,
    day: str = "2026-11-28",
    end_to_end_id: str = "",
    bank_reference: str = "",
    message_id: str = "",
    text: str = "",
    status: str = "BOOK",
    fee: bool = False,
    charges: str = "",
    included: str = "true",
    currency: str = "USD",
    parts: Sequence[tuple[str, str]] = (),
) -> str:
    """One entry; `amount` below 0 left. `parts`: amounts and end-to-end ids of its transactions."""
    kind = "DBIT" if amount.startswith("-") else "CRDT"
    size = amount.lstrip("-")
    family = "<Fmly><Cd>MCOP</Cd><SubFmlyCd>CHRG</SubFmlyCd></Fmly>" if fee else ""
    record = ""
    if charges:
        record = (
            f'<Chrgs><Rcrd><Amt Ccy="{currency}">{charges}</Amt><CdtDbtInd>DBIT</CdtDbtInd>'
            f"<ChrgInclInd>{included}</ChrgInclInd></Rcrd></Chrgs>"
        )
    references = f"<AcctSvcrRef>{bank_reference}</AcctSvcrRef>" if bank_reference else ""
    details = "".join(
        f"<TxDtls><Refs><EndToEndId>{name}</EndToEndId></Refs>"
        f'<Amt Ccy="{currency}">{part}</Amt><CdtDbtInd>{kind}</CdtDbtInd></TxDtls>'
        for part, name in parts
    )
    if not parts and not message_id:
        named = f"<EndToEndId>{end_to_end_id or 'NOTPROVIDED'}</EndToEndId>"
        details = f"<TxDtls><Refs>{named}</Refs><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
    batch = f"<Btch><MsgId>{escape(message_id)}</MsgId></Btch>" if message_id else ""
    state = f"<Sts>{status}</Sts>" if len(status) == 4 else f"<Sts><Cd>{status}</Cd></Sts>"
    return (
        f'<Ntry><Amt Ccy="{currency}">{size}</Amt><CdtDbtInd>{kind}</CdtDbtInd>{state}'
        f"<BookgDt><Dt>{day}</Dt></BookgDt>{references}<BkTxCd><Domn><Cd>PMNT</Cd>{family}</Domn></BkTxCd>{record}"
        f"<NtryDtls>{batch}{details}</NtryDtls></Ntry>"
    )


def camt(
    *entries: str,
    name: str = "S-1",
    version: str = "08",
    since: str = "2026-11-01",
    until: str = "2026-11-30",
    account: str = ACCOUNT,
) -> str:
    """A file with one statement."""
    listed = "".join(entries)
    if version not in {"02", "04"}:
        listed = listed.replace("<Sts>BOOK</Sts>", "<Sts><Cd>BOOK</Cd></Sts>")
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M</MsgId><CreDtTm>{until}T06:00:00</CreDtTm></GrpHdr><Stmt><Id>{name}</Id>"
        f"<CreDtTm>{until}T06:00:00</CreDtTm><FrToDt><FrDtTm>{since}T00:00:00</FrDtTm><ToDtTm>{until}T23:59:59</ToDtTm>"
        f"</FrToDt><Acct><Id><IBAN>{account}</IBAN></Id><Ccy>USD</Ccy></Acct>{listed}</Stmt></BkToCstmrStmt></Document>"
    )
