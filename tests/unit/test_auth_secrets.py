import base64
import json
import logging

import pytest
from secret_watch import _SECRETS, _Watch

from vision_grpc.auth import ApiKey, OAuthToken
from vision_grpc.errors import AuthError, VisionError
from vision_grpc.local.iam import Identities


def test_the_watch_knows_every_secret_that_the_tests_use(secret_watch: _Watch) -> None:
    identities = Identities()
    token, _ = identities.issue()
    header = base64.urlsafe_b64encode(json.dumps({"alg": "PS256"}).encode()).decode().rstrip("=")
    secrets = [
        token, identities.api_key, identities.oauth_token, identities.authorized_key["private_key"],
        f"{header}.{header}.signature", ApiKey("anything-else").authorization(),
    ]  # fmt: skip
    assert all(_SECRETS.search(f"before {secret} after") for secret in secrets)
    assert not _SECRETS.search(f"{identities!r} Bearer <token>, Api-Key <key>, {identities.authorized_key['id']}")

    logging.getLogger("vision_grpc.auth").debug("the token is %s", token)
    str(AuthError(f"refused: {token}"))
    with pytest.raises(VisionError):
        raise VisionError(token)
    assert len(secret_watch.found) == 3
    assert token not in f"{secret_watch.found}"
    secret_watch.found.clear()


def test_what_the_service_says_does_not_bring_the_secret_back(secret_watch: _Watch) -> None:
    from auth_peers import Reply, Request, http_server

    def quote(request: Request) -> Reply:
        token = json.loads(request.body)["yandexPassportOauthToken"]
        return Reply(401, json.dumps({"code": 16, "message": f"bad token {token}"}).encode())

    identities = Identities()
    with http_server(quote) as url, pytest.raises(AuthError, match=r"UNAUTHENTICATED: bad token \.\.\.;") as caught:
        OAuthToken(identities.oauth_token, iam_endpoint=url, transport="rest").authorization()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or not _SECRETS.search(str(caught.value.__context__))
    # What the service said comes as an exception first; that one is dropped.
    assert [line.partition("(")[0] for line in secret_watch.found] == ["ServiceError"]
    secret_watch.found.clear()
