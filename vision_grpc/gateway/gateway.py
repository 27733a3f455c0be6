"""The gateway with both its faces, from start to close."""

from os import PathLike
from pathlib import Path

from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.auth import Credentials
from vision_grpc.errors import Advice, SettingError
from vision_grpc.gateway.backend import Backend
from vision_grpc.gateway.callers import AsTheGateway, AsThemselves, PassedOn
from vision_grpc.gateway.config import GatewayConfig
from vision_grpc.gateway.dispatcher import Dispatcher
from vision_grpc.gateway.service import GatewayService
from vision_grpc.local.calls.metrics import Metrics
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.vision_server import VisionServer
from vision_grpc.network.tls import Pem
from vision_grpc.session.settings import Arguments
from vision_grpc.tape import Tape
from vision_grpc.transport.connect import TransportChoice

_DEFAULT = ServiceConfig(keep_calls=0)
_UNCHECKED = (
    "a tape has what other callers have paid for, and of callers with credentials of their own nobody checks these"
)
_SAY_WHO = Advice("let the gateway call as itself by", "credentials")


class Gateway(VisionServer):
    """batchAnalyze for programs that speak nothing else, answered by ocr/v1; from its creation until `close`.

        with Gateway("ocr.api.cloud.yandex.net:443", port=8080) as gateway:
            ...  # the program calls gateway.grpc_endpoint or gateway.rest_endpoint

    `backend` is where ocr/v1 is called, the public service by default; `transport`, `root_certificates`,
    `client_certificate`, `server_name` and `insecure` say how, as for `VisionClient`. Variables that clients read
    (`VISION_GRPC_ENDPOINT`, `VISION_GRPC_API`) are not read: the program in front may need them.

    Without `credentials`, those of each caller are passed on, and the folder of its request. With them, all callers
    are the gateway: whoever reaches it uses and pays with them, so let callers show one of `identities`, or listen
    where only the right programs are.

    `cache` keeps the answers of ocr/v1, as that of `VisionClient` does, and each image is sent once: docs/gateway.md.
    It needs `credentials`. `close` then waits some seconds more for calls under way: their answers are recorded.

    The other arguments are those of `LocalVision`. Calls are not remembered for the page unless `config` says so.

    Raises:
        TypeError, ValueError: an argument is not of its type, a secret would be sent in plaintext, or `cache` is given
            without `credentials`.
        LocalServiceError: a port is in use, or the TLS files are unusable; the message says what to do about it.
    """

    def __init__(
        self,
        backend: str = OCR_V1.endpoint,
        *,
        credentials: Credentials | None = None,
        folder_id: str | None = None,
        transport: TransportChoice | None = None,
        root_certificates: Pem | None = None,
        client_certificate: tuple[Pem, Pem] | None = None,
        server_name: str | None = None,
        insecure: bool = False,
        cache: str | PathLike[str] | Tape | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        grpc_port: int | None = None,
        rest_port: int | None = None,
        tls_certificate: Path | None = None,
        tls_key: Path | None = None,
        identities: Identities | None = None,
        strict: bool = False,
        limits: GatewayConfig = GatewayConfig(),  # noqa: B008 - frozen
        config: ServiceConfig = _DEFAULT,
    ) -> None:
        arguments = Arguments(
            endpoint=backend,
            transport=transport,
            api="ocr/v1",
            # Something that is a secret, so that it never travels in plaintext to another machine.
            credentials=PassedOn(None) if credentials is None else credentials,
            folder_id="" if credentials is None else folder_id,
            root_certificates=root_certificates,
            client_certificate=client_certificate,
            server_name=server_name,
            insecure=insecure,
        )
        if cache is not None and credentials is None:
            raise SettingError(_UNCHECKED, advice=[_SAY_WHO])
        called = Backend(arguments, limits, cache)
        self.backend: str = called.name
        """Which service is behind it, in words."""
        callers = (
            AsThemselves(may_be_nobody=called.is_on_this_machine) if credentials is None else AsTheGateway(credentials)
        )

        def make_service(metrics: Metrics) -> GatewayService:
            del metrics
            dispatcher = Dispatcher(
                most=limits.calls_in_flight, per_s=limits.requests_per_s, most_waiting=config.waiting_images
            )
            return GatewayService(called, callers, dispatcher, answer_s=limits.answer_s)

        super().__init__(
            make_service,
            host=host,
            port=port,
            grpc_port=grpc_port,
            rest_port=rest_port,
            tls_certificate=tls_certificate,
            tls_key=tls_key,
            identities=identities,
            strict=strict,
            faults=None,
            config=config,
        )
