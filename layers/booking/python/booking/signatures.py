"""Signatures that others can check: Ed25519, with a secret of the stack as the source of the private key.

A key's id is the beginning of the secret's version. Whoever has the public key can check a signature and cannot make
one, so doors and fans get public keys only. The private key is derived from the secret's text, so that AWS can make it.
"""

import base64
import hashlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from booking.keys import Keys
from booking.settings import settings

KEY_ID_LENGTH = 8

_keys = Keys(lambda: settings().signing_key_secret_arn)


def _private(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"ed25519:{secret}".encode()).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def current_key_id() -> str:
    """Return the id of the key that signs now."""
    version, _ = _keys.to_sign()
    return version[:KEY_ID_LENGTH]


def sign(text: str) -> str:
    """Return the signature of the current key, in base64url without padding (86 characters)."""
    _, secret = _keys.to_sign()
    return _text(_private(secret).sign(text.encode()))


def public_keys(*named: str) -> dict[str, str]:
    """Return the public keys that are believed, by id, in base64url: the current one and the one before it.

    One of `named` that is not known may have been rotated in since the keys were read, so they are read again, once in
    a while.
    """
    _keys.refresh()
    known = public_keys_of(_keys.by_version)
    return known if known.keys() >= {*named} or not _keys.look_again() else public_keys_of(_keys.by_version)


def public_keys_of(secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the public keys, by id, that belong to these versions of the secret."""
    return {
        version[:KEY_ID_LENGTH]: _text(_private(secret).public_key().public_bytes_raw())
        for version, secret in secrets.items()
    }


def current_public_key() -> str:
    """Return the public key that belongs to what is signed now, in base64url."""
    return public_keys()[current_key_id()]


def public_keys_view() -> list[dict[str, str]]:
    """Show the public keys that are believed."""
    return [{"keyId": key_id, "publicKey": key} for key_id, key in sorted(public_keys().items())]


def is_signed(text: str, signature: str, public_key: str) -> bool:
    """Tell whether this key made this signature of this text."""
    try:
        Ed25519PublicKey.from_public_bytes(_bytes(public_key)).verify(_bytes(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
