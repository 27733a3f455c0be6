import base64
import json
import logging
import subprocess
import sys

import pytest
from command_line import finish, read_line, run, start
from secret_watch import SECRETS, Watch

from vision_grpc.auth import ApiKey
from vision_grpc.errors import AuthError, VisionError
from vision_grpc.local.iam import Identities


def test_the_watch_knows_every_secret_that_the_tests_use(secret_watch: Watch) -> None:
    identities = Identities()
    token, _ = identities.issue()
    header = base64.urlsafe_b64encode(json.dumps({"alg": "PS256"}).encode()).decode().rstrip("=")
    secrets = [
        token, identities.api_key, identities.oauth_token, identities.authorized_key["private_key"],
        f"{header}.{header}.signature", ApiKey("anything-else").authorization(),
    ]  # fmt: skip
    assert all(SECRETS.search(f"before {secret} after") for secret in secrets)
    assert not SECRETS.search(f"{identities!r} Bearer <token>, Api-Key <key>, {identities.authorized_key['id']}")

    logging.getLogger("vision_grpc.auth").debug("the token is %s", token)
    str(AuthError(f"refused: {token}"))
    with pytest.raises(VisionError):
        raise VisionError(token)
    assert len(secret_watch.found) == 3
    assert token not in f"{secret_watch.found}"
    secret_watch.found.clear()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_watch_looks_at_all_that_programs_print(secret_watch: Watch, stream: str) -> None:
    program = ("-c", f"import sys; print(sys.argv[1], file=sys.{stream})")
    secret = Identities().api_key
    assert secret in f"{run(secret, program=program)}"
    subprocess.run([sys.executable, *program, secret], check=True, capture_output=True)
    assert [line.strip() for line in secret_watch.found] == ["AQVN" + secret[4:6] + "<secret>"] * 2
    secret_watch.found.clear()
    run("no secret", program=program)


def test_the_watch_looks_at_single_lines(secret_watch: Watch) -> None:
    process = start(Identities().oauth_token, program=("-c", "import sys; print(sys.argv[1])"))
    with pytest.raises(AssertionError):
        read_line(process)
    finish(process)
    assert secret_watch.found == []
