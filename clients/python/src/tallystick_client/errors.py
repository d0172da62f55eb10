"""What can go wrong: problems that the service answers with, and answers that did not come."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from tallystick_client.amounts import trimmed


class TallystickError(Exception):
    """Whatever this library raises by itself, wrong arguments aside."""


class ProblemError(TallystickError):
    """The service said no; nothing was done. Go by `code`, or catch the class that is named after it.

    `status`: of HTTP. `field`: what of the request is wrong. `limit`, `available`, `largest_amount`, `smallest_amount`:
    what would have passed, where the service tells it. `transaction`: what the idempotency key stands for already.
    `retry_after`: seconds. `document`: the problem as it came (RFC 9457). `idempotency_key`: of the request, which may
    be sent again with it.
    """

    http_status: ClassVar[int] = 400
    """Of problems of this class; a service that is newer than this library may answer with another."""

    def __init__(self, status: int, document: Mapping[str, Any], idempotency_key: str | None = None) -> None:
        self.status, self.document, self.idempotency_key = status, document, idempotency_key
        self.code = self._text("code") or "unknown"
        self.detail = self._text("detail") or f"The service answered with status {status}."
        self.fps_code = self._text("fps_code")
        self.request_id = self._text("request_id")
        self.field = self._text("field")
        self.transaction = self._text("transaction")
        self.limit = self._amount("limit")
        self.available = self._amount("available")
        self.largest_amount = self._amount("largest_amount")
        self.smallest_amount = self._amount("smallest_amount")
        seconds = document.get("retry_after")
        self.retry_after = seconds if isinstance(seconds, int) else None
        super().__init__(f"{self.detail} ({self.code})")

    def __reduce__(self) -> tuple[type[ProblemError], tuple[int, Mapping[str, Any], str | None]]:
        """Exceptions are pickled by their text otherwise, which is not what the constructor takes."""
        return type(self), (self.status, self.document, self.idempotency_key)

    def _text(self, name: str) -> str | None:
        value = self.document.get(name)
        return value if isinstance(value, str) else None

    def _amount(self, name: str) -> Decimal | None:
        text = self._text(name)
        try:
            return None if text is None else trimmed(Decimal(text))
        except InvalidOperation:
            return None


class NoAnswerError(TallystickError):
    """No answer came, however often it was asked: what was asked for may have been done.

    Ask again with the same `idempotency_key`: it is done once. None: the request has none, since it changes nothing or
    can be looked up.
    """

    def __init__(self, reason: str, idempotency_key: str | None = None) -> None:
        self.reason, self.idempotency_key = reason, idempotency_key
        again = "" if idempotency_key is None else f" Ask again with idempotency_key={idempotency_key!r}."
        super().__init__(f"The service gave no answer: {reason}.{again}")

    def __reduce__(self) -> tuple[type[NoAnswerError], tuple[str, str | None]]:
        """As of ProblemError."""
        return type(self), (self.reason, self.idempotency_key)


class UnexpectedAnswerError(TallystickError):
    """An answer that is not the service's, such as the error page of a proxy, or that cannot be read."""


class StillPendingError(TallystickError):
    """It was waited for, and is pending still. `found`: as it was when it was last looked at."""

    def __init__(self, found: Any) -> None:  # noqa: ANN401 - any object that can be waited for
        self.found = found
        super().__init__(f"{found.id} is still pending")


class TransactionFailedError(TallystickError):
    """It was waited for, and failed. `transaction`: as it is now; its `status_code` says more."""

    def __init__(self, transaction: Any) -> None:  # noqa: ANN401 - any transaction
        self.transaction = transaction
        super().__init__(f"{transaction.id} failed: {transaction.status_code}")


class InvalidWebhookError(TallystickError):
    """A webhook that the holder of the secret has not sent, or not lately. Do nothing; answer with status 400."""
