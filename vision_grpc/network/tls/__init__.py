"""TLS: the certificates that connections trust and present, the same over both transports, and what failures mean."""

from vision_grpc.network.tls.client_certificate import ClientCertificate, read_client_certificate
from vision_grpc.network.tls.hints import Hint, early_end_hint, tls_hint
from vision_grpc.network.tls.pem import Pem
from vision_grpc.network.tls.tls import Tls, read_server_name
from vision_grpc.network.tls.trust import Trust, read_trust

__all__ = [
    "ClientCertificate",
    "Hint",
    "Pem",
    "Tls",
    "Trust",
    "early_end_hint",
    "read_client_certificate",
    "read_server_name",
    "read_trust",
    "tls_hint",
]
