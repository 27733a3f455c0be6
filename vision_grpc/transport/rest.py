"""The service over REST: the same messages as JSON."""

import ssl
import time
import uuid
from datetime import UTC, datetime

import httpx2

from vision_grpc.auth import Credentials
from vision_grpc.errors import Code, DeadlineError, ProtocolError, ServiceError, TransportError
from vision_grpc.json import RequestBody, find_error, from_json, read_error
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.results import TransportName
from vision_grpc.transport import Answer
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.method import REST_PATH, check_result_count
from vision_grpc.version import USER_AGENT

_HTTP_OK = 200
# The JSON of eight densely printed pages is about 20 MB. The cap protects memory from a lying peer.
_ANSWER_BYTES = 256 * 1024 * 1024


class RestTransport:
    """A pool of HTTP connections to the service."""

    name: TransportName = "rest"

    def __init__(self, endpoint: Endpoint, credentials: Credentials, roots: bytes | None) -> None:
        verify = True if roots is None else ssl.create_default_context(cadata=roots.decode("ascii", errors="ignore"))
        self._http = httpx2.Client(base_url=endpoint.url, verify=verify, headers={"user-agent": USER_AGENT})
        self._endpoint = endpoint
        self._credentials = credentials

    def call(self, request: BatchAnalyzeRequest, *, timeout_s: float) -> Answer:
        """Return the service's answer; see `Transport`."""
        deadline = time.monotonic() + timeout_s
        request_body = RequestBody.of_request(request)
        http_request = self._http.build_request(
            "POST", REST_PATH, content=iter(request_body), headers=self._headers(request_body), timeout=timeout_s
        )
        try:
            http_response = self._http.send(http_request, stream=True)
            try:
                body = self._read_body(http_response, deadline, timeout_s)
            finally:
                http_response.close()
        except httpx2.TimeoutException as error:
            raise self._late(timeout_s) from error
        except httpx2.DecodingError as error:
            message = f"the answer is not encoded as it says: {error}"
            raise ProtocolError(message) from error
        except httpx2.TransportError as error:
            message = f"{self._endpoint.target} was not reached or broke off: {str(error) or type(error).__name__}"
            raise TransportError(message) from error
        request_id = http_response.headers.get("x-request-id")
        if http_response.status_code != _HTTP_OK or _is_grpc(http_response):
            now = datetime.now(UTC)
            raise _service_error(read_error(http_response.status_code, http_response.headers, body, now), request_id)
        response = from_json(body, BatchAnalyzeResponse)
        if not response.results and (status := find_error(body)) is not None:
            raise _service_error(status, request_id)
        check_result_count(request, response)
        return Answer(response, request_id)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _headers(self, body: RequestBody) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            # Without it the body would go in chunks, which some gateways refuse.
            "content-length": str(body.content_length),
            "x-client-request-id": str(uuid.uuid4()),
        }
        authorization = self._credentials.authorization()
        if authorization is not None:
            headers["authorization"] = authorization
        return headers

    def _read_body(self, response: httpx2.Response, deadline: float, timeout_s: float) -> bytes:
        """Return the whole body; the client's own time-outs only bound each single read."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if time.monotonic() > deadline:
                raise self._late(timeout_s)
            if len(body) > _ANSWER_BYTES:
                message = f"the answer is longer than {_ANSWER_BYTES} bytes"
                raise ProtocolError(message)
        return bytes(body)

    def _late(self, timeout_s: float) -> DeadlineError:
        return DeadlineError(f"no answer from {self._endpoint.target} within {timeout_s:g} s")


def _service_error(status: Status, request_id: str | None) -> ServiceError:
    return ServiceError(
        Code.from_number(status.code), status.message, details=tuple(status.details), request_id=request_id
    )


def _is_grpc(response: httpx2.Response) -> bool:
    """Whether a proxy took the call for one of gRPC, whose errors come with a good HTTP status."""
    media_type: str = response.headers.get("content-type", "")
    return media_type.startswith("application/grpc")
