"""The directory of Tesseract's language data on this machine."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.ocr.languages import codes_of
from vision_grpc.texts.cleaning import clean
from vision_grpc.texts.quoting import quote_name

_SUFFIX = ".traineddata"


def find_tessdata(environ: Mapping[str, str], *, root: Path = Path("/")) -> Path:
    """Return the directory of language data: TESSDATA_PREFIX if it is set, else the system's.

    Raises:
        LocalServiceError: there is no data for any language; the message says what to install.
    """
    prefix = clean(environ.get("TESSDATA_PREFIX", "")).text
    # If the variable is set, the system's directories are not a fallback. Tesseract 3 wanted the parent directory.
    directories = [*_system_directories(root)] if not prefix else [Path(prefix), Path(prefix, "tessdata")]
    for directory in directories:
        if codes_of(installed_models(directory)):
            return directory
    raise LocalServiceError(_explain(prefix, directories))


def installed_models(directory: Path) -> list[str]:
    """Return the sorted names of the models in a directory, an empty list if it does not exist."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in directory.glob(f"*{_SUFFIX}"))


def _system_directories(root: Path) -> Iterator[Path]:
    # Debian and Ubuntu have a directory for each major version; the newest comes first.
    yield from sorted((root / "usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)
    yield root / "usr/share/tessdata"
    yield root / "usr/local/share/tessdata"


def _explain(prefix: str, directories: Iterable[Path]) -> str:
    searched = f"TESSDATA_PREFIX={quote_name(prefix)}" if prefix else ", ".join(map(str, directories))
    return (
        f"no Tesseract language data: there is no *{_SUFFIX} of a language in {searched}. "
        "Install it (apt-get install tesseract-ocr-eng tesseract-ocr-rus), "
        "or set TESSDATA_PREFIX to the directory that has it"
    )
