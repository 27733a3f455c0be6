"""Where Tesseract's language data is on this machine."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.ocr.languages import codes_of

_SUFFIX = ".traineddata"


def find_tessdata(environ: Mapping[str, str], *, root: Path = Path("/")) -> Path:
    """Return the directory of language data: that of TESSDATA_PREFIX when it is set, else the system's.

    Raises:
        LocalServiceError: no data for any language; says what to install.
    """
    prefix = environ.get("TESSDATA_PREFIX")
    # What is set on purpose is not replaced behind the user's back. Tesseract 3 took the parent.
    places = [*_system_directories(root)] if not prefix else [Path(prefix), Path(prefix, "tessdata")]
    for directory in places:
        if codes_of(installed_models(directory)):
            return directory
    raise LocalServiceError(_explain(prefix, places))


def installed_models(directory: Path) -> list[str]:
    """Return the names of the models in a directory, sorted; none when there is no such directory."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in directory.glob(f"*{_SUFFIX}"))


def _system_directories(root: Path) -> Iterator[Path]:
    # Debian and Ubuntu have a directory per major version, of which the newest is wanted.
    yield from sorted((root / "usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)
    yield root / "usr/share/tessdata"
    yield root / "usr/local/share/tessdata"


def _explain(prefix: str | None, places: Iterable[Path]) -> str:
    looked = ", ".join(map(str, places))
    found = f"TESSDATA_PREFIX={prefix} holds" if prefix else f"{looked} hold"
    return (
        f"no Tesseract language data: {found} no *{_SUFFIX} of a language. "
        "Install it (apt-get install tesseract-ocr-eng tesseract-ocr-rus), "
        "or set TESSDATA_PREFIX to the directory that has it"
    )
