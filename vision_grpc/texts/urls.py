"""URLs where users were to give something else, and in messages: the query of one may be a signature."""

import re

# A Path makes one slash of two: of those with one, only the schemes that people use are URLs.
_URL = re.compile(
    r"\s*['\"<]?(?:([a-z][a-z0-9+.-]+)://|(https?|ftps?|file|s3a?|gs|az|azure|adl|abfss?|hdfs|wasbs?):/(?!/))",
    re.IGNORECASE,
)
_WEB = re.compile(r"(\s*https?:/+)([^/?#]*@)?([^?#]*)([?#].*)?", re.IGNORECASE | re.DOTALL)


def scheme_like(text: str) -> str | None:
    """Return the scheme of what looks like a URL, in lower case; None if it does not."""
    found = _URL.match(text)
    return None if found is None else (found[1] or found[2]).lower()


def without_secrets(text: str) -> str:
    """Return the URL of a web page without its user, password and query; any other text as it is."""
    if ":/" not in text or (found := _WEB.fullmatch(text)) is None:
        return text
    scheme, user, place, query = found.groups()
    return f"{scheme}{'...@' if user else ''}{place}{'?...' if query else ''}"
