"""What both clients are made of, whichever way they are driven."""

import os
import random
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Literal

from google.protobuf.message import Message

from vision_grpc.api.api import Api, Model, RequestTemplate
from vision_grpc.api.choice import API_NAMES, ApiName
from vision_grpc.auth import Anonymous, Credentials
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.contract.rules import validate
from vision_grpc.errors import InvalidRequestError, MachineError, Violation
from vision_grpc.events import Event
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Pem
from vision_grpc.results import ImageResult
from vision_grpc.session.arguments import (
    check_behaviour,
    check_connection,
    check_deferred,
    check_request,
    check_timeout,
    read_cache,
)
from vision_grpc.session.connections import Connections
from vision_grpc.session.default_tape import DEFAULT_TAPE
from vision_grpc.session.destination import Destination, Destinations
from vision_grpc.session.keywords import explain_unknown
from vision_grpc.session.memory import raise_trim_threshold
from vision_grpc.session.methods import Methods
from vision_grpc.session.monitor import Monitor, Stats
from vision_grpc.session.process import Process, check_interpreter
from vision_grpc.session.retry_waits import RETRY_WAITS
from vision_grpc.session.settings import Settings
from vision_grpc.session.stream_monitor import StreamMonitor
from vision_grpc.session.templates import Templates
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.run import Run
from vision_grpc.stream.shared import Shared
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.header_value import is_header_value
from vision_grpc.texts.quoting import show
from vision_grpc.transport import Transport
from vision_grpc.transport.connect import TransportChoice, connect

if TYPE_CHECKING:
    from vision_grpc.quota import Quota
    from vision_grpc.session.quota_feed import QuotaFeed
    from vision_grpc.session.recorder import Recorder, TapeInUse
    from vision_grpc.tape import Tape


