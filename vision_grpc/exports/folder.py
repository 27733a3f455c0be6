"""A folder with a file for each image, or for each document whose pages are images."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from tempfile import SpooledTemporaryFile

from vision_grpc.bulk.text_folder import TextFolder
from vision_grpc.exports.documents import documents, pages_of, tables_of
from vision_grpc.exports.kinds import Kind
from vision_grpc.results import ImageResult

_MOST_HELD_BYTES = 8 << 20
"""A file that is larger is not held in memory."""

Write = Callable[[Iterable[ImageResult]], Iterator[bytes]]


class ExportFolder:
    """Writes a file for each image: of `scans/a.png`, to `scans/a.tsv` in the folder.

    Pages of a document (`b.pdf#page=3`) that follow each other go to one file (`b.tsv`) where the format holds several;
    else each page of a result that has several gets a file, too, or each of its tables.
    The names are those of `TextFolder`, which never overwrites another file; each file appears when it is complete, and
    a large one is in a temporary file until then.

    Raises:
        TextFolderError: the folder cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str], kind: Kind) -> None:
        self._kind = kind
        self._folder = TextFolder(path, suffix=kind.suffix.encode(), differs=kind.differs)

    def write(self, results: Iterable[ImageResult], writer: Write) -> int:
        """Write the files, and return how many there are.

        Raises:
            TextFolderError: a file cannot be written.
        """
        count = 0
        for key, pages in self._files(results):
            with _collected(writer(pages)) as content:
                if content or self._kind.is_text:
                    self._folder.put(key, content)
                    count += 1
        return count

    @property
    def moved(self) -> int:
        """How many files have longer names because other files were there."""
        return self._folder.moved

    def _files(self, results: Iterable[ImageResult]) -> Iterator[tuple[str, Iterable[ImageResult]]]:
        if self._kind.a_file == "document":
            return documents(results)
        parts = pages_of if self._kind.a_file == "page" else tables_of
        return ((part.key, [part]) for result in results for part in parts(result))


@contextmanager
def _collected(chunks: Iterable[bytes]) -> Generator[bytes | memoryview]:
    """Yield chunks as one: if they are large together, mapped from a temporary file."""
    with SpooledTemporaryFile(_MOST_HELD_BYTES) as file:
        for chunk in chunks:
            file.write(chunk)
        if file.tell() > _MOST_HELD_BYTES:
            file.flush()
            # Not closed here: an error may have parts of it. It goes with the last of them.
            yield memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))
        else:
            file.seek(0)
            yield file.read()
