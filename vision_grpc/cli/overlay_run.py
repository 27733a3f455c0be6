"""One run of `vision-grpc overlay`: from images or a journal to pictures with boxes."""

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from vision_grpc.bulk.journal.last_lines import LastLines
from vision_grpc.cli.complaints import Complaints
from vision_grpc.cli.connect import check_options, connect
from vision_grpc.cli.exits import ALL_READ, NOTHING_DONE, SOME_FAILED
from vision_grpc.cli.interrupts import Interrupts
from vision_grpc.cli.output import open_output
from vision_grpc.cli.overlay_files import mark_of, place_for, refuse_inputs
from vision_grpc.cli.stderr import print_line, with_notes
from vision_grpc.errors import Code
from vision_grpc.exports.documents import pages_of
from vision_grpc.exports.pictures.finding import Missing, Pictures
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.session.languages import clean_languages
from vision_grpc.sources.extras import describe_missing
from vision_grpc.sources.fit import Fitted, prepare
from vision_grpc.sources.image import FittedImage, Image, Rejection
from vision_grpc.sources.item import Fault, Item
from vision_grpc.sources.kinds import suffix_of
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places, plain_path
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.cli.cache_options import CacheWishes
    from vision_grpc.exports.pictures.overlays import Format, Level
    from vision_grpc.session.settings import Arguments

_FORMATS: Mapping[str, "Format"] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP"}
_PAGE = "#page="