class Session:
    """Settings, quotas, counts and the connection of a client."""

    @explain_unknown
    def __init__(
        self,
        endpoint: str | ApiEndpoints | None = None,
        *,
        transport: TransportChoice | Transport | None = None,
        credentials: Credentials | None = None,
        api: ApiName | None = None,
        folder_id: str | None = None,
        root_certificates: Pem | None = None,
        client_certificate: tuple[Pem, Pem] | None = None,
        server_name: str | None = None,
        insecure: bool = False,
        data_logging: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        on_event: Callable[[Event], None] | None = None,
        cache: "str | PathLike[str] | Tape | None" = None,
        quota: "Quota | None" = None,
    ) -> None:
        """Prepare a client; nothing is connected before the first call.

        Everything may be left out: the endpoint comes from `VISION_GRPC_ENDPOINT` (else it is the
        public service; `ApiEndpoints()` in its place asks the cloud at the first call), the transport
        from `VISION_GRPC_TRANSPORT`, credentials from the environment, the `yc` profile or the virtual
        machine (`vision_grpc.auth.default` has the order; for a service on this machine only from the
        environment), the folder from `YC_FOLDER_ID`.

        `api` is `vision/v1` or `ocr/v1`, else what `VISION_GRPC_API` says, else the former; docs/ocr-v1.md
        has what differs.

        `root_certificates` and the two of `client_certificate` (chain, private key) are PEM, as bytes or
        files, which are read now; without the first, `SSL_CERT_FILE` and `SSL_CERT_DIR` name what to trust,
        else it is what the system trusts. `server_name` is asked for and expected in the service's certificate
        in place of the host's; `data_logging` says whether the service may keep what it is sent (None: its own
        default); `metadata` is sent along with each call, as headers over REST: `{"x-test-id": "7"}`.
        `on_event` is called with each `vision_grpc.events.Event`, from whichever thread it happens in, with the context
        variables of where the stream was made.
        `cache` keeps the answers to images, in a folder, under the URL of a store, or as its `vision_grpc.tape.Tape`
        says: an image that was read before is not sent again, docs/tape.md.
        `quota` is shared with other clients, as `vision_grpc.quota` has them: each request of a stream waits until it
        lets it go, in addition to `limits`. It is closed with the client, and so is a `transport` of the caller's own.

        Raises:
            TypeError: an argument is of the wrong type, or the client does not have it.
            ValueError: an argument is malformed, or a secret would travel in plaintext.
            AuthError: there are no credentials.
            MachineError: this machine cannot open the files that this takes.
        """
        check_connection(endpoint, transport, api, credentials, folder_id, insecure=insecure)
        check_behaviour(
            data_logging=data_logging, on_event=on_event, quota=quota, limits=limits, retry=retry, timeouts=timeouts
        )
        self._tape: Tape | None = DEFAULT_TAPE.tape if cache is None else read_cache(cache)
        if self._sends_nothing and credentials is None:
            credentials = Anonymous()
        # Files are read and modules are loaded here.
        with MachineError.in_place("the client cannot be made"):
            self._settings = Settings.resolve(
                os.environ,
                endpoint=endpoint,
                transport=transport,
                api=api,
                credentials=credentials,
                folder_id=folder_id,
                root_certificates=root_certificates,
                insecure=insecure,
                client_certificate=client_certificate,
                server_name=server_name,
                data_logging=data_logging,
                metadata=metadata,
            )
            self._api = self._choose_api()
        if self._settings.folder_id:
            self._template(("*",), "")  # Else the first call would tell that the folder breaks the contract.
        self._limits = self._api.limits(limits)
        self._retry = retry
        self._timeouts = timeouts
        self._on_event = on_event
        self._quota = quota
        self._own_transport: Transport | None = None if isinstance(transport, str) else transport
        self._closed = False
        raise_trim_threshold()
        self._reset()

    def stats(self) -> Stats:
        """Return what this client has done so far, all streams together."""
        return self._monitor.stats()

    def _reset(self) -> None:
        """Begin, or begin anew in a forked child."""
        self._process = Process()
        self._monitor = Monitor(self._on_event)
        self._destinations = Destinations.of(self._api, self._destination)
        self._feed = self._open_feed()
        permits = None if self._feed is None else self._feed.permits
        self._shared = Shared.of(self._limits, self._retry, self._api.most_images, permits)
        self._tape_in_use = self._open_tape()

    @property
    def _sends_nothing(self) -> bool:
        return self._tape is not None and self._tape.mode == "none"

    def _check_open(self) -> None:
        if self._closed:
            message = "the client is closed"
            raise RuntimeError(message)
        check_interpreter()

    def _destination(self, api: Api) -> Destination:
        settings, method = self._settings, api.grpc_path.lstrip("/")
        if self._own_transport is not None:
            return Destination(method)
        transport = None if settings.transport == "auto" else settings.transport
        endpoint = settings.endpoint_of(api)
        if not isinstance(endpoint, Endpoint):
            return Destination(method, transport=transport)
        return Destination(method, endpoint.host, endpoint.port, transport)

    def _choose_api(self) -> Api:
        return self._settings.api

    def _connect(self, loop: AbstractEventLoop | None = None) -> Connections:
        """Return connections, of which that for images is opened now: it connects when it is first used."""
        connections = Connections(partial(self._open_to, loop))
        connections.to(self._api)
        return connections

    def _open_to(self, loop: AbstractEventLoop | None, api: Api) -> Transport:
        if self._own_transport is not None:
            return self._own_transport
        settings, calls = self._settings, self._limits.calls_in_flight
        with MachineError.in_place("the service cannot be connected"):
            return connect(
                api,
                settings.transport,
                settings.endpoint_of(api),
                settings.tls,
                calls=calls,
                headers=settings.headers,
                loop=loop,
            )

    def _methods(self, templates: Templates, plan: Plan) -> Methods:
        return Methods(self._api, templates, deferred=plan.deferred)

    def _templates(self, languages: Sequence[str], model: Model | None) -> Templates:
        return Templates(self._template, languages, model)

    def _template(self, languages: Sequence[str], model: str) -> RequestTemplate:
        return self._api.template(languages, model, self._settings.folder_id)

    def _is_deferred(self, deferred: object) -> bool:
        return check_deferred(deferred, self._no_operations)

    @property
    def _no_operations(self) -> str:
        """Why this client cannot ask about operations; empty where it can."""
        if self._api.deferred is None:
            return f"{self._api.name} has none, make the client with api='ocr/v1'"
        return "" if self._own_transport is None else "a transport of your own has none"

    def _plan(self, *, timeout: float | None = None, ordered: bool = False, deferred: bool = False) -> Plan:
        timeout_s = check_timeout(timeout)
        deadline = None if timeout_s is None else Deadline.after(timeout_s).at
        return Plan(
            self._limits,
            self._retry,
            self._timeouts,
            ordered,
            deadline,
            RETRY_WAITS.are_on,
            deferred,
            self._no_operations,
        )

    def _check_request(self, request: object, call: str, *, is_streamed: bool) -> None:
        """Check the request of a bare call, which is answered by a message or by a stream of them."""
        self._check_sends(call)
        if self._api.is_stream is not is_streamed:
            owner = API_NAMES[is_streamed]
            message = f"{call} is a call of {owner}, and this client speaks {self._api.name}: use analyze"
            raise TypeError(message)
        validate(check_request(request, self._api.request_name))

    def _check_sends(self, call: str) -> None:
        if self._sends_nothing:
            from vision_grpc.tape import TapeError

            message = f"{call} is not looked up on a tape, and with the mode none this client sends nothing"
            raise TapeError(message)

    def _operation_call(self, call: Literal["status", "cancel"], operation_id: object) -> tuple[Api, Message]:
        """Return a method of operations, and the request for it, checked."""
        self._check_sends("operation" if call == "status" else "cancel_operation")
        if (operations := self._api.deferred) is None or self._no_operations:
            message = f"this client cannot ask about operations: {self._no_operations}"
            raise TypeError(message)
        if not isinstance(operation_id, str):
            raise wrong_type(operation_id, "operation_id", "text such as 'fd8...'")
        if not is_header_value(operation_id):
            problem = f"{show(operation_id)} is not the id of an operation"
            raise InvalidRequestError([Violation("operation_id", problem)])
        api: Api = getattr(operations, call)
        request = api.template((), "", "").message([operation_id.encode()])
        validate(request)
        return api, request

    def _call_deadline(self, timeout: float | None) -> Deadline:
        timeout_s = check_timeout(timeout)
        return Deadline.after(self._timeouts.call_s if timeout_s is None else timeout_s)

    # Modules for a quota and a tape are imported where there is one: they take a twentieth of the time of all others.

    def _open_feed(self) -> "QuotaFeed | None":
        if self._quota is None:
            return None
        from vision_grpc.session.quota_feed import QuotaFeed

        return QuotaFeed(self._quota, self._monitor)

    def _open_tape(self) -> "TapeInUse | None":
        if self._tape is None:
            return None
        from vision_grpc.session.recorder import TapeInUse
        from vision_grpc.session.service_name import name_service
        from vision_grpc.tape.errors import OWN_TRANSPORT

        endpoint = self._settings.first_endpoint
        service = name_service(endpoint) if self._own_transport is None else OWN_TRANSPORT
        return TapeInUse(self._tape, service, self._monitor)

    def _recorder(self, plan: Plan, templates: Templates, context: Context) -> "Recorder | None":
        in_use = self._tape_in_use
        return None if in_use is None else in_use.recorder(self._api.name, templates, context, plan.deadline)

    def _run(self, plan: Plan, templates: Templates, context: Context) -> Run:
        destinations = self._destinations
        to = destinations.submitted if plan.deferred else destinations.sent
        observer = StreamMonitor(self._monitor, context, to, destinations.polled)
        return Run(plan, self._shared, random.Random(), observer, templates.config_of)  # noqa: S311 - spreads retries


def single(results: Sequence[ImageResult]) -> ImageResult:
    """Return the result of a stream of one image.

    Raises:
        VisionError: the call failed as a whole, or its answer is damaged.
    """
    [result] = results
    if (error := result.check().error) is not None and error.cause is not None:
        raise error.cause
    return result
