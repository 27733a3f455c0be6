"""Credentials against servers of their own: real exchanges, over gRPC and REST, in threads and on event loops."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import pytest
import trustme
from auth_peers import Reply, Request, grpc_server, http_server, iam_over_grpc, iam_over_rest
from cryptography.hazmat.primitives import serialization

from vision_grpc.auth import Credentials, IamToken, MetadataService, OAuthToken, ServiceAccountKey, YcProfile, exchanged
from vision_grpc.auth.token import clock
from vision_grpc.cloud import single_flight
from vision_grpc.cloud.single_flight import LONGEST_S
from vision_grpc.errors import AuthError
from vision_grpc.local.cloud.iam import Identities

Way = Literal["grpc", "rest"]
Kind = Literal["service account key", "oauth", "profile"]
KINDS: tuple[Kind, ...] = ("service account key", "oauth", "profile")


@pytest.fixture(scope="module")
def key() -> Identities:
    return Identities()


@contextmanager
def iam(identities: Identities, way: Way) -> Generator[str]:
    server = grpc_server(iam_over_grpc(identities)) if way == "grpc" else http_server(iam_over_rest(identities))
    with server as address:
        yield address


def make(kind: Kind, identities: Identities, way: Way, address: str, folder: Path) -> Credentials:
    insecure = way == "grpc"
    if kind == "service account key":
        return ServiceAccountKey(identities.authorized_key, iam_endpoint=address, transport=way, insecure=insecure)
    if kind == "oauth":
        return OAuthToken(identities.oauth_token, iam_endpoint=address, transport=way, insecure=insecure)
    config = folder / "config.yaml"
    config.write_text(f"current: me\nprofiles:\n  me:\n    token: {identities.oauth_token}\n", encoding="utf-8")
    return YcProfile(path=config, iam_endpoint=address, insecure=insecure)


@pytest.mark.parametrize("way", ["grpc", "rest"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_is_exchanged_once_and_serves_threads_and_loops(
    kind: Kind, way: Way, key: Identities, tmp_path: Path
) -> None:
    with iam(key, way) as address:
        before = key.exchanges
        credentials = make(kind, key, way, address, tmp_path)
        first = await credentials.authorization_async(timeout_s=20)
        second = await asyncio.to_thread(credentials.authorization)
        key.check(first)
        assert first == second
        assert key.exchanges == before + 1


@pytest.mark.parametrize("way", ["grpc", "rest"])
@pytest.mark.parametrize("shell", ["sync", "asyncio"])
async def test_a_refused_token_is_replaced(way: Way, shell: str, key: Identities, tmp_path: Path) -> None:
    with iam(key, way) as address:
        credentials = make("oauth", key, way, address, tmp_path)
        first = await credentials.authorization_async()
        key.revoke_tokens()
        if shell == "sync":
            second = await asyncio.to_thread(credentials.authorization, refused=first)
        else:
            second = await credentials.authorization_async(refused=first)
        assert second != first
        key.check(second)
        assert await credentials.authorization_async() == second


def test_grpc_is_left_for_rest_where_it_does_not_get_through(key: Identities, tmp_path: Path) -> None:
    import ssl

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    roots = tmp_path / "roots.pem"
    authority.cert_pem.write_to_path(roots)
    with http_server(iam_over_rest(key), context) as url:
        key.check(OAuthToken(key.oauth_token, iam_endpoint=url, root_certificates=roots).authorization(timeout_s=20))
        # The certificate of this authority is trusted by nobody else.
        with pytest.raises(AuthError, match=r"not trusted here \(.*; pass root_certificates"):
            OAuthToken(key.oauth_token, iam_endpoint=url).authorization(timeout_s=20)


def test_the_key_file_is_read_again_for_each_token(key: Identities, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key.authorized_key), encoding="utf-8")
    path.chmod(0o600)
    with iam(key, "rest") as address:
        credentials = ServiceAccountKey(path, iam_endpoint=address, transport="rest")
        first = credentials.authorization()
        path.write_text("{}", encoding="utf-8")
        with pytest.raises(AuthError, match="no id, service_account_id, private_key"):
            credentials.authorization(refused=first)
        assert credentials.authorization() == first


def test_a_key_file_is_parsed_once_for_all_that_it_stays_the_same(
    key: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[bytes] = []

    def load(pem: bytes, password: None) -> object:
        loads.append(pem)
        return load_pem_private_key(pem, password)

    load_pem_private_key = serialization.load_pem_private_key
    monkeypatch.setattr(serialization, "load_pem_private_key", load)
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key.authorized_key), encoding="utf-8")
    path.chmod(0o600)
    with iam(key, "rest") as address:
        credentials = ServiceAccountKey(path, iam_endpoint=address, transport="rest")
        token = credentials.authorization(refused=credentials.authorization())
        key.check(token)
        assert len(loads) == 1
        path.write_text(json.dumps(key.authorized_key, indent=1), encoding="utf-8")
        key.check(credentials.authorization(refused=token))
        assert len(loads) == 2


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="pipes have no names here")
def test_a_key_may_come_through_a_pipe(key: Identities) -> None:
    reader, writer = os.pipe()
    with iam(key, "rest") as address:
        with os.fdopen(reader), os.fdopen(writer, "w") as pipe:
            pipe.write(json.dumps(key.authorized_key))
            pipe.close()
            credentials = ServiceAccountKey(f"/dev/fd/{reader}", iam_endpoint=address, transport="rest")
        key.check(credentials.authorization(refused=credentials.authorization()))


class _Callers:
    """A thousand of them, in threads and tasks, all at once."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def ask(self, count: int) -> set[str | None]:
        def ask_in_loop() -> set[str | None]:
            async def ask_all() -> list[str | None]:
                return await asyncio.gather(*(self._credentials.authorization_async() for _ in range(count // 4)))

            return set(asyncio.run(ask_all()))

        with ThreadPoolExecutor(34) as threads:
            loop = asyncio.get_running_loop()
            blocking = [loop.run_in_executor(threads, self._credentials.authorization) for _ in range(count // 2)]
            other_loop = loop.run_in_executor(threads, ask_in_loop)
            here = asyncio.gather(*(self._credentials.authorization_async() for _ in range(count // 4)))
            return {*await asyncio.gather(*blocking), *await here, *await other_loop}


@pytest.mark.parametrize("way", ["grpc", "rest"])
async def test_a_thousand_callers_cause_one_exchange(way: Way, tmp_path: Path) -> None:
    identities = Identities()
    with iam(identities, way) as address:
        tokens = await _Callers(make("oauth", identities, way, address, tmp_path)).ask(1000)
    assert len(tokens) == 1
    assert identities.exchanges == 1


# 30 is the long run. A busy machine takes its time over an exchange: a third of a token's life is there for it.
LOAD_S = float(os.environ.get("VISION_GRPC_TEST_LOAD_S", "9"))
LIFETIME_S = min(5.0, LOAD_S / 2)


@pytest.mark.timeout(LOAD_S + 60)
@pytest.mark.parametrize("way", ["grpc", "rest"])
async def test_under_steady_load_short_tokens_never_expire_and_nobody_waits(way: Way, tmp_path: Path) -> None:
    identities = Identities(token_lifetime_s=LIFETIME_S)
    end = time.monotonic() + LOAD_S
    slow = threading.Event()

    def check(authorization: str | None) -> None:
        identities.check(authorization)
        served.append(authorization)

    def load(credentials: Credentials) -> None:
        while time.monotonic() < end:
            # No time is left to wait: a caller that had to would fail.
            check(credentials.authorization(timeout_s=0))
            slow.wait(0.001)

    async def load_loop(credentials: Credentials) -> None:
        while time.monotonic() < end:
            check(await credentials.authorization_async(timeout_s=0))
            await asyncio.sleep(0.001)

    served: list[str | None] = []
    with iam(identities, way) as address:
        credentials = make("oauth", identities, way, address, tmp_path)
        await credentials.authorization_async()
        await asyncio.gather(*(asyncio.to_thread(load, credentials) for _ in range(2)), load_loop(credentials))
    assert LOAD_S / LIFETIME_S < identities.exchanges < 3 * LOAD_S / LIFETIME_S
    assert len(set(served)) >= identities.exchanges - 1


def test_slow_calls_that_are_refused_one_after_the_other_cause_one_exchange(key: Identities, tmp_path: Path) -> None:
    before = key.exchanges
    with iam(key, "rest") as address:
        credentials = make("oauth", key, "rest", address, tmp_path)
        first = credentials.authorization()
        key.revoke_tokens()
        others = [credentials.authorization(refused=first) for _ in range(6)]
    assert len(set(others)) == 1
    key.check(others[0])
    assert key.exchanges == before + 2


def test_a_spurious_refusal_while_the_iam_service_is_down_costs_nobody_else_their_token(tmp_path: Path) -> None:
    identities = Identities()
    with iam(identities, "rest") as address:
        credentials = make("oauth", identities, "rest", address, tmp_path)
        first = credentials.authorization()
    with pytest.raises(AuthError, match="check the network"):
        credentials.authorization(refused=first, timeout_s=0.2)
    assert credentials.authorization(timeout_s=0) == first


async def test_an_event_loop_goes_on_while_a_token_is_waited_for(tmp_path: Path) -> None:
    identities = Identities()
    asked, go_on = threading.Event(), threading.Event()
    answer = iam_over_rest(identities)

    def late(request: Request) -> Reply:
        asked.set()
        go_on.wait(20)
        return answer(request)

    with http_server(late) as url:
        waiting = asyncio.create_task(make("oauth", identities, "rest", url, tmp_path).authorization_async())
        assert await asyncio.to_thread(asked.wait, 20)
        assert not waiting.done()
        go_on.set()
        identities.check(await waiting)


def test_an_impatient_caller_does_not_spoil_the_exchange_for_others(tmp_path: Path) -> None:
    identities = Identities()
    asked, go_on = threading.Event(), threading.Event()
    answer = iam_over_rest(identities)

    def late(request: Request) -> Reply:
        asked.set()
        go_on.wait(20)
        return answer(request)

    async def cancelled(credentials: Credentials) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await credentials.authorization_async()

    with http_server(late) as url, ThreadPoolExecutor(1) as threads:
        credentials = make("oauth", identities, "rest", url, tmp_path)
        with pytest.raises(AuthError, match=r"within 0\.01 s: it has not answered yet"):
            credentials.authorization(timeout_s=0.01)
        asyncio.run(cancelled(credentials))
        patient = threads.submit(credentials.authorization)
        assert asked.wait(20)
        go_on.set()
        identities.check(patient.result(20))
    assert identities.exchanges == 1


def test_a_callable_gives_tokens_and_is_asked_again_when_one_is_refused() -> None:
    tokens = iter(["one", "two"])
    caller: list[str] = []

    def give() -> str:
        caller.append(threading.current_thread().name)
        return next(tokens)

    credentials = IamToken(give)
    assert [credentials.authorization() for _ in range(3)] == ["Bearer one"] * 3
    assert credentials.authorization(refused="Bearer one") == "Bearer two"
    assert asyncio.run(credentials.authorization_async()) == "Bearer two"
    assert caller == ["vision-grpc-token"] * 2


def test_a_callable_that_hangs_is_given_up_and_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead_s = [0.0]
    monkeypatch.setattr(exchanged, "clock", lambda: clock() + ahead_s[0])
    go_on, given, calls = threading.Event(), threading.Event(), iter(range(1, 9))

    def give() -> str:
        number = next(calls)
        if number == 1:
            go_on.wait(20)
            given.set()
        return f"token-{number}"

    credentials = IamToken(give)
    with pytest.raises(AuthError, match="it has not answered yet; check the network"):
        credentials.authorization(timeout_s=0.01)
    ahead_s[0] = LONGEST_S
    assert credentials.authorization(timeout_s=20) == "Bearer token-2"
    # The first comes too late to be of use: a later one is there.
    go_on.set()
    for hung in threading.enumerate():
        if hung.name == "vision-grpc-token":
            hung.join(20)
    assert given.is_set()
    assert credentials.authorization() == "Bearer token-2"


async def test_callers_of_a_callable_that_hangs_wait_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_flight, "LONGEST_S", 0.05)
    go_on, calls = threading.Event(), iter(range(1, 9))

    def give() -> str:
        number = next(calls)
        if number == 1:
            go_on.wait(20)
        return f"token-{number}"

    credentials = IamToken(give)
    try:
        assert await credentials.authorization_async(timeout_s=20) == "Bearer token-2"
    finally:
        go_on.set()


def test_a_callable_that_fails_says_where_and_not_what() -> None:
    token, _ = Identities().issue()

    def fail() -> str:
        raise KeyError(token)

    message = r"the callable of IamToken raised KeyError at .*test_auth_exchange\.py:\d+$"
    with pytest.raises(AuthError, match=message) as caught:
        IamToken(fail).authorization(timeout_s=0.05)
    assert caught.value.__cause__ is caught.value.__context__ is None


async def _async_token() -> str:
    return "t1.never"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (_async_token, "returned an object of type coroutine: it has to return the token as a str, and cannot be"),
        (lambda: None, "returned an object of type NoneType: it has"),
        (lambda: b"t1.never", "returned an object of type bytes: it has"),
        (lambda: " ", "did not return a token: the IAM token is empty"),
    ],
)
def test_a_callable_that_returns_no_token_is_told_what_to_return(value: Callable[[], str], message: str) -> None:
    with pytest.raises(AuthError, match=f"the callable of IamToken {message}"):
        IamToken(value).authorization(timeout_s=0.05)


async def test_the_metadata_service_gives_the_machines_token() -> None:
    identities = Identities()
    requests: list[Request] = []

    def answer(request: Request) -> Reply:
        requests.append(request)
        token, _ = identities.issue()
        return Reply(200, json.dumps({"access_token": token, "expires_in": 4000, "token_type": "Bearer"}).encode())

    with http_server(answer) as url:
        credentials = MetadataService(url.removeprefix("http://"))
        identities.check(await credentials.authorization_async())
        identities.check(await asyncio.to_thread(credentials.authorization))
    [request] = requests
    assert request.path == "/computeMetadata/v1/instance/service-accounts/default/token"
    assert request.headers["metadata-flavor"] == "Google"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_exchanges_for_itself_while_the_parent_does(tmp_path: Path) -> None:
    identities = Identities()
    asked, go_on = threading.Event(), threading.Event()
    answer = iam_over_rest(identities)

    def hang_once(request: Request) -> Reply:
        if not asked.is_set():
            asked.set()
            go_on.wait(20)
        return answer(request)

    with ExitStack() as stack:
        url = stack.enter_context(http_server(hang_once))
        threads = stack.enter_context(ThreadPoolExecutor(1))
        credentials = make("oauth", identities, "rest", url, tmp_path)
        parent = threads.submit(credentials.authorization)
        assert asked.wait(20)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if credentials.authorization(timeout_s=20) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        go_on.set()
        identities.check(parent.result(20))
    assert identities.exchanges == 2
