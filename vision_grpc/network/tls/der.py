"""As much of DER, the encoding of certificates (ITU-T X.690), as it takes to tell files and dates apart."""

from collections.abc import Iterator
from typing import NamedTuple

INTEGER, SEQUENCE = 0x02, 0x30
_GENERALIZED_TIME = 0x18
_LONG_LENGTH = 0x80


class Element(NamedTuple):
    """One element: its tag, its content, and the whole of it."""

    tag: int
    content: bytes
    whole: bytes


def elements(data: bytes) -> Iterator[Element]:
    """Yield the elements that the data consists of.

    Raises:
        ValueError: the data ends within an element.
    """
    at = 0
    while at < len(data):
        start = at + 2
        length = data[at + 1] if start <= len(data) else _LONG_LENGTH
        if length & _LONG_LENGTH:
            size = length - _LONG_LENGTH
            # Without a size it is the "indefinite" length, which DER does not have.
            length = int.from_bytes(data[start : start + size]) if size else len(data)
            start += size
        end = start + length
        if end > len(data):
            message = "the data ends within an element"
            raise ValueError(message)
        yield Element(data[at], data[start:end], data[at:end])
        at = end


def last_second(certificate: bytes) -> str:
    """Return until when a certificate is valid, as digits that sort by time (RFC 5280, 4.1).

    Raises:
        ValueError: the data is not a certificate.
    """
    try:
        signed = next(elements(next(elements(certificate)).content))
        # The validity is the third sequence in it, after the signature's algorithm and the issuer.
        _, _, validity = [part for part in elements(signed.content) if part.tag == SEQUENCE][:3]
        _, until = elements(validity.content)
    except StopIteration:
        message = "the data is empty"
        raise ValueError(message) from None
    digits = until.content.decode("ascii")
    if until.tag == _GENERALIZED_TIME:
        return digits
    # Two digits of the year: from 1950 to 2049.
    return f"{'19' if digits >= '50' else '20'}{digits}"
