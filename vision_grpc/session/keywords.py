"""Arguments that a client does not have, and what stands in their place."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from vision_grpc.config import Limits, RetryPolicy, Timeouts

_Self = TypeVar("_Self")
_Given = ParamSpec("_Given")

# What other clients call it, and what this one has.
_INSTEAD = {
    "credentials=ApiKey(...)": "api_key apikey key secret secret_key",
    "credentials=IamToken(...)": "token iam_token access_token bearer bearer_token",
    "credentials=OAuthToken(...)": "oauth oauth_token",
    "credentials=ServiceAccountKey(...)": "key_file keyfile key_path service_account service_account_key sa_key "
    "service_account_file service_account_key_file credentials_file credentials_path",
    "credentials=YcProfile(...)": "profile yc_profile",
    "credentials=... with an object of vision_grpc.auth": "auth authorization creds credential",
    "timeouts=Timeouts(call_s=...)": "timeout timeout_s call_timeout request_timeout read_timeout connect_timeout",
    "retry=RetryPolicy(attempts=...)": "retries max_retries max_attempts retry_policy retry_count",
    "limits=Limits(requests_per_s=...)": "rps qps rate rate_limit requests_per_second max_rps",
    "limits=Limits(images_per_s=...)": "images_per_second",
    "limits=Limits(calls_in_flight=...)": "concurrency max_concurrency workers max_workers threads jobs parallel",
    "folder_id=...": "folder folderid folderId",
    "endpoint=...": "url base_url uri host address target server api_endpoint",
    "transport=...": "protocol",
    "api=...": "api_version version service",
    "root_certificates=...": "ca ca_cert ca_certs ca_bundle cafile certificates verify ssl_context",
    "client_certificate=(chain, key)": "cert client_cert certificate",
    "insecure=True for a service without TLS": "plaintext secure tls ssl use_ssl use_tls",
    "metadata={...}": "headers extra_headers default_headers default_metadata",
    "on_event=...": "callback on_result hook hooks",
    "it to analyze or analyze_many": "languages language langs lang language_codes model ordered stop deferred",
}
_INSTEAD_OF = {name: instead for instead, names in _INSTEAD.items() for name in names.split()} | {
    field.name: f"{argument}={settings.__name__}({field.name}=...)"
    for argument, settings in (("limits", Limits), ("retry", RetryPolicy), ("timeouts", Timeouts))
    for field in fields(settings)
}


def explain_unknown(
    init: Callable[Concatenate[_Self, _Given], None],
) -> Callable[Concatenate[_Self, _Given], None]:
    """Let a constructor say of an argument that it does not have which one stands in its place."""
    # Not `inspect`, whose import takes as long as that of the rest of a client.
    code = init.__code__
    unnamed = code.co_argcount - 1
    known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    @wraps(init)
    def checked(self: _Self, /, *arguments: _Given.args, **named: _Given.kwargs) -> None:
        refuse_unknown(type(self).__name__, named, known)
        if len(arguments) > unnamed:
            message = (
                f"{type(self).__name__} takes {', '.join(known[:unnamed])} without its name, and all else by name: "
                f"{known[unnamed]}=..., {known[unnamed + 1]}=... and so on"
            )
            raise TypeError(message)
        init(self, *arguments, **named)

    return checked


def refuse_unknown(owner: str, named: Iterable[str], known: Sequence[str]) -> None:
    """Check that the owner has each of the named arguments.

    Raises:
        TypeError: it does not have one; the message says which one stands in its place.
    """
    for name in named:
        if name not in known:
            message = f"{owner} has no argument {name}: {_advise(name, known)}"
            raise TypeError(message)


def _advise(name: str, known: Iterable[str]) -> str:
    if (instead := _INSTEAD_OF.get(name)) is not None:
        return f"give {instead}"
    from difflib import get_close_matches

    if similar := get_close_matches(name.lower(), known, 1):
        return f"did you mean {similar[0]}?"
    return f"it has {', '.join(known)}"
