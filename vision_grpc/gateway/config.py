"""The settings of a gateway."""

from dataclasses import dataclass

from vision_grpc.texts.arguments import check_count, check_flag, check_number


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayConfig:
    """How much a gateway asks of its backend. None means no limit.

    Raises:
        TypeError: a value is not a number.
        ValueError: a number has no meaning here.
    """

    requests_per_s: float | None = None
    """The quota of calls of ocr/v1, which all callers share: one for each image. The cloud's is 1 by
    default, and 10 with `deferred`."""
    calls_in_flight: int = 16
    """Calls of ocr/v1 at once, of all callers together."""
    deferred: bool = False
    """Whether images are sent to operations: these have ten times the quota, and promise no time to be done in."""
    answer_s: float = 60.0
    """How long a caller waits for its answer that does not say for how long it does."""

    def __post_init__(self) -> None:
        if self.requests_per_s is not None:
            check_number("GatewayConfig.requests_per_s", self.requests_per_s)
        check_flag("GatewayConfig.deferred", self.deferred)
        check_number("GatewayConfig.answer_s", self.answer_s)
        object.__setattr__(self, "calls_in_flight", check_count("GatewayConfig.calls_in_flight", self.calls_in_flight))
