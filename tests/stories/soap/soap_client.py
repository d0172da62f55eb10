"""The seller's side of SOAP: zeep, a stock client, and envelopes written by hand for what no client would send."""

from __future__ import annotations

# ruff: noqa: ANN401 - zeep makes its types from the WSDL, at run time
import asyncio
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import requests
import xmlsec
import zeep
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from tests.support.books import Buyer
from tests.support.certificates import KeyPair, key_pair, private_key
from tests.support.clock import TestClock
from tests.support.schemas import published
from tests.support.shop import NAMESPACE, Shop
from xmlsec import constants
from zeep.transports import Transport
from zeep.wsse.signature import BinarySignature, Signature
from zeep.wsse.utils import WSU, get_security_header

from tallystick.services.api.fields import V2010
from tallystick.store.keys import certificates
from tallystick.web.api.soap.api import SoapApi

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NAMES = {
    "s": SOAP,
    "fps": NAMESPACE,
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "wsa": "http://www.w3.org/2005/08/addressing",
}
X509 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
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
        self.directory.mkdir(exist_ok=True)
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
        return etree.fromstring(etree.tostring(envelope))  # lxml does not find all that xmlsec wrote into its tree

    async def send(self, envelope: etree._Element | bytes | str, **headers: str) -> SoapAnswer:
        content = envelope if isinstance(envelope, bytes | str) else etree.tostring(envelope)
        response = await self.shop.client.post(
            f"{self.shop.url}/", content=content, headers={"content-type": "text/xml; charset=utf-8"} | headers
        )
        return SoapAnswer(response)


def sign_by_hand(
    envelope: etree._Element,
    pair: KeyPair,
    paths: tuple[str, ...] = ("s:Body",),
    prefixes: list[str] | None = None,
    transform: Any = constants.TransformExclC14N,
    digest: Any = constants.TransformSha256,
) -> etree._Element:
    """Sign the elements at `paths`, in ways that zeep has no option for."""
    security = envelope.find("s:Header/wsse:Security", NAMES)
    assert security is not None
    token = etree.SubElement(security, f"{{{NAMES['wsse']}}}BinarySecurityToken", {WSU_ID: "token", "ValueType": X509})
    token.text = b64encode(pair.certificate.public_bytes(Encoding.DER)).decode()
    signature = xmlsec.template.create(envelope, constants.TransformExclC14N, constants.TransformRsaSha256)
    security.append(signature)
    context = xmlsec.SignatureContext()
    for number, path in enumerate(paths):
        element = envelope.find(path, NAMES)
        assert element is not None
        element.set(WSU_ID, f"part-{number}")
        context.register_id(element, "Id", NAMES["wsu"])
        reference = xmlsec.template.add_reference(signature, digest, uri=f"#part-{number}")
        step = xmlsec.template.add_transform(reference, transform)
        if prefixes is not None:
            xmlsec.template.transform_add_c14n_inclusive_namespaces(step, prefixes)
    key_info = xmlsec.template.ensure_key_info(signature)
    pointer = etree.SubElement(key_info, f"{{{NAMES['wsse']}}}SecurityTokenReference")
    etree.SubElement(pointer, f"{{{NAMES['wsse']}}}Reference", {"URI": "#token"})
    context.key = xmlsec.Key.from_memory(pair.private_pem, constants.KeyDataFormatPem)
    context.sign(signature)
    return etree.fromstring(etree.tostring(envelope))


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
        """The code of a fault without whose it is, None for a success."""
        code = self.root.findtext("s:Body/s:Fault/faultcode", None, NAMES)
        return None if code is None else code.removeprefix("soapenv:").removeprefix("Client.").removeprefix("Server.")

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


def pay(buyer: Buyer, value: str = "1.00", reference: str = "song-1") -> str:
    return (
        f"<fps:Pay><fps:SenderTokenId>{buyer.spending}</fps:SenderTokenId><fps:TransactionAmount>"
        f"<fps:CurrencyCode>USD</fps:CurrencyCode><fps:Value>{value}</fps:Value></fps:TransactionAmount>"
        f"<fps:CallerReference>{reference}</fps:CallerReference></fps:Pay>"
    )


def at(envelope: etree._Element, path: str) -> etree._Element:
    found = envelope.find(path, NAMES)
    assert found is not None, path
    return found


def timestamp(program: Program, **parts: str) -> str:
    now = program.shop.clock()
    content = parts or {"Created": text_of(now), "Expires": text_of(now + timedelta(minutes=5))}
    inner = "".join(f"<u:{name}>{value}</u:{name}>" for name, value in content.items())
    spaces = f'xmlns:w="{NAMES["wsse"]}" xmlns:u="{NAMES["wsu"]}"'
    return f"<w:Security {spaces}><u:Timestamp>{inner}</u:Timestamp></w:Security>"


async def send_tolerantly(program: Program, envelope: etree._Element) -> SoapAnswer:
    """To a service with all the leniency that there is."""
    service = program.shop.service
    lenient = replace(service.settings, allow_weak_soap_signatures=True, tolerate_unknown_parameters=True)
    other = SoapApi(replace(service, settings=lenient))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(other)) as client:
        return SoapAnswer(await client.post("http://pay.example/", content=etree.tostring(envelope)))
