import socket
from pathlib import Path
from typing import Literal

import pytest

from vision_grpc import VisionClient
from vision_grpc.auth import ApiKey
from vision_grpc.local import LocalVision

PAGE = Path(__file__).parent.parent / "data" / "pages" / "en_sans.png"


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_what_stays_on_this_machine_passes_no_proxy(
    monkeypatch: pytest.MonkeyPatch, transport: Literal["grpc", "rest"]
) -> None:
    """It may be plaintext, and a proxy is another machine."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, LocalVision() as vision:
        proxy.settimeout(0)
        for variable in ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        endpoint = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint
        insecure = transport == "grpc"
        with VisionClient(endpoint, transport=transport, credentials=ApiKey("key"), insecure=insecure) as client:
            assert client.analyze(PAGE, languages=["en"]).text.startswith("The harbour was quiet")
        with pytest.raises(BlockingIOError):
            proxy.accept()
