"""The seller's side of SOAP: zeep, a stock client, and envelopes written by hand for what no client would send."""

from __future__ import annotations

# ruff: noqa: ANN401 - zeep makes its types from the WSDL, at run time
import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import requests
import zeep
from lxml import etree
from tests.certificates import KeyPair, key_pair, private_key
from tests.ledger.shop import TestClock
from tests.schemas import published
from tests.stories.storefront import NAMESPACE, Shop
from xmlsec import constants
from zeep.transports import Transport
from zeep.wsse.signature import BinarySignature, Signature
from zeep.wsse.utils import WSU, get_security_header

from tallystick.actions.fields import V2010
from tallystick.ledger import certificates

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NAMES = {
    "s": SOAP,
    "fps": NAMESPACE,
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "wsa": "http://www.w3.org/2005/08/addressing",
}
WSU_ID = f"{{{NAMES['wsu']}}}Id"
SHA256 = {"signature_method": constants.TransformRsaSha256, "digest_method": constants.TransformSha256}


def text_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Stamped:
    """A Timestamp before the signature, and no look for a signature in the answer: answers are not signed."""

    clock: TestClock
    lasts = timedelta(minutes=5)

    def apply(self, envelope: Any, headers: Any) -> Any:
        now = self.clock()
        stamp = WSU.Timestamp(WSU.Created(text_of(now)), WSU.Expires(text_of(now + self.lasts)))
        get_security_header(envelope).append(stamp)
        return super().apply(envelope, headers)  # type: ignore[misc]

    def verify(self, envelope: Any) -> Any:
        return envelope


class StampedBinary(Stamped, BinarySignature):  # type: ignore[misc]
    """The certificate in a BinarySecurityToken."""


class StampedX509Data(Stamped, Signature):  # type: ignore[misc]
    """The certificate within the signature."""


@dataclass
class Program:
    """A program of the shop that speaks SOAP, with a key and certificate in files of its own."""

    shop: Shop
    pair: KeyPair
    directory: Path
    transform: dict[str, Any] = field(default_factory=lambda: dict(SHA256))

    def __post_init__(self) -> None:
        (self.directory / "key.pem").write_bytes(self.pair.private_pem)
        (self.directory / "cert.pem").write_bytes(self.pair.certificate_pem)

    def signer(self, kind: type[Any] = StampedBinary) -> Any:
        signer = kind(str(self.directory / "key.pem"), str(self.directory / "cert.pem"), **self.transform)
        signer.clock = self.shop.clock
        return signer

    async def client(self, version: str = V2010, **options: Any) -> Any:
        """zeep, on the WSDL that the service serves."""
        session = requests.Session()
        session.trust_env = False
        wsdl = f"{self.shop.url}/doc/{version}/AmazonFPS.wsdl"
        options = {"wsse": self.signer(), "transport": Transport(session=session), **options}
        return await asyncio.to_thread(zeep.Client, wsdl, **options)

    def envelope(self, request: str, header: str = "") -> etree._Element:
        """An envelope around the request's element; `fps` is the prefix of its namespace."""
        return etree.fromstring(
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:fps="{NAMESPACE}"><s:Header>{header}</s:Header>'
            f"<s:Body>{request}</s:Body></s:Envelope>"
        )

    def signed(self, request: str, header: str = "", kind: type[Any] = StampedBinary) -> etree._Element:
        envelope, _ = self.signer(kind).apply(self.envelope(request, header), {})
        assert isinstance(envelope, etree._Element)  # noqa: SLF001 - lxml has no other name for it
        return envelope

    async def send(self, envelope: etree._Element | bytes | str, **headers: str) -> SoapAnswer:
        content = etree.tostring(envelope) if isinstance(envelope, etree._Element) else envelope  # noqa: SLF001
        response = await self.shop.client.post(
            f"{self.shop.url}/", content=content, headers={"content-type": "text/xml; charset=utf-8"} | headers
        )
        return SoapAnswer(response)


@dataclass(frozen=True)
class SoapAnswer:
    """An envelope that came back. Its content is held against the schema."""

    response: httpx.Response

    def __post_init__(self) -> None:
        content = self.root.find("s:Body/*", NAMES)
        assert content is not None
        if content.tag == f"{{{SOAP}}}Fault":
            content = content.find("detail/*")
            assert self.response.status_code in {413, 500}
        else:
            assert self.response.status_code == 200
        if content is not None and etree.QName(content).namespace == NAMESPACE:
            published(V2010).assertValid(content)

    @property
    def root(self) -> etree._Element:
        return etree.fromstring(self.response.content)

    @property
    def fault(self) -> str | None:
        """The code behind `soapenv:Client.` or `soapenv:Server.`, None for a success."""
        code = self.root.findtext("s:Body/s:Fault/faultcode", None, NAMES)
        return None if code is None else code.removeprefix("soapenv:").partition(".")[2] or code

    @property
    def reason(self) -> str:
        return self.root.findtext("s:Body/s:Fault/faultstring", "", NAMES)

    def value(self, path: str) -> str:
        return self.root.findtext(".//" + "/".join(f"fps:{step}" for step in path.split("/")), "", NAMES)


async def program_of(shop: Shop, directory: Path, key_number: int = 0) -> Program:
    """A program whose certificate is registered."""
    pair = key_pair(shop.clock() - timedelta(days=1), key=private_key(key_number))
    await certificates.register(shop.service.pool, shop.key.party_id, "sandbox", pair.certificate, shop.clock())
    return Program(shop, pair, directory)
