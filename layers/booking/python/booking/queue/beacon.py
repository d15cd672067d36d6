"""The beacon: randomness that nobody knows before its time, from drand's network quicknet, and the check of it.

A round is out every three seconds. Its signature is made by a threshold of independent organisations together; its
randomness is the hash of that. The chain and its public key are pinned here: who serves a round does not matter.
https://docs.drand.love/dev-guide/3.1.0/
"""

import hashlib

CHAIN = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
PUBLIC_KEY = (
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)
GENESIS = 1_692_803_367
PERIOD_SECONDS = 3
SERVERS = ("https://api.drand.sh", "https://api2.drand.sh", "https://api3.drand.sh", "https://drand.cloudflare.com")
DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
GENERATOR = (
    "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
)
"""The generator of BLS12-381's second group (RFC 9380's curve; the draft of BLS signatures, section 4.2.1)."""
SIGNATURE_BYTES = 48


class NotGenuine(ValueError):
    """The signature is not the network's for this round."""


def first_round_from(at: int) -> int:
    """Return the first round that is out at this time or later, in epoch seconds."""
    return max(0, -(-(at - GENESIS) // PERIOD_SECONDS)) + 1


def time_of(number: int) -> int:
    """Return when a round is out, in epoch seconds."""
    return GENESIS + (number - 1) * PERIOD_SECONDS


def paths(number: int) -> list[str]:
    """List where a round can be read, from independent servers."""
    return [f"{server}/{CHAIN}/public/{number}" for server in SERVERS]


def randomness_of(number: int, signature: str) -> str:
    """Check a round's signature and return its randomness.

    Raises:
        NotGenuine: it is not the network's for this round.

    """
    import pyblst  # type: ignore[import-untyped]  # noqa: PLC0415 - only the draw and its check need it

    try:
        raw = bytes.fromhex(signature)
        if len(raw) != SIGNATURE_BYTES or number < 1:
            raise NotGenuine(f"round {number} has no such signature")
        signed = pyblst.BlstP1Element().uncompress(raw)
        message = hashlib.sha256(number.to_bytes(8, "big")).digest()
        hashed = pyblst.BlstP1Element().hash_to_group(message, DOMAIN)
        generator = pyblst.BlstP2Element().uncompress(bytes.fromhex(GENERATOR))
        public_key = pyblst.BlstP2Element().uncompress(bytes.fromhex(PUBLIC_KEY))
    except (ValueError, OverflowError) as error:
        raise NotGenuine(f"the signature of round {number} cannot be read") from error
    left, right = pyblst.miller_loop(signed, generator), pyblst.miller_loop(hashed, public_key)
    if not pyblst.final_verify(left, right):
        raise NotGenuine(f"round {number} was not signed with this")
    return hashlib.sha256(raw).hexdigest()
