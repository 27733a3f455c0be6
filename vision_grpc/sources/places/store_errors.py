"""What went wrong with a store, in place of obstore's long texts."""

import re

from vision_grpc.errors import Code
from vision_grpc.sources.object_file import ObjectError
from vision_grpc.texts.quoting import quote_name, shorten

_NO_KEY = "there are no credentials: set"
NO_CREDENTIALS = (
    f"{_NO_KEY} AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for a bucket that everybody "
    "may read"
)

# What asks a machine of a cloud for its credentials; obstore does so where there are no others.
_METADATA = re.compile(r"169\.254\.(169\.254|170\.2)|metadata\.google|/latest/api/token")
_UNREACHED = re.compile(r"error sending request|operation timed out|kind: (Connect|Timeout)")
_ENDPOINT = re.compile(r"Error performing \w+ (\w+://[^/\s?]+)")
_KEY = re.compile(r'[Pp]ath "(.*?)"(?: contained|: )', re.DOTALL)
# The store's own word for what is wrong, in the XML of its answer.
_NAME = re.compile(r"<Code>(\w+)</Code>")
_REGION = re.compile(r"<Region>([\w-]+)</Region>|expecting '([\w-]+)'")
_STATUS = re.compile(r"status code: (\d{3})")

_REASONS: dict[str, tuple[Code, str]] = {
    "NoSuchBucket": (Code.NOT_FOUND, "there is no such bucket, check its name, AWS_ENDPOINT_URL and AWS_REGION"),
    "NoSuchKey": (Code.NOT_FOUND, "no such object, check its key"),
    "AccessDenied": (Code.PERMISSION_DENIED, "access is denied, check what these credentials may read"),
    "InvalidObjectState": (Code.FAILED_PRECONDITION, "is in an archive of the store: restore it first"),
    "PreconditionFailed": (Code.FAILED_PRECONDITION, "was changed while it was read: run the same again"),
    "RequestTimeTooSkewed": (Code.UNAUTHENTICATED, "the clock of this machine is wrong: set it"),
} | dict.fromkeys(
    (
        "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired",
        "Unauthorized",
    ),
    (Code.UNAUTHENTICATED, "the store refuses the credentials ({name}), check them"),
) | dict.fromkeys(
    ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"),
    (Code.INVALID_ARGUMENT, "the bucket is in another region{region}: set AWS_REGION"),
) | dict.fromkeys(
    ("InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"),
    (Code.UNAVAILABLE, "the store is overloaded or down ({name})"),
)  # fmt: skip
_NAMES = {
    "301": "PermanentRedirect", "401": "Unauthorized", "403": "AccessDenied", "404": "NoSuchKey",
    "412": "PreconditionFailed", "429": "SlowDown", "500": "InternalError", "502": "ServiceUnavailable",
    "503": "ServiceUnavailable", "504": "ServiceUnavailable",
}  # fmt: skip


def explain(error: Exception) -> ObjectError:
    """Return the error of an object or a bucket for one that obstore raised."""
    text = str(error)
    # Stores in memory have no words of S3.
    missing = _REASONS["NoSuchKey"] if isinstance(error, FileNotFoundError) else None
    found = _read_path(text) or _read_answer(text) or missing or (Code.UNKNOWN, shorten(text.partition("\n")[0]))
    return ObjectError(*found)


def _read_path(text: str) -> tuple[Code, str] | None:
    """Return what kept a request from being sent or answered."""
    if "invalid path" in text or "Could not parse path" in text:
        key = _KEY.search(text)
        named = f" {quote_name(key[1])}" if key else ""
        fault = f"the key{named} has an empty part, a part . or .., or a control character, which obstore cannot read"
        return Code.INVALID_ARGUMENT, f"{fault}: rename the object"
    if _METADATA.search(text):
        return Code.UNAUTHENTICATED, _describe_missing_credentials(text)
    if _STATUS.search(text) is None and _UNREACHED.search(text):
        endpoint = _ENDPOINT.search(text)
        where = f" at {endpoint[1]}" if endpoint else ""
        return Code.UNAVAILABLE, f"the store cannot be reached{where}: check the network and AWS_ENDPOINT_URL"
    return None


def _read_answer(text: str) -> tuple[Code, str] | None:
    """Return what the store answered."""
    name, status = _NAME.search(text), _STATUS.search(text)
    known = name[1] if name else ""
    if known not in _REASONS and status is not None:
        known = _NAMES.get(status[1], "")
    if "incorrectly configured region" in text:
        known = "PermanentRedirect"
    if known not in _REASONS:
        return None
    code, reason = _REASONS[known]
    region = _REGION.search(text)
    found = f" ({region[1] or region[2]})" if region else ""
    return code, reason.format(name=known, region=found)


def _describe_missing_credentials(text: str) -> str:
    if "GCS" in text:
        return f"{_NO_KEY} GOOGLE_APPLICATION_CREDENTIALS, or GOOGLE_SKIP_SIGNATURE=true for what everybody may read"
    if "Azure" in text:
        return f"{_NO_KEY} AZURE_STORAGE_ACCOUNT_KEY, or AZURE_SKIP_SIGNATURE=true for what everybody may read"
    return NO_CREDENTIALS
