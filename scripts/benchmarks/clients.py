"""The ways to send images that are measured against each other. One process runs one of them."""

import argparse
import asyncio
import http.client
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import grpc

from vision_grpc import AsyncVisionClient, Limits, VisionClient, tune_memory
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import IamToken
from vision_grpc.codec.json import to_json
from vision_grpc.events import Event
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig
from vision_grpc.quota import Grant, Quota
from vision_grpc.results import ImageResult
from vision_grpc.transport.grpc.options import OPTIONS
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

from .images import fake_jpegs
from .meter import answer_orders

if TYPE_CHECKING:
    _Method = grpc.UnaryUnaryMultiCallable[bytes, bytes]

BATCH = 8
_WINDOW_CALLS, _WINDOW_BYTES = Limits().calls_in_flight, Limits().bytes_in_flight
_FOLDER = "b1g0000000000000000"
_TOKEN = "t1.benchmark"  # noqa: S105 - nobody checks it
_METADATA = (("authorization", f"Bearer {_TOKEN}"),)


def main() -> None:
    """Do what standard input orders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("--target", required=True)
    parser.add_argument("--transport", choices=("grpc", "rest"), default="grpc")
    parser.add_argument("--roots", type=Path, required=True)
    parser.add_argument("--size", type=int, default=0, help="bytes an image")
    parser.add_argument("--files", type=Path, help="read the images from this folder instead")
    parser.add_argument("--calls", type=int, help="calls in flight, bytes unbounded")
    parser.add_argument("--images-per-s", type=float, help="the quota")
    parser.add_argument("--tune", action="store_true", help="call tune_memory first")
    options = parser.parse_args()
    if options.tune:
        tune_memory()
    answer_orders(CLIENTS[options.client](options))


class Client:
    """What the ways have in common: where they connect, and what they send."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.target: str = options.target
        self.transport: Literal["grpc", "rest"] = options.transport
        self.roots: bytes = options.roots.read_bytes()
        self._images = sorted(options.files.iterdir()) if options.files else fake_jpegs(BATCH, options.size)
        self.limits = Limits()
        if options.calls is not None:
            unbounded = 1 << 40
            self.limits = Limits(
                calls_in_flight=options.calls, bytes_in_flight=unbounded, images_per_s=options.images_per_s
            )

    def images(self, count: int) -> Iterator[bytes | Path]:
        """Yield so many images, the same few again and again."""
        return islice(cycle(self._images), count)

    def contents(self) -> list[bytes]:
        """Return the bytes of a batch."""
        return [image for image in self._images if isinstance(image, bytes)]

    def channel(self) -> grpc.Channel:
        """Return a channel with the options of ours."""
        return grpc.secure_channel(self.target, grpc.ssl_channel_credentials(self.roots), options=OPTIONS)


