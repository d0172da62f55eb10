"""Sign requests as a seller's program does, send them, read the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import httpx

from tallystick.domain.messages.signing import hmac_signature, host_line, percent_encoded_query, string_to_sign_v2
from tallystick.domain.money import USD, format_amount, parse_amount

API_VERSION: Final = "2010-08-28"
COBRANDED_VERSION: Final = "2009-01-09"
COBRANDED_PATH: Final = "/cobranded-ui/actions/start"
SIMPLE_PAY_PATH: Final = "/pba/paypipeline"
METHOD: Final = "HmacSHA256"
FORM_TYPE: Final = "application/x-www-form-urlencoded; charset=utf-8"


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class ServiceError(Exception):
    """The service said no, with one of the protocol's codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key and its secret."""

    access_key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A signed request, and the text that was signed. `address` is scheme, host and path; the signature comes last."""

    verb: str
    address: str
    params: Mapping[str, str]
    string_to_sign: str

    @property
    def url(self) -> str:
        """What to ask for; a POST carries its parameters in the body."""
        return self.address if self.body else f"{self.address}?{percent_encoded_query(self.params)}"

    @property
    def body(self) -> str:
        """The form of a POST; nothing for a GET."""
        return percent_encoded_query(self.params) if self.verb == "POST" else ""

    def as_text(self) -> str:
        """The whole request as it goes over the wire, lines ending as in texts."""
        parts = urlsplit(self.url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        lines = [f"{self.verb} {target} HTTP/1.1", f"Host: {parts.netloc}"]
        if self.body:
            lines += [f"Content-Type: {FORM_TYPE}", f"Content-Length: {len(self.body)}", "", self.body]
        return "\n".join(lines)


def cobranded_url(service_url: str, credentials: Credentials, parameters: Mapping[str, str]) -> str:
    """The signed link behind a Pay Now or Authorize Now button, for one buyer."""
    return cobranded_request(service_url, credentials, parameters).url


def cobranded_request(service_url: str, credentials: Credentials, parameters: Mapping[str, str]) -> SignedRequest:
    """What such a link asks for. Raises ValueError: `service_url` is no http or https address."""
    params = {
        "callerKey": credentials.access_key_id,
        "version": COBRANDED_VERSION,
        **parameters,
        "signatureVersion": "2",
        "signatureMethod": METHOD,
    }
    path = urlsplit(service_url).path + COBRANDED_PATH
    return _signed(service_url, path, params, "signature", credentials)


def simple_pay_request(service_url: str, credentials: Credentials, parameters: Mapping[str, str]) -> SignedRequest:
    """What the form of a Simple Pay button posts. Raises ValueError: `service_url` is no http or https address."""
    params = {
        "accessKey": credentials.access_key_id,
        **parameters,
        "signatureVersion": "2",
        "signatureMethod": METHOD,
    }
    path = urlsplit(service_url).path + SIMPLE_PAY_PATH
    return _signed(service_url, path, params, "signature", credentials, "POST")


def api_url(
    service_url: str, credentials: Credentials, action: str, parameters: Mapping[str, str], now: datetime
) -> str:
    """A signed API request as a URL to GET; good for the minutes that the service allows clocks to differ."""
    return api_request(service_url, credentials, action, parameters, now).url


def api_request(
    service_url: str,
    credentials: Credentials,
    action: str,
    parameters: Mapping[str, str],
    now: datetime,
    *,
    verb: str = "GET",
    method: str = METHOD,
) -> SignedRequest:
    """A signed API request. `verb`: GET or POST; `method`: a key of HMAC_METHODS."""
    params = {
        "Action": action,
        "AWSAccessKeyId": credentials.access_key_id,
        "Timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": API_VERSION,
        **parameters,
        "SignatureVersion": "2",
        "SignatureMethod": method,
    }
    return _signed(service_url, urlsplit(service_url).path or "/", params, "Signature", credentials, verb)


def _signed(
    service_url: str, path: str, params: Mapping[str, str], signature: str, credentials: Credentials, verb: str = "GET"
) -> SignedRequest:
    """Raises ValueError: `service_url` is not an absolute http or https address."""
    parts = urlsplit(service_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"not an http or https address: {service_url!r}")
    method = params["SignatureMethod" if signature == "Signature" else "signatureMethod"]
    text = string_to_sign_v2(verb, host_line(parts.hostname, parts.port, parts.scheme), path, params, signature)
    signed = {**params, signature: hmac_signature(text, credentials.secret, method)}
    return SignedRequest(verb, f"{parts.scheme}://{parts.netloc}{path}", signed, text)


@dataclass(frozen=True, slots=True)
class FpsAnswer:
    """The result element of a successful answer."""

    result: ET.Element | None

    def text(self, *path: str) -> str:
        """The text of an element, found by the names that lead to it. Raises LookupError when it is not there."""
        found = None if self.result is None else self.result.findtext("/".join(f"{{*}}{name}" for name in path))
        if found is None:
            raise LookupError(f"the answer has no {'/'.join(path)}")
        return found

    def micros(self, *path: str) -> int:
        """An Amount in micro-units, found by the names that lead to it."""
        text = self.text(*path, "Value")
        return -parse_amount(text[1:]) if text.startswith("-") else parse_amount(text)


@dataclass(frozen=True, slots=True)
class Client:
    """Makes API calls for one seller. `http` is closed by who opened it; `clock` dates the requests."""

    service_url: str
    credentials: Credentials
    http: httpx.AsyncClient
    clock: Callable[[], datetime] = utc_now

    async def call(self, action: str, parameters: Mapping[str, str] | None = None) -> FpsAnswer:
        """One call. Raises ServiceError, and httpx.HTTPError when the service cannot be reached."""
        url = api_url(self.service_url, self.credentials, action, parameters or {}, self.clock())
        answer = await self.http.get(url)
        return _read(action, answer)

    async def verify_return(self, endpoint: str, query: str) -> bool:
        """Whether the service itself signed the answer that a buyer's browser brought to `endpoint`."""
        answer = await self.call("VerifySignature", {"UrlEndPoint": endpoint, "HttpParameters": query})
        return answer.text("VerificationStatus") == "Success"


def amount(name: str, micros: int) -> dict[str, str]:
    """The two members of an Amount parameter."""
    return {f"{name}.Value": format_amount(micros), f"{name}.CurrencyCode": USD}


def _read(action: str, answer: httpx.Response) -> FpsAnswer:
    try:
        root = ET.fromstring(answer.content)  # noqa: S314 - from the service that we trust with money
    except ET.ParseError:
        raise ServiceError("Unreadable", f"HTTP {answer.status_code} without XML") from None
    if (code := root.findtext(".//{*}Error/{*}Code")) is not None:
        raise ServiceError(code, root.findtext(".//{*}Error/{*}Message") or "")
    return FpsAnswer(root.find(f"{{*}}{action}Result"))
