"""RSA keys as settings have them: base64 of DER, which is a PEM without its first and last line."""

from base64 import b64decode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def private(text: str, *, name: str) -> rsa.RSAPrivateKey:
    """Raises ValueError, which says which variable is wrong."""
    key = serialization.load_der_private_key(b64decode(text), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{name} is not an RSA key")
    return key


def public(text: str, *, name: str) -> rsa.RSAPublicKey:
    """Raises ValueError, which says which variable is wrong."""
    key = serialization.load_der_public_key(b64decode(text))
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError(f"{name} is not an RSA key")
    return key
