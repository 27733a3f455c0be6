"""Documents of pages as kinds of sources, for the suite that all kinds pass: each image is a page."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import ClassVar

from documents import make_pdf, make_tiff, scanned
from PIL import Image
from source_kinds import SourceKind

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.fit import prepare
from vision_grpc.sources.item import Entry, Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places

_SIDE = 16


class DocumentKind(SourceKind):
    """Pages of one document, each with a pattern that stands for the bytes of its image."""

    holds_files = False
    can_lose_one = False
    suffix: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SourceOptions(fit=True))
        self._path = folder / f"pages{self.suffix}"
        self._names: list[str] = []

    def fill(self, images: Mapping[str, bytes]) -> None:
        self._names = list(images)
        self._path.write_bytes(self._make([_pattern_of(content) for content in images.values()]))

    def open(self) -> Iterator[Entry]:
        for entry in open_places([str(self._path)], self.options):
            if isinstance(entry, Item):
                entry.read = partial(_read_fitted, replace(entry))
            yield entry

    def key_of(self, name: str) -> str:
        return f"{self._path}#page={self._names.index(name) + 1}"

    def is_same(self, content: bytes, original: bytes) -> bool:
        return Image.open(BytesIO(content)).convert("L").tobytes() == _pattern_of(original).tobytes()

    @staticmethod
    @abstractmethod
    def _make(pages: Sequence[Image.Image]) -> bytes:
        """Return the content of a document of these pages."""


class Pdf(DocumentKind):
    """Scans in a PDF."""

    suffix = ".pdf"

    @staticmethod
    def _make(pages: Sequence[Image.Image]) -> bytes:
        return make_pdf([scanned(page, 72) for page in pages])


class Tiff(DocumentKind):
    """Pages of a TIFF file."""

    suffix = ".tiff"

    @staticmethod
    def _make(pages: Sequence[Image.Image]) -> bytes:
        return make_tiff(pages)


def _pattern_of(content: bytes) -> Image.Image:
    bits = Image.frombytes("1", (_SIDE, _SIDE), sha256(content).digest())
    return bits.convert("L").resize((4 * _SIDE, 4 * _SIDE), Image.Resampling.NEAREST)


def _read_fitted(item: Item, limits: Limits) -> bytes | ImageError:
    fitted = prepare(item, limits)
    return fitted if isinstance(fitted, ImageError) else fitted.content
