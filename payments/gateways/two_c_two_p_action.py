"""2C2P's payment actions: refunds, and what became of them. XML, sealed for 2C2P and signed by us, and back again.

JWS PS256 under our key, around JWE RSA-OAEP and A256GCM for theirs; by jwcrypto, since PyJWT seals nothing. What a
refund costs us and what is paid out stands in settlement files alone. Source: payments.md 4.2.5;
developer.2c2p.com, payment maintenance: refund, refund status inquiry. Its list of refunds was not tried against 2C2P.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from jwcrypto import jwe, jwk, jws
from jwcrypto.common import JWException

from payments.gateways import amounts, calls, rsa_keys, said
from payments.gateways.answered import Dated
from payments.gateways.base import GatewayAway, GatewayRefused, Returned, ReturnedState

VERSION = "4.3"
_PATH = "/2C2PFrontend/PaymentAction/2.0/action"
_LIVE, _SANDBOX = "https://pgw.2c2p.com", "https://sandbox-pgw.2c2p.com"
_PLACES = {
    _LIVE: "https://t.2c2p.com/PaymentAction/2.0/action",
    _SANDBOX: f"https://demo2.2c2p.com{_PATH}",
}
_BANGKOK = timezone(timedelta(hours=7))
_DONE, _NO_REFUNDS = "00", "16"
_STATES = {"RF": ReturnedState.DONE, "RP": ReturnedState.UNDER_WAY}
_REJECTED = re.compile(r"RR\d?")
_OURS = re.compile(r"wdl([0-9a-f]{32})")
_CURRENCY = "THB"


class NotSealed(Exception):
    """Not signed by 2C2P, or not sealed for us."""


class Envelope:
    """Both keys as base64 of DER: ours is private, theirs is their certificate's public key."""

    def __init__(self, *, private_key: str, public_key: str) -> None:
        self._ours = jwk.JWK.from_pyca(rsa_keys.private(private_key, name="TWOC2P_PRIVATE_KEY"))
        self._theirs = jwk.JWK.from_pyca(rsa_keys.public(public_key, name="TWOC2P_PUBLIC_KEY"))

    def seal(self, text: str) -> str:
        sealed = jwe.JWE(text.encode(), json.dumps({"alg": "RSA-OAEP", "enc": "A256GCM"}))
        sealed.add_recipient(self._theirs)
        signed = jws.JWS(sealed.serialize(compact=True))
        signed.add_signature(self._ours, protected=json.dumps({"alg": "PS256", "typ": "JWT"}))
        return str(signed.serialize(compact=True))

    def open(self, text: str) -> str:
        """Raises NotSealed."""
        try:
            signed = jws.JWS()
            signed.allowed_algs = ["PS256"]
            signed.deserialize(text, key=self._theirs)
            sealed = jwe.JWE()
            sealed.allowed_algs = ["RSA-OAEP", "A256GCM"]
            sealed.deserialize(signed.payload.decode(), key=self._ours)
            return str(sealed.payload.decode())
        except (JWException, ValueError) as error:
            raise NotSealed(type(error).__name__) from error


def ask(envelope: Envelope, *, base: str, asked: Mapping[str, str]) -> Element:
    """The opened answer. Raises GatewayAway, GatewayRefused."""
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in asked.items())
    sealed = envelope.seal(f"<PaymentProcessRequest><version>{VERSION}</version>{fields}</PaymentProcessRequest>")
    answer = calls.post_text(_PLACES.get(base, base + _PATH), sealed)
    try:
        found = read(envelope.open(answer))
    except (NotSealed, ValueError) as error:
        raise GatewayAway(f"an answer that 2C2P did not seal: {type(error).__name__}") from error
    if text(found, "merchantID", asked["merchantID"]) != asked["merchantID"]:
        raise GatewayRefused("an answer about another merchant")
    return found


def read(document: str) -> Element:
    """Raises ValueError for what is no plain XML; a document type is none of ours."""
    if "<!" in document:
        raise ValueError("a document type")
    try:
        return ET.fromstring(document)  # noqa: S314  (sealed by 2C2P, and without a document type)
    except ET.ParseError as error:
        raise ValueError(str(error)) from error


def refunds_of(found: Element) -> list[Dated]:
    """Of a refund status, each with its time. Raises GatewayAway, GatewayRefused."""
    code = text(found, "respCode")
    if code == _NO_REFUNDS:
        return []
    refuse_unless_done(found)
    try:
        return [(_returned(one), _moment(text(one, "dateTime"))) for one in found.iterfind("refundList/refund")]
    except (ValueError, KeyError) as error:
        raise GatewayAway(f"a refund of 2C2P that can't be read: {said.unreadable(error)}") from error


def refuse_unless_done(found: Element) -> None:
    if text(found, "respCode") != _DONE:
        raise GatewayRefused(f"2C2P: {said.code(text(found, 'respCode'))}")


def text(found: Element, name: str, otherwise: str = "") -> str:
    return (found.findtext(name) or otherwise).strip()


def _returned(told: Element) -> Returned:
    """`idempotencyID` is our leg's id where we asked for it."""
    status = text(told, "status")
    state = ReturnedState.UNDONE if _REJECTED.fullmatch(status) else _STATES[status]
    ours = _OURS.fullmatch(text(told, "idempotencyID"))
    return Returned(
        ref=text(told, "referenceNo"),
        kind="refund",
        state=state,
        amount_minor=amounts.to_minor(text(told, "amount"), _CURRENCY),
        currency=_CURRENCY,
        reference=f"wdl_{ours[1]}" if ours else "",
        failure=f"rejected: {status}" if state == ReturnedState.UNDONE else "",
    )


def _moment(text: str) -> datetime | None:
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=_BANGKOK) if text else None
