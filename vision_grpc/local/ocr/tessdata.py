"""Where Tesseract's language data is on this machine."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.ocr.languages import codes_of

_SUFFIX = ".traineddata"


def find_tessdata(environ: Mapping[str, str], *, root: Path = Path("/")) -> Path:
    """Return the directory of language data: TESSDATA_PREFIX if it is set, else the system's.

    Raises:
        LocalServiceError: there is no data for any language; the message says what to install.
    """
    prefix = environ.get("TESSDATA_PREFIX")
    # A directory that the user has set is not replaced silently. Tesseract 3 took the parent.
    directories = [*_system_directories(root)] if not prefix else [Path(prefix), Path(prefix, "tessdata")]
    for directory in directories:
        if codes_of(installed_models(directory)):
            return directory
    raise LocalServiceError(_explain(prefix, directories))


def installed_models(directory: Path) -> list[str]:
    """Return the names of the models in a directory, sorted; none when there is no such directory."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in directory.glob(f"*{_SUFFIX}"))


def _system_directories(root: Path) -> Iterator[Path]:
    # Debian and Ubuntu have a directory for each major version; the newest is first.
    yield from sorted((root / "usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)
    yield root / "usr/share/tessdata"
    yield root / "usr/local/share/tessdata"


def _explain(prefix: str | None, directories: Iterable[Path]) -> str:
    searched = ", ".join(map(str, directories))
    found = f"TESSDATA_PREFIX={prefix} holds" if prefix else f"{searched} hold"
    return (
        f"no Tesseract language data: {found} no *{_SUFFIX} of a language. "
        "Install it (apt-get install tesseract-ocr-eng tesseract-ocr-rus), "
        "or set TESSDATA_PREFIX to the directory that has it"
    )
