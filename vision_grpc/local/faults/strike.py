"""The rules that strike one call, at work."""

from collections.abc import Sequence

from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faults.rule import Rule


class Strike:
    """What goes wrong with one call: all rules but the last let it go on."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    async def before(self, call: Call) -> Reply | None:
        """Return the reply in place of the service's, None to let the call pass."""
        for number, rule in enumerate(self._rules):
            if (reply := await rule.fault.before(call)) is not None:
                return _change(self._rules[:number], call, reply)
        return None

    def after(self, call: Call, reply: Reply) -> Reply:
        """Return what is sent in place of the service's own reply."""
        return _change(self._rules, call, reply)


def _change(rules: Sequence[Rule], call: Call, reply: Reply) -> Reply:
    for rule in rules:
        reply = rule.fault.after(call, reply, rule.match)
    return reply
