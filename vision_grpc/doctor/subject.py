"""Who is examined: a client that is told this."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vision_grpc.auth import Credentials
from vision_grpc.settings import Settings
from vision_grpc.transport.tls import Pem


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be looked at, with the names and defaults of a client's arguments."""

    endpoint: str | None = None
    transport: Literal["auto", "grpc", "rest"] | None = None
    credentials: Credentials | None = None
    folder_id: str | None = None
    root_certificates: Pem | None = None
    client_certificate: tuple[Pem, Pem] | None = field(default=None, repr=False)
    server_name: str | None = None
    insecure: bool = False
    data_logging: bool | None = None

    def resolve(self, environ: Mapping[str, str], credentials: Credentials | None) -> Settings:
        """Return the settings of a client that is told the same."""
        return Settings.resolve(
            environ,
            endpoint=self.endpoint,
            transport=self.transport,
            credentials=credentials,
            folder_id=self.folder_id,
            root_certificates=self.root_certificates,
            insecure=self.insecure,
            client_certificate=self.client_certificate,
            server_name=self.server_name,
            data_logging=self.data_logging,
        )
