"""What is asked about the images of a stream: the same about all, but for those that say it themselves."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple, cast

from vision_grpc.api.api import Model, RequestTemplate
from vision_grpc.contract.models import OCR_V1_MODELS, VISION_V1_MODELS
from vision_grpc.errors import Code, InvalidRequestError, Violation
from vision_grpc.results import ImageError
from vision_grpc.session.languages import clean_languages, explain
from vision_grpc.sources.image import Image
from vision_grpc.stream.batch import Config
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.cleaning import clean
from vision_grpc.texts.quoting import quote_name, show

# A stream has a few, but an image each may have its own.
_MOST_KEPT = 64
_MODELS = frozenset((*VISION_V1_MODELS, *OCR_V1_MODELS))

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
            raise wrong_type(model, "model", "text such as 'page'")
        config = cls(tuple(clean_languages(languages)), "" if model is None else _clean_model(model))
        broken = [text for text in (*config.languages, config.model) if not _is_text(text)]
        if broken:
            raise InvalidRequestError([Violation(show(text), "is not valid text") for text in broken])
        return config


class Templates:
    """The request templates of a stream, by config; None stands for the stream's own.

    Raises:
        InvalidRequestError: the contract does not allow what the stream asks; nothing was sent.
    """

    def __init__(self, make: MakeTemplate, languages: Sequence[str], model: Model | None) -> None:
        if isinstance(cast("object", languages), Iterator):
            languages = tuple(languages)
        self.own: TextConfig = (own := TextConfig.of(languages, model))
        """What the stream asks."""
        self._languages = own.languages
        self._model = model
        try:
            self._own = make(*own)
        except InvalidRequestError as error:
            raise explain(error, own.languages, languages) from None
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
        return str(explain(error, config.languages, languages))
    return config


def _clean_model(model: str) -> str:
    """Return the name of a model; a known one in the case in which it is known, any other as it is."""
    name = clean(model).text
    return name.lower() if name.lower() in _MODELS else name


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
