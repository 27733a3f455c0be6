"""An HTTP server that answers with ready bytes, so that what is measured is the client.

Run as a process of its own: it prints its port when it listens, and ends with its standard input.
"""

import argparse
import asyncio
import ssl
import sys
from pathlib import Path

from vision_grpc.codec.json import to_json
from vision_grpc.messages import BatchAnalyzeResponse

from .answers import text_page

_MOST_IMAGES = 8
_IMAGE = b'"content"'
_LENGTH = b"content-length:"
_READ_BYTES = 1024 * 1024


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", type=Path, help="else plaintext")
    parser.add_argument("--key", type=Path)
    options = parser.parse_args()
    tls = None
    if options.certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate, options.key)
    asyncio.run(_serve(tls))


async def _serve(tls: ssl.SSLContext | None) -> None:
    answers = [_answer(images) for images in range(_MOST_IMAGES + 1)]

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(answers[await _count_images(reader)])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # The client has left.

    server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls, limit=_READ_BYTES)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def _answer(images: int) -> bytes:
    body = to_json(BatchAnalyzeResponse(results=[text_page()] * images))
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _count_images(reader: asyncio.StreamReader) -> int:
    """Read a request; return how many images it holds."""
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = (line[len(_LENGTH) :] for line in head.lower().split(b"\r\n") if line.startswith(_LENGTH))
    left, images, before = int(length), 0, b""
    while left:
        piece = await reader.read(min(left, _READ_BYTES))
        if not piece:
            raise asyncio.IncompleteReadError(piece, left)
        left -= len(piece)
        images += (before + piece).count(_IMAGE)
        before = (before + piece)[-len(_IMAGE) + 1 :]
    return images


if __name__ == "__main__":
    main()
