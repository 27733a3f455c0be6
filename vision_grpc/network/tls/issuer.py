"""Who issued a certificate: where a proxy opens TLS, its owner, and not the service's authority."""

from vision_grpc.network.secrets.quoting import quote_peer


def issuer_of(certificate: bytes) -> str:
    """Return the name of who issued a certificate in DER form, in quotation marks, or what is wrong with the name."""
    from cryptography.x509 import load_der_x509_certificate

    try:
        issuer = load_der_x509_certificate(certificate).issuer.rfc4514_string()
    except ValueError:
        return "somebody whose name cannot be read"
    return quote_peer(issuer) if issuer else "somebody without a name"