class Floor(Client):
    """Bytes out, bytes in: what gRPC itself costs."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        request = VISION_V1.template(("*",), "", _FOLDER).message(self.contents())
        self._wire = request.SerializeToString()
        self._method: _Method = self.channel().unary_unary(VISION_V1.grpc_path)

    def __call__(self, images: int) -> None:
        """Send so many images and take their answers."""
        for _ in range(images // BATCH):
            self._method(self._wire, metadata=_METADATA)


class WindowFloor(Client):
    """A window of calls, each request joined afresh: what every client on grpcio pays that sends what it is given."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        request = VISION_V1.template(("*",), "", _FOLDER).message(self.contents())
        wire = request.SerializeToString()
        self._calls_at_once = max(1, min(_WINDOW_CALLS, _WINDOW_BYTES // len(wire)))
        self._pieces: list[bytes] = []
        for content in self.contents():
            before, _, wire = wire.partition(content)
            self._pieces += (before, content)
        self._pieces.append(wire)
        self._method: _Method = self.channel().unary_unary(VISION_V1.grpc_path)

    def __call__(self, images: int) -> None:
        """Send so many images and take their answers."""
        calls: deque[grpc.Future[bytes]] = deque()
        for _ in range(images // BATCH):
            if len(calls) == self._calls_at_once:
                calls.popleft().result()
            calls.append(self._method.future(b"".join(self._pieces), metadata=_METADATA))
        while calls:
            calls.popleft().result()


class RestFloor(Client):
    """Bytes out, bytes in: what HTTP itself costs, by the standard library."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._body = to_json(VISION_V1.template(("*",), "", _FOLDER).message(self.contents()))
        address = urlsplit(self.target)
        host = str(address.hostname)
        if address.scheme == "http":
            self._connection = http.client.HTTPConnection(host, address.port)
        else:
            tls = ssl.create_default_context(cadata=self.roots.decode())
            self._connection = http.client.HTTPSConnection(host, address.port, context=tls)

    def __call__(self, images: int) -> None:
        """Send so many images and take their answers."""
        headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}
        for _ in range(images // BATCH):
            self._connection.request("POST", VISION_V1.route.path, self._body, headers)
            self._connection.getresponse().read()


class Stub(Client):
    """What one writes with the generated stub: build, call, get a parsed answer."""

    def __init__(self, options: argparse.Namespace, *, batch: int) -> None:
        super().__init__(options)
        self._batch = batch
        self._stub = VisionServiceStub(self.channel())

    def __call__(self, images: int) -> None:
        """Send so many images and take their answers."""
        contents = cycle(self.contents())
        for _ in range(images // self._batch):
            config = FeatureTextDetectionConfig(language_codes=["*"])
            features = [Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)]
            specs = [AnalyzeSpec(content=content, features=features) for content in islice(contents, self._batch)]
            request = BatchAnalyzeRequest(analyze_specs=specs, folder_id=_FOLDER)
            response = self._stub.BatchAnalyze(request, metadata=_METADATA)
            if len(response.results) != self._batch:
                raise AssertionError(response)


class Sync(Client):
    """`VisionClient.analyze_many`."""

    def __init__(
        self,
        options: argparse.Namespace,
        *,
        take: Callable[[ImageResult], object],
        on_event: Callable[[Event], None] | None = None,
        quota: Quota | None = None,
    ) -> None:
        super().__init__(options)
        self._take = take
        credentials = IamToken(_TOKEN)
        self._client = VisionClient(
            self.target,
            transport=self.transport,
            credentials=credentials,
            folder_id=_FOLDER,
            root_certificates=self.roots,
            limits=self.limits,
            on_event=on_event,
            quota=quota,
        )

    def __call__(self, images: int) -> None:
        """Send so many images and take their answers."""
        results: Iterable[ImageResult] = self._client.analyze_many(self.images(images))
        take = self._take
        for result in results:
            take(result)


class Async(Client):
    """`AsyncVisionClient.analyze_many`."""

    def __init__(
        self, options: argparse.Namespace, *, take: Callable[[ImageResult], object], quota: Quota | None = None
    ) -> None:
        super().__init__(options)
        self._take = take
        self._runner = asyncio.Runner()
        credentials = IamToken(_TOKEN)
        self._client = AsyncVisionClient(
            self.target,
            transport=self.transport,
            credentials=credentials,
            folder_id=_FOLDER,
            root_certificates=self.roots,
            limits=self.limits,
            quota=quota,
        )

    def __call__(self, images: int) -> None:
        """Send so many images and take their answers."""
        self._runner.run(self._stream(images))

    async def _stream(self, images: int) -> None:
        take = self._take
        async for result in self._client.analyze_many(self.images(images)):
            take(result)


class _Ample:
    """A quota that grants what is asked for at once: what permits themselves cost."""

    def __init__(self, requests_per_s: float) -> None:
        self._requests_per_s = requests_per_s

    def reserve(self, requests: int, images: int) -> Grant:
        """Grant all of them."""
        del images
        return Grant([0.0] * requests, self._requests_per_s)

    def close(self) -> None:
        """Do nothing."""


def _unread(result: ImageResult) -> None:
    if not result.ok:
        raise AssertionError(result)


def _ignore(_: Event) -> None:
    """Be a hook that does nothing: what events themselves cost."""


def _telemetry() -> Callable[[Event], None]:
    """Return OpenTelemetry's hook with an SDK that throws spans away."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    from vision_grpc.otel import OpenTelemetryHook

    return OpenTelemetryHook(tracer_provider=TracerProvider(), meter_provider=MeterProvider([InMemoryMetricReader()]))


def _text(result: ImageResult) -> None:
    if not result.text:
        raise AssertionError(result)


CLIENTS: dict[str, Callable[[argparse.Namespace], Callable[[int], None]]] = {
    "floor": Floor,
    "window-floor-16m": WindowFloor,
    "rest-floor": RestFloor,
    "sync": lambda options: Sync(options, take=_unread),
    "sync-text": lambda options: Sync(options, take=_text),
    "sync-events": lambda options: Sync(options, take=_unread, on_event=_ignore),
    "sync-otel": lambda options: Sync(options, take=_unread, on_event=_telemetry()),
    # One request at a time, and several.
    "sync-quota-50": lambda options: Sync(options, take=_unread, quota=_Ample(50.0)),
    "sync-quota-500": lambda options: Sync(options, take=_unread, quota=_Ample(500.0)),
    "asyncio": lambda options: Async(options, take=_unread),
    "asyncio-quota-50": lambda options: Async(options, take=_unread, quota=_Ample(50.0)),
    "asyncio-quota-500": lambda options: Async(options, take=_unread, quota=_Ample(500.0)),
    "asyncio-text": lambda options: Async(options, take=_text),
    "stub-1": lambda options: Stub(options, batch=1),
    "stub-8": lambda options: Stub(options, batch=BATCH),
}

if __name__ == "__main__":
    main()
