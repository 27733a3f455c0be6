"""Which protocol a service speaks: HTTP/2, which gRPC needs, or HTTP/1.1, which REST needs."""

import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Literal

from vision_grpc.cloud.once import fetch
from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.errors import Advice, DeadlineError, PathError, VisionError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.http.message import HttpAnswer, HttpRequest
from vision_grpc.session.settings import Settings

Reply = Literal["http2", "other", "end", "silence"]
"""What came back: HTTP/2, something else, the end of the connection, or nothing in time."""

# RFC 9113, 3.4: a client begins with this text and SETTINGS, which are empty here. The server answers with its own.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS_TYPE = 4
_FRAME_HEADER_BYTES = 9
_MOST_SKEW_S = 300.0
CORRECT_THE_PORT = Advice("correct the port")
HANGS = (CORRECT_THE_PORT, Advice("check whether the service hangs or a firewall holds its answers back"))
"""The advice for a service that accepts connections and does not answer."""


def begin_http2(connection: socket.socket) -> tuple[Reply, str]:
    """Return what a service answers to the beginning of HTTP/2, and how the connection ended."""
    header = b""
    try:
        connection.sendall(_PREFACE)
        while len(header) < _FRAME_HEADER_BYTES:
            if not (piece := connection.recv(_FRAME_HEADER_BYTES - len(header))):
                break
            header += piece
    except TimeoutError:
        return ("other" if header else "silence"), ""
    except ssl.SSLError as error:
        return "end", error.reason or str(error)
    except OSError as error:
        return ("other" if header else "end"), error.strerror or str(error)
    if len(header) == _FRAME_HEADER_BYTES and header[3] == _SETTINGS_TYPE:
        return "http2", ""
    return ("other", "") if header else ("end", "closed without an answer")


def ask_over_http1(settings: Settings, timeout_s: float) -> HttpAnswer:
    """Return the answer to an HTTP/1.1 request, whatever its status.

    Raises:
        FaultError: there is no answer.
    """
    try:
        return fetch(
            Attempt(settings.first_endpoint, Deadline.after(timeout_s)), settings.tls, HttpRequest("GET", "/", {})
        )
    except VisionError as error:
        message = f"no answer over HTTP/1.1: {error.problem}"
        if isinstance(error, PathError) and error.lasting:
            raise FaultError(message, *error.advice, name="tls") from error
        if isinstance(error, DeadlineError):
            raise FaultError(message, *HANGS, name="http") from error
        grpc = Advice("pass", "transport", '"grpc"', "if the port is for gRPC only")
        raise FaultError(message, CORRECT_THE_PORT, grpc, *error.advice, name="http") from error


def compare_clocks(answer: HttpAnswer) -> Finding:
    """Return how far this machine's clock is from the clock of the service that answered."""
    try:
        service_time = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return Finding("clock", "ok", "not compared: the answer over HTTP/1.1 has no date")
    skew_s = time.time() - service_time
    if abs(skew_s) <= _MOST_SKEW_S:
        return Finding("clock", "ok", f"within {abs(skew_s) + 1:.0f} s of the service's clock")
    direction = "ahead of" if skew_s > 0 else "behind"
    return Finding(
        "clock",
        "fault",
        f"this machine's clock is {abs(skew_s):.0f} s {direction} the service's clock",
        [Advice("set the clock: tokens and certificates need it")],
    )
