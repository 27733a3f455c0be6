"""The images of the rows of a record batch."""

from collections.abc import Iterator
from typing import Any

from vision_grpc.arrow.analysis.columns import Form
from vision_grpc.arrow.untyped import pa
from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.ahead import read_ahead
from vision_grpc.sources.files import ImageSource
from vision_grpc.sources.image import Image, Rejection
from vision_grpc.sources.item import Item, unreadable
from vision_grpc.sources.places.single import single_item
from vision_grpc.texts.quoting import quote_name


def images_of(form: Form, images: Any, keys: Any, limits: Limits) -> Iterator[ImageSource]:  # noqa: ANN401 - pyarrow has no types
    """Yield what each row of a column of images holds, in their order; a row without an image as a Rejection.

    Bytes are views into the column. Paths and URLs are read ahead, by eight threads.
    """
    if pa.types.is_dictionary(images.type):
        images = images.dictionary_decode()
    names = [_text_of(key, row) for row, key in enumerate(keys.to_pylist())]
    match form:
        case "bytes":
            return map(_image_of, names, images)
        case "places":
            return read_ahead(map(_item_of, names, images.to_pylist()), limits=limits, ordered=True)
        case "struct":
            return _of_structs(names, images)
        case "nothing":
            return map(_without, names)


def _of_structs(names: list[str], images: Any) -> Iterator[ImageSource]:  # noqa: ANN401
    # Unlike `field`, this leaves out the fields of rows that are null as a whole.
    fields = dict(zip([field.name for field in images.type], images.flatten(), strict=True))
    nothing = pa.nulls(len(names))
    for name, content, path in zip(names, fields.get("bytes", nothing), fields.get("path", nothing), strict=True):
        place = path.as_py()
        yield _image_of(name, content) if content.is_valid or place is None else single_item(name, place)


def _image_of(name: str, content: Any) -> ImageSource:  # noqa: ANN401
    return Image(name, memoryview(content.as_buffer())) if content.is_valid else _without(name)


def _item_of(name: str, place: str | None) -> Item:
    return unreadable(name, _without(name).error) if place is None else single_item(name, place)


def _without(name: str) -> Rejection:
    return Rejection(name, ImageError(Code.INVALID_ARGUMENT, f"{quote_name(name)}: the row has no image, it is null"))


def _text_of(key: object, row: int) -> str:
    match key:
        case str():
            return key
        case bytes():
            return key.decode(errors="surrogateescape")
        case None:
            return f"#{row}"
        case _:
            return str(key)
