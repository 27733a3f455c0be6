"""Run smoke.py while another package watches the calls of gRPC, and see that it saw them.

Arguments: `sentry` or `opentelemetry`, then those of smoke.py.
"""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path


def sentry() -> Callable[[], int]:
    """Switch it on; return what counts the calls that it saw."""
    import sentry_sdk
    from sentry_sdk.integrations.grpc import GRPCIntegration
    from sentry_sdk.transport import Transport

    seen: list[object] = []

    class Kept(Transport):  # type: ignore[misc]  # it is not installed where mypy is
        def capture_envelope(self, envelope: sentry_sdk.envelope.Envelope) -> None:
            spans = (envelope.get_transaction_event() or {}).get("spans", ())
            seen.extend(span for span in spans if span["op"] == "grpc.client")

    sentry_sdk.init(
        "https://key@sentry.invalid/1", traces_sample_rate=1.0, transport=Kept(), integrations=[GRPCIntegration()]
    )
    transaction = sentry_sdk.start_transaction(name="smoke")
    transaction.__enter__()

    def count() -> int:
        transaction.__exit__(None, None, None)
        return len(seen)

    return count


def opentelemetry() -> Callable[[], int]:
    """Switch it on; return what counts the calls that it saw."""
    from opentelemetry.instrumentation.grpc import GrpcAioInstrumentorClient, GrpcInstrumentorClient
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    GrpcInstrumentorClient().instrument(tracer_provider=provider)
    GrpcAioInstrumentorClient().instrument(tracer_provider=provider)
    return lambda: len(kept.get_finished_spans())


count_calls = {"sentry": sentry, "opentelemetry": opentelemetry}[sys.argv.pop(1)]()
runpy.run_path(str(Path(__file__).parent / "smoke.py"), run_name="__main__")
assert count_calls() > 0, "no call was seen"
