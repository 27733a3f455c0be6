"""Which methods a stream calls, and what it asks by each."""

from collections.abc import Mapping

from vision_grpc.api.api import Api, Deferred, RequestTemplate
from vision_grpc.session.templates import Templates
from vision_grpc.stream.effects import Fetch, Send


class Methods:
    """The method for images, at once or deferred, and those for operations."""

    def __init__(self, api: Api, templates: Templates, *, deferred: bool) -> None:
        self._templates = templates
        operations = api.deferred
        self._of_images = operations.submission if deferred and operations is not None else api
        self._of_operations = _about(operations)

    def api_of(self, effect: Send | Fetch) -> Api:
        """Return the method that carries an effect out."""
        return self._of_images if isinstance(effect, Send) else self._of_operations[effect.about][0]

    def template_of(self, effect: Send | Fetch) -> RequestTemplate:
        """Return the template of its request."""
        if isinstance(effect, Send):
            return self._templates.of(effect.config)
        return self._of_operations[effect.about][1]


def _about(operations: Deferred | None) -> Mapping[str, tuple[Api, RequestTemplate]]:
    if operations is None:
        return {}
    apis = {"recognition": operations.recognition, "status": operations.status}
    return {about: (api, api.template((), "", "")) for about, api in apis.items()}
