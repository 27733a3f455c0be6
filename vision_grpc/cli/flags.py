"""The library's advice in the words of the command line: it names arguments of Python and fields of the contract."""

import re

# Not within a path or a longer name.
_WORD = r"(?<![\w./-])(?:{})(?![\w.]*\w)"
_FLAGS = tuple(
    (re.compile(pattern), flag)
    for pattern, flag in (
        (r"pass credentials=Anonymous\(\)", "use --anonymous"),
        # There are no other objects to pass.
        (r",? or pass credentials=\w+\([^)]*\)(?: or another of vision_grpc\.auth)?", ""),
        (r"(?:[\w\[\]]+\.)*language_codes(\[\d+\])?(?=:)", r"--languages\1"),
        (r"(?:[\w\[\]]+\.)*text_detection_config\.model(?=:)", "--model"),
        (_WORD.format("folder_id(?=:)"), "--folder-id (or YC_FOLDER_ID)"),
        (_WORD.format("folder_id"), "--folder-id"),
        (_WORD.format("insecure=True"), "--insecure"),
        (_WORD.format("root_certificates"), "--root-certificates"),
        (_WORD.format("client_certificate"), "--client-certificate and --client-key"),
        (_WORD.format("server_name"), "--server-name"),
        (_WORD.format(r"Timeouts\.call_s"), "--timeout"),
    )
)


def in_flags(message: str) -> str:
    """Return a message of the library with flags for what it names otherwise."""
    for pattern, flag in _FLAGS:
        message = pattern.sub(flag, message)
    return message
