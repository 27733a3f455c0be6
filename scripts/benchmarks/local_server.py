"""The local service, or a bare gRPC server in its place, as a process that says what it has spent.

It prints its endpoints when it listens and a line with its state for each line of standard input, and ends with that.
"""

import argparse
import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.local import LocalVision
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, FeatureResult, TextAnnotation

from .meter import cpu_s, memory_bytes

if TYPE_CHECKING:
    _Handler = grpc.RpcMethodHandler[BatchAnalyzeRequest, bytes]

_UNLIMITED = -1
_MOST_IMAGES = 8


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["bare", "scripted", "tesseract"])
    options = parser.parse_args()
    if options.kind == "bare":
        asyncio.run(_serve_bare())
        return
    engine = ScriptedEngine(lambda _: TextAnnotation()) if options.kind == "scripted" else None
    with LocalVision(engine=engine, config=ServiceConfig(keep_calls=0)) as vision:
        _talk({"grpc": vision.grpc_endpoint, "rest": vision.rest_endpoint})


async def _serve_bare() -> None:
    """Serve calls by parsing them and answering ready bytes."""
    result = AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation())])
    answers = [
        BatchAnalyzeResponse(results=[result] * images).SerializeToString() for images in range(_MOST_IMAGES + 1)
    ]

    async def answer(request: BatchAnalyzeRequest, _: object) -> bytes:
        return answers[len(request.analyze_specs)]

    server = grpc.aio.server(options=[("grpc.max_receive_message_length", _UNLIMITED)])
    service, method = VISION_V1.grpc_path[1:].split("/")
    handler: _Handler = grpc.unary_unary_rpc_method_handler(answer, request_deserializer=BatchAnalyzeRequest.FromString)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await asyncio.to_thread(_talk, {"grpc": f"127.0.0.1:{port}"})
    await server.stop(grace=None)


def _talk(endpoints: dict[str, str]) -> None:
    print(json.dumps(endpoints), flush=True)
    for _ in sys.stdin:
        state = {
            "cpu_s": cpu_s(),
            "memory_bytes": memory_bytes("VmRSS"),
            "threads": threading.active_count(),
            "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        }
        print(json.dumps(state), flush=True)


if __name__ == "__main__":
    main()
