"""What is asked about the images of a stream: the same about all, but for those that say it themselves."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple, cast

from vision_grpc.api.api import Model, RequestTemplate
from vision_grpc.errors import Code, InvalidRequestError, Violation
from vision_grpc.results import ImageError
from vision_grpc.session.settings import clean_languages
from vision_grpc.sources.image import Image
from vision_grpc.stream.batch import Config
from vision_grpc.texts.cleaning import clean
from vision_grpc.texts.quoting import quote_name, show

# A stream has a few, but an image each may have its own.
_MOST_KEPT = 64

MakeTemplate = Callable[[Sequence[str], str], RequestTemplate]
"""Returns the template of requests with these language codes and this model, checked by the contract."""


class TextConfig(NamedTuple):
    """What the service is told about the text of an image."""

    languages: tuple[str, ...]
    model: str

    @classmethod
    def of(cls, languages: Sequence[str], model: Model | None) -> "TextConfig":
        """Return the config that a caller asks for, cleaned.

        Raises:
            TypeError: it is not made of texts.
            InvalidRequestError: one of them cannot be sent as text.
        """
        if not isinstance(cast("object", model), str | None):
            message = f"the model is a text such as 'page', not of type {type(model).__name__}: {show(model)}"
            raise TypeError(message)
        config = cls(tuple(clean_languages(languages)), "" if model is None else clean(model).text)
        broken = [text for text in (*config.languages, config.model) if not _is_text(text)]
        if broken:
            raise InvalidRequestError([Violation(show(text), "is not valid text") for text in broken])
        return config

    def __str__(self) -> str:
        model = f", model {show(self.model)}" if self.model else ""
        return f"languages {show(','.join(self.languages))}{model}"


class Templates:
    """The request templates of a stream, by config; None stands for the stream's own.

    Raises:
        InvalidRequestError: the contract does not allow what the stream asks; nothing was sent.
    """

    def __init__(self, make: MakeTemplate, languages: Sequence[str], model: Model | None) -> None:
        self._languages = languages
        self._model = model
        own = TextConfig.of(languages, model)
        self._own = make(*own)
        self._made = lru_cache(_MOST_KEPT)(make)
        self._check = partial(_check, self._made, own)
        self._checked = lru_cache(_MOST_KEPT)(self._check)

    def of(self, config: Config) -> RequestTemplate:
        """Return the template for a config that `config_of` returned."""
        return self._own if config is None else self._made(*cast("TextConfig", config))

    def config_of(self, image: Image) -> TextConfig | ImageError | None:
        """Return what is asked about an image; None if it is the same as of the stream; why it cannot be asked."""
        languages = self._languages if image.languages is None else image.languages
        model = self._model if image.model is None else image.model
        try:
            asked = self._checked(languages if isinstance(languages, str) else tuple(languages), model)
        except TypeError:  # What is not made of texts cannot be looked up.
            asked = self._check(languages, model)
        if isinstance(asked, str):
            return ImageError(Code.INVALID_ARGUMENT, f"{quote_name(image.key)}: {asked}")
        return asked


def _check(
    make: MakeTemplate, own: TextConfig, languages: Sequence[str], model: Model | None
) -> TextConfig | str | None:
    """Return a config that the contract allows, None if it is `own`, else what is wrong with it."""
    try:
        config = TextConfig.of(languages, model)
    except (TypeError, InvalidRequestError) as error:
        return str(error)
    if config == own:
        return None
    try:
        make(*config)
    except InvalidRequestError as error:
        faults = [f"{path.rpartition('.')[2]} {fault}" for path, fault in error.violations]
        return f"{config}: {'; '.join(faults)}"
    return config


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
