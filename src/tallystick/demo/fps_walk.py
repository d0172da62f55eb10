"""The walk by signed calls, as a program of 2010 goes it: authorize, fund, pay, settle; every figure is compared."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tallystick.client.fps import Client, ServiceError, amount, cobranded_url
from tallystick.client.hosted_pages import Buyer, authorize
from tallystick.demo.walk_report import CENT, WalkReport
from tallystick.domain.money import MICROS_PER_UNIT

SONG: Final = 5 * CENT
SONGS: Final = 100
SIDE_BY_SIDE: Final = 20
"""Concurrent payments, as from a shop with that many customers."""

LONGEST_WAIT_SECONDS: Final = 120
_PAUSE_SECONDS: Final = 0.2


@dataclass(slots=True)
class FpsWalk:
    """One walk."""

    client: Client
    shop_url: str
    buyer: Buyer
    report: WalkReport

    async def prepaid(self) -> None:
        """A prepaid balance: funded once, spent in many small payments, never above its limit."""
        self.report.tell("Prepaid: a balance of at most 10.00, from a card")
        answer = await self._authorize(
            "SetupPrepaid",
            {
                "callerReferenceSender": _reference(),
                "callerReferenceFunding": _reference(),
                "fundingAmount": "10.00",
            },
            method="CC",
        )
        instrument, token = answer["prepaidInstrumentID"], answer["prepaidSenderTokenID"]
        fund = {"SenderTokenId": answer["fundingTokenID"], "PrepaidInstrumentId": instrument}
        before = await self._cash()

        await self._done("FundPrepaid", fund | amount("FundingAmount", 10 * MICROS_PER_UNIT))
        self.report.check(
            "FundPrepaid 10.00",
            [
                ("seller's cash", await self._cash() - before, 970 * CENT),
                ("balance", await self._balance(instrument), 1000 * CENT),
            ],
        )

        payments = await self._pay_many(token, SONGS)
        self.report.check(
            f"{SONGS} times Pay 0.05",
            [
                ("payments", len(set(payments)) * MICROS_PER_UNIT, SONGS * MICROS_PER_UNIT),
                ("seller's cash", await self._cash() - before, 970 * CENT),
                ("balance", await self._balance(instrument), 500 * CENT),
            ],
        )

        await self._done("Refund", {"TransactionId": payments[0], **amount("RefundAmount", SONG)})
        self.report.check("Refund of one of them, 0.05", [("balance", await self._balance(instrument), 505 * CENT)])

        await self._refused(
            "FundPrepaid", "FundPrepaid 5.00 on top: past the limit", "PrepaidFundingLimitExceeded",
            fund | amount("FundingAmount", 5 * MICROS_PER_UNIT),
        )  # fmt: skip
        self.report.check(
            "… and nothing changed",
            [
                ("seller's cash", await self._cash() - before, 970 * CENT),
                ("balance", await self._balance(instrument), 505 * CENT),
            ],
        )

    async def postpaid(self) -> None:
        """A tab: charged up to its limit, settled at once, the rest written off."""
        self.report.tell("Postpaid: a tab of at most 100.00, settled from a bank account")
        answer = await self._authorize(
            "SetupPostpaid",
            {
                "callerReferenceSender": _reference(),
                "callerReferenceSettlement": _reference(),
                "creditLimit": "100.00",
                "globalAmountLimit": "1000.00",
            },
            method="ACH",
        )
        instrument, token = answer["creditInstrumentID"], answer["creditSenderTokenID"]
        before = await self._cash()

        for dollars, owed in ((40, 40), (60, 100)):
            await self._done("Pay", {"SenderTokenId": token, **amount("TransactionAmount", dollars * MICROS_PER_UNIT)})
            self.report.check(f"Pay {dollars}.00", [("debt", await self._debt(instrument), owed * MICROS_PER_UNIT)])
        await self._refused(
            "Pay", "Pay 0.01 at the limit", "InsufficientBalance",
            {"SenderTokenId": token, **amount("TransactionAmount", CENT)},
        )  # fmt: skip

        settlement = {"SenderTokenId": answer["settlementTokenID"], "CreditInstrumentId": instrument}
        await self._done("SettleDebt", settlement | amount("SettlementAmount", 90 * MICROS_PER_UNIT))
        self.report.check(
            "SettleDebt 90.00",
            [
                ("seller's cash", await self._cash() - before, 8750 * CENT),
                ("debt", await self._debt(instrument), 1000 * CENT),
            ],
        )
        await self._done(
            "WriteOffDebt", {"CreditInstrumentId": instrument, **amount("AdjustmentAmount", 10 * MICROS_PER_UNIT)}
        )
        self.report.check(
            "WriteOffDebt 10.00",
            [
                ("seller's cash", await self._cash() - before, 8750 * CENT),
                ("debt", await self._debt(instrument), 0),
            ],
        )

    # Steps.

    async def _authorize(self, pipeline: str, parameters: Mapping[str, str], method: str) -> dict[str, str]:
        back = f"{self.shop_url}/walked"
        url = cobranded_url(
            self.client.service_url,
            self.client.credentials,
            {"pipelineName": pipeline, "returnURL": back, "paymentReason": "A walk through the demo", **parameters},
        )
        there = self.client.service_url  # bypasses a proxy that the environment names
        query = urlsplit(await authorize(url, self.buyer, method, connect_to=there)).query
        answer = dict(parse_qsl(query, keep_blank_values=True))
        status = {"CC": "SC", "ACH": "SB", "ABT": "SA"}[method]
        genuine = await self.client.verify_return(back, query)
        self.report.say(
            f"{pipeline}: the buyer confirmed on the hosted pages, status {answer.get('status')}, "
            f"signature {'verified' if genuine else 'NOT VERIFIED'}",
            right=genuine and answer.get("status") == status,
        )
        return answer

    async def _pay_many(self, token: str, count: int) -> list[str]:
        gate = asyncio.Semaphore(SIDE_BY_SIDE)

        async def pay() -> str:
            async with gate:
                return await self._done("Pay", {"SenderTokenId": token, **amount("TransactionAmount", SONG)})

        return list(await asyncio.gather(*(pay() for _ in range(count))))

    async def _done(self, action: str, parameters: Mapping[str, str]) -> str:
        """Call and wait until it is no longer pending; the transaction's id. Raises ServiceError."""
        answer = await self.client.call(action, {"CallerReference": _reference(), **parameters})
        transaction_id, status = answer.text("TransactionId"), answer.text("TransactionStatus")
        end = time.monotonic() + LONGEST_WAIT_SECONDS
        while status == "Pending" and time.monotonic() < end:
            await asyncio.sleep(_PAUSE_SECONDS)
            now = await self.client.call("GetTransactionStatus", {"TransactionId": transaction_id})
            status = now.text("TransactionStatus")
        if status != "Success":
            raise ServiceError(status, f"{action} should have succeeded")
        return transaction_id

    async def _refused(self, action: str, what: str, code: str, parameters: Mapping[str, str]) -> None:
        try:
            await self.client.call(action, {"CallerReference": _reference(), **parameters})
        except ServiceError as error:
            self.report.say(f"{what}: refused, {error.code}", right=error.code == code)
        else:
            self.report.say(f"{what}: was not refused", right=False)

    # Figures.

    async def _cash(self) -> int:
        return (await self.client.call("GetAccountBalance")).micros("AccountBalance", "TotalBalance")

    async def _balance(self, instrument: str) -> int:
        answer = await self.client.call("GetPrepaidBalance", {"PrepaidInstrumentId": instrument})
        return answer.micros("PrepaidBalance", "AvailableBalance")

    async def _debt(self, instrument: str) -> int:
        answer = await self.client.call("GetDebtBalance", {"CreditInstrumentId": instrument})
        return answer.micros("DebtBalance", "AvailableBalance")


def _reference() -> str:
    return f"walk-{secrets.token_hex(8)}"