class Drawing:
    """Draws results and writes the pictures.

    Raises:
        click.UsageError: the output cannot be that.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        output: str | None,
        *,
        level: "Level",
        legend: bool,
        folder: Path | None,
        journal: Path | None,
    ) -> None:
        self._inputs: list[str | Path] = [*inputs] if journal is None else [*inputs, journal]
        self._output = output
        self._level: Level = level
        self._legend = legend
        self._pictures = Pictures(folder)
        self._complaints = Complaints(prints_all=False)
        self._drawn = self._failed = 0
        self._is_folder = output is not None and (output.endswith(os.sep) or os.path.isdir(output))  # noqa: PTH112
        if output is not None and not self._is_folder:
            if output != "-" and suffix_of(output) not in _FORMATS:
                names = ", ".join(_FORMATS)
                message = f"{quote_name(output)}: the end of the name says the format, which is one of {names}"
                raise click.UsageError(message, click.get_current_context())
            refuse_inputs(Path(output), self._inputs)

    def expect(self, count: int) -> None:
        """Check that so many pictures can be written.

        Raises:
            click.UsageError: there are several of them, and one file.
        """
        if count > 1 and self._output is not None and not self._is_folder:
            message = f"{quote_name(self._output)} is one file: of several images, name a folder, as in -o overlays/"
            raise click.UsageError(message, click.get_current_context())

    def complain(self, name: str, error: ImageError) -> None:
        """Print why there is no picture."""
        self._failed += 1
        self._complaints.print(name, error)

    def draw(self, results: Generator[ImageResult, None, None]) -> int:
        """Draw each result, and return the exit code.

        Raises:
            click.ClickException: a picture cannot be written.
        """
        with Interrupts() as interrupts:
            try:
                with closing(results):
                    return self._draw_all(results, interrupts)
            except KeyboardInterrupt as error:
                print_line(with_notes("interrupted", error))
                return interrupts.exit_code

    def _draw_all(self, results: Generator[ImageResult, None, None], interrupts: Interrupts) -> int:
        pages = chain.from_iterable(map(_pages, results))
        first = [*islice(pages, 2)]
        self.expect(len(first))
        for result in chain(first, pages):
            error = result.check().error or self._put(result, interrupts)
            if error is not None:
                self.complain(result.key, error)
            else:
                self._drawn += 1
        if self._drawn == 0:
            return NOTHING_DONE
        return SOME_FAILED if self._failed else ALL_READ

    def _put(self, result: ImageResult, interrupts: Interrupts) -> ImageError | None:
        """Draw a result and write the picture; return why that is not possible."""
        picture = self._draw(result)
        if isinstance(picture, Missing):
            return ImageError(Code.NOT_FOUND, picture.reason)
        target = self._target(result.key)
        if isinstance(target, ImageError):
            return target
        with interrupts.held():
            self._write(target, picture)
        return None

    def _draw(self, result: ImageResult) -> bytes | Missing:
        if result.outcome is None:
            return Missing("the journal keeps no answer for it: analyze it again, with --answers wire and another -o")
        picture = self._pictures.find(result)
        if isinstance(picture, Missing):
            return picture
        try:
            from vision_grpc.exports.pictures.overlays import encode, overlay
        except ImportError as error:
            return Missing(describe_missing(error, "images"))
        drawn = overlay(result, picture, level=self._level, legend=self._legend)
        return encode(drawn, _FORMATS.get(suffix_of(self._output or ""), "PNG"), made_by=mark_of(result.key))

    def _target(self, key: str) -> Path | ImageError | None:
        """Return where the picture goes, None for stdout; or why it cannot."""
        if self._output is None or self._is_folder:
            return place_for(key, self._output)
        return None if self._output == "-" else Path(self._output)

    def _write(self, target: Path | None, content: bytes) -> None:
        if target is not None and self._is_folder:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                message = f"{quote_name(target.parent)}: the folder cannot be made ({error.strerror})"
                raise click.ClickException(message) from error
        with open_output(target, keeps_partial=False) as out:
            out.write(content)
            out.finish()


def _pages(result: ImageResult) -> Iterable[ImageResult]:
    return pages_of(result) if result.check().ok else [result]


@dataclass(frozen=True, slots=True)
class Reading:
    """How images are read."""

    service: "Arguments"
    languages: str
    model: Literal["page", "line"] | None
    cache: "CacheWishes"
    local: bool
    fit: bool
    timeout_s: float


def read_images(
    paths: Sequence[str], reading: Reading, expect: Callable[[int], None]
) -> Generator[ImageResult, None, None]:
    """Yield the results of the images that paths lead to, in their order.

    `expect` is called with their number before the first is sent.
    """
    languages = clean_languages([reading.languages])
    check_options(reading.service, languages, reading.model, local=reading.local)
    reading.cache.check()
    entries = [*open_places(paths, SourceOptions(fit=reading.fit))]
    items = [entry for entry in entries if isinstance(entry, Item)]
    expect(len(items))
    for fault in (entry for entry in entries if isinstance(entry, Fault)):
        yield ImageResult(fault.name, error=fault.error)
    if not items:
        return

    def images() -> Generator[Item | Image | Rejection, None, None]:
        for item in items:
            read = prepare(item) if reading.fit else None
            if isinstance(read, Fitted):
                image = FittedImage(item.key, read.content)
                image.restore = read.change.restore
                yield image
            else:
                yield item if read is None else Rejection(item.key, read)

    tape = reading.cache.tape()
    with connect(reading.service, local=reading.local, timeout_s=reading.timeout_s, cache=tape) as client:
        yield from client.analyze_many(images(), languages=languages, model=reading.model, ordered=True)


def read_recorded(
    journal: Path, names: Sequence[str], complain: Callable[[str, ImageError], None]
) -> Generator[ImageResult, None, None]:
    """Yield the results of images that a journal has, in the order of their names; without names, all of them.

    A name is a key, or that of a document, which stands for its pages, or else the name of a file that one key has.

    Raises:
        JournalError: it is not a journal, or cannot be read.
    """
    lines = (line.image_result() for line in LastLines([journal]).read(by_document=True))
    if not names:
        yield from lines
        return
    wanted = [plain_path(name) for name in names]
    exact: dict[str, list[ImageResult]] = {name: [] for name in wanted}
    alike: dict[str, list[ImageResult]] = {os.path.basename(name): [] for name in wanted}  # noqa: PTH119 - also `a/`
    for result in lines:
        found = exact.get(result.key, exact.get(result.key.rpartition(_PAGE)[0]))
        if found is None and len(near := alike.get(result.key.rpartition("/")[2], [])) <= 1:
            found = near
        if found is not None:
            found.append(result)
    for name in wanted:
        near = alike[os.path.basename(name)]  # noqa: PTH119 - as above
        if exact[name]:
            yield from exact[name]
        elif len(near) == 1:
            # The picture is the one that was named.
            yield replace(near[0], key=name)
        else:
            fault = "is not in the journal" if not near else f"is several images in the journal: say {near[0].key}"
            complain(name, ImageError(Code.NOT_FOUND, fault))
