"""How DOKU and we sign, each both ways: a token is asked for with an RSA key, every call carries an HMAC of itself.

For its notices DOKU first fetches a token of ours, at our door. Source: payments.md 4.1, SNAP BI.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from payments.gateways.base import BadNotice, Reply

TOLERANCE_S, OUR_TOKEN_LIFE_S = 300, 900


@dataclass(frozen=True, slots=True)
class Keys:
    """`ours` is our private RSA key, `theirs` DOKU's public one; `secret` is known to both."""

    client_id: str
    secret: bytes
    ours: RSAPrivateKey
    theirs: RSAPublicKey

    def headers(self, timestamp: str) -> dict[str, str]:
        """Of a call that asks for a token."""
        signed = self.ours.sign(f"{self.client_id}|{timestamp}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return {
            "X-CLIENT-KEY": self.client_id,
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": b64encode(signed).decode(),
        }

    def mac(self, method: str, path: str, token: str, raw: bytes, timestamp: str) -> str:
        """HMAC-SHA512 of method, path, token, the body's hash and the time, as SNAP has it."""
        body_hash = hashlib.sha256(raw).hexdigest().lower()
        signed = f"{method}:{path}:{token}:{body_hash}:{timestamp}".encode()
        return b64encode(hmac.new(self.secret, signed, hashlib.sha512).digest()).decode()

    def give_token(self, headers: Mapping[str, str], *, now: datetime) -> Reply:
        """For DOKU's next notices: it signs with the key whose public half we have."""
        refuse = Reply(401, {"responseCode": "4017300", "responseMessage": "Unauthorized. Invalid Signature"})
        timestamp = headers.get("X-Timestamp", "")
        _check_time(timestamp, now=now, refuse=refuse)
        try:
            signature = b64decode(headers.get("X-Signature", ""), validate=True)
            signed = f"{self.client_id}|{timestamp}".encode()
            self.theirs.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError) as error:
            raise BadNotice("a token was asked for, not by DOKU", reason="signature", reply=refuse) from error
        if headers.get("X-Client-Key") != self.client_id:
            raise BadNotice("a token for another client", reason="other_account", reply=refuse)
        claims = {"exp": int(now.timestamp()) + OUR_TOKEN_LIFE_S, "iss": "promote", "clientId": self.client_id}
        return Reply(
            200,
            {
                "responseCode": "2007300",
                "responseMessage": "Successful",
                "accessToken": jwt.encode(claims, self.ours, algorithm="RS256"),
                "tokenType": "Bearer",
                "expiresIn": OUR_TOKEN_LIFE_S,
                "additionalInfo": "",
            },
        )

    def check_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> None:
        """Both of them: the token says who may knock, the HMAC that this is what they said."""
        bad_token = Reply(401, {"responseCode": "4012701", "responseMessage": "Invalid Token (B2B)"})
        kind, _, token = headers.get("Authorization", "").partition(" ")
        try:
            if kind != "Bearer":
                raise jwt.InvalidTokenError("no bearer token")
            claims = jwt.decode(
                token,
                self.ours.public_key(),
                algorithms=["RS256"],
                issuer="promote",
                options={"require": ["exp", "iss"], "verify_exp": False},
            )
            if claims["exp"] <= now.timestamp() or claims.get("clientId") != self.client_id:
                raise jwt.InvalidTokenError("over, or another's")
        except jwt.InvalidTokenError as error:
            raise BadNotice(
                f"its token is not ours: {type(error).__name__}", reason="signature", reply=bad_token
            ) from error
        if headers.get("X-Partner-Id", self.client_id) != self.client_id:
            raise BadNotice("for another partner", reason="other_account", reply=bad_token)
        refuse = Reply(401, {"responseCode": "4012700", "responseMessage": "Unauthorized. Invalid Signature"})
        timestamp = headers.get("X-Timestamp", "")
        _check_time(timestamp, now=now, refuse=refuse)
        wanted = self.mac("POST", path, token, raw, timestamp)
        if not hmac.compare_digest(wanted.encode(), headers.get("X-Signature", "").encode()):
            raise BadNotice("not signed by DOKU", reason="signature", reply=refuse)


def _check_time(text: str, *, now: datetime, refuse: Reply) -> None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadNotice("no readable X-TIMESTAMP", reason="time", reply=refuse) from error
    if at.tzinfo is None or abs((now - at).total_seconds()) > TOLERANCE_S:
        raise BadNotice(f"its time is {text}, ours {now}", reason="time", reply=refuse)
