"""Digests, by which an engine that does its work again finds what was answered."""

from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DIGEST_BYTES = 16

_NONCE = bytes(12)


class Digest:
    """Makes what is equal for the same content under the same key, and as good as unique among those of an owner.

    It is the tag of AES-GCM (GMAC), under a key made of the owner's name: measured 11 us for 50 KB, a quarter of what
    SHA-256 takes. Nothing is kept secret by it, but nobody who does not know the name can make two contents alike.
    """

    def __init__(self, owner: str) -> None:
        self._cipher = AESGCM(sha256(owner.encode()).digest())

    def __call__(self, key: str, content: bytes | memoryview) -> bytes:
        """Return the digest of a content of less than 2 GiB."""
        return self._cipher.encrypt(_NONCE, key.encode("utf-8", "surrogatepass"), content)[-DIGEST_BYTES:]
