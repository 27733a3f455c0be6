"""A server that answers with ready bytes, so that what is measured is the client.

Run as a process of its own: it prints its port when it listens, and ends with its standard input.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import grpc
import grpc.aio

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.messages import ApiEndpoint, ListApiEndpointsResponse

from .answers import WORDS, text_page

if TYPE_CHECKING:
    _Handler = grpc.RpcMethodHandler[bytes, bytes]

_Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
_Behaviour = Callable[[bytes, _Context], Awaitable[bytes]]

_ENDPOINTS_PATH = "/yandex.cloud.endpoint.ApiEndpointService/List"
# Field 1, length-delimited: what holds one image in the request and one result in the answer, of our
# service and of Google's alike.
_ITEM = 0x0A
_MOST_IMAGES = 16
_UNLIMITED = -1


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--latency-s", type=float, default=0.0, help="what each call takes at least")
    parser.add_argument("--words", type=int, default=WORDS, help="on the page of each answer (%(default)s)")
    parser.add_argument("--foreign", nargs=2, action="append", default=[], metavar=("METHOD", "FILE"))
    options = parser.parse_args()
    results = {VISION_V1.grpc_path: text_page(options.words).SerializeToString()}
    results |= {method: Path(file).read_bytes() for method, file in options.foreign}
    identity = (options.key.read_bytes(), options.certificate.read_bytes())
    asyncio.run(_serve(results, identity, options.latency_s))


async def _serve(results: Mapping[str, bytes], identity: tuple[bytes, bytes], latency_s: float) -> None:
    behaviours = {path: _answering(result, latency_s) for path, result in results.items()}

    async def list_endpoints(_request: bytes, _context: object) -> bytes:
        endpoints = [ApiEndpoint(id=name, address=f"127.0.0.1:{port}") for name in ("iam", "ai-vision")]
        return ListApiEndpointsResponse(endpoints=endpoints).SerializeToString()

    behaviours[_ENDPOINTS_PATH] = list_endpoints
    limits = ("grpc.max_receive_message_length", "grpc.max_send_message_length", "grpc.max_concurrent_streams")
    server = grpc.aio.server(options=list(zip(limits, (_UNLIMITED, _UNLIMITED, 100), strict=True)))
    for path, behaviour in behaviours.items():
        service, method = path[1:].split("/")
        handler: _Handler = grpc.unary_unary_rpc_method_handler(behaviour)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([identity]))
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(grace=None)


def _answering(result: bytes, latency_s: float) -> _Behaviour:
    item = bytes([_ITEM]) + _varint(len(result)) + result
    answers = [item * images for images in range(_MOST_IMAGES + 1)]

    async def answer(request: bytes, context: _Context) -> bytes:
        if latency_s:
            await asyncio.sleep(latency_s)
        await context.send_initial_metadata((("x-request-id", "5f0c7a52-6b2c-4a0e-9a52-3f3c0e1b7d10"),))
        return answers[_count_items(request)]

    return answer


def _count_items(request: bytes) -> int:
    """Return how many images a request holds, hopping over its outermost fields, all of them length-delimited."""
    count = position = 0
    while position < len(request):
        count += request[position] == _ITEM
        position += 1
        size = shift = 0
        while True:
            byte = request[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:  # noqa: PLR2004 - the bit that continues a varint
                break
        position += size
    return count


def _varint(number: int) -> bytes:
    head = b""
    while number >= 0x80:  # noqa: PLR2004 - as above
        head += bytes([number & 0x7F | 0x80])
        number >>= 7
    return head + bytes([number])


if __name__ == "__main__":
    main()
