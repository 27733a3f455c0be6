"""Constraints on messages, compiled from the options that the protos state them in.

The options `size`, `length` and `required` of fields and `exactly_one`
of oneofs in yandex/cloud/validation.proto are read once per message type. The client and
the local service share this file, so both refuse the same requests.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, OneofDescriptorProto
from google.protobuf.message import Message

from vision_grpc.errors import InvalidRequestError, Violation
from vision_grpc_pb.google.protobuf.descriptor_pb2 import FieldOptions, OneofOptions
from vision_grpc_pb.yandex.cloud import validation_pb2

_Check = Callable[[Any, str], Iterator[Violation]]


def validate(message: Message) -> None:
    """Pass a message that satisfies every option of its proto.

    Raises:
        InvalidRequestError: with all violations, in field order.
    """
    if violations := collect_violations(message):
        raise InvalidRequestError(violations)


def size_of(field: FieldDescriptorProto) -> "Range | None":
    """Return how many elements a list may have; None for any number and for what is not a list."""
    size = _options_of(field).Extensions[validation_pb2.size]
    return Range.parse(size) if size else None


def collect_violations(message: Message) -> list[Violation]:
    """Return what is wrong with a message and the messages inside it; empty when nothing is.

    Of a list that is too long, no more elements are looked at than it may have: there may be millions.
    """
    return list(_walk(message, ""))


class Range(NamedTuple):
    """Whole numbers that an option allows: from `low` to `high`, None meaning no bound."""

    low: int | None
    high: int | None

    @classmethod
    def parse(cls, text: str) -> "Range":
        """Read `N`, `A-B`, `<=N`, `<N`, `>=N` or `>N`.

        Raises:
            ValueError: another form. The proto is newer than this reader; skipping the rule
                would let bad requests through.
        """
        match = re.fullmatch(r"(<=|<|>=|>)?(\d+)|(\d+)-(\d+)", text)
        if match is None:
            message = f"the constraint {text!r} is not of a known form: N, A-B, <=N, <N, >=N, >N"
            raise ValueError(message)
        sign, number, low, high = match.groups()
        if low is not None:
            return cls(int(low), int(high))
        bound = int(number)
        bounds = {None: (bound, bound), "<=": (None, bound), "<": (None, bound - 1), ">=": (bound, None)}
        return cls(*bounds.get(sign, (bound + 1, None)))

    def __contains__(self, number: object) -> bool:
        return (
            isinstance(number, int)
            and (self.low is None or self.low <= number)
            and (self.high is None or number <= self.high)
        )

    def __str__(self) -> str:
        if self.low is None:
            return f"at most {self.high}"
        if self.high is None:
            return f"at least {self.low}"
        return f"exactly {self.low}" if self.low == self.high else f"{self.low} to {self.high}"


def _walk(message: Message, prefix: str) -> Iterator[Violation]:
    rules = _rules_of(message.DESCRIPTOR)
    for oneof in rules.exactly_one:
        if message.WhichOneof(oneof) is None:
            names = " or ".join(field.name for field in message.DESCRIPTOR.oneofs_by_name[oneof].fields)
            yield Violation(f"{prefix}{oneof}", f"set exactly one of {names}")
    for field in rules.fields:
        # A member of a oneof that is not chosen is absent, not empty.
        if field.in_oneof and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        if field.size is not None and len(value) not in field.size:
            yield Violation(f"{prefix}{field.name}", f"has {len(value)} elements, must have {field.size}")
            value = value[: field.size.high]
        for check in field.checks:
            yield from check(value, f"{prefix}{field.name}")
        if field.repeated_message:
            for index, item in enumerate(value):
                yield from _walk(item, f"{prefix}{field.name}[{index}].")
        elif field.single_message and message.HasField(field.name):
            yield from _walk(value, f"{prefix}{field.name}.")


class _FieldRules(NamedTuple):
    name: str
    in_oneof: bool
    repeated_message: bool
    single_message: bool
    size: Range | None
    checks: Sequence[_Check]

    @property
    def have_work(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self.size or self.checks or self.repeated_message or self.single_message)


class _MessageRules(NamedTuple):
    fields: Sequence[_FieldRules]
    exactly_one: Sequence[str]


@cache
def _rules_of(descriptor: Descriptor) -> _MessageRules:
    """Compile a message type once; types without constraints below them cost nothing later."""
    declared = DescriptorProto()
    descriptor.CopyToProto(declared)
    fields = [rules for field in declared.field if (rules := _field_rules(field)).have_work]
    return _MessageRules(
        fields=[
            rules for rules in fields if rules.size or rules.checks or rules.repeated_message or rules.single_message
        ],
        exactly_one=[oneof.name for oneof in declared.oneof_decl if _is_exactly_one(oneof)],
    )


def _field_rules(field: FieldDescriptorProto) -> _FieldRules:
    is_message = field.type == FieldDescriptorProto.TYPE_MESSAGE
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    return _FieldRules(
        name=field.name,
        in_oneof=field.HasField("oneof_index"),
        repeated_message=is_message and repeated,
        single_message=is_message and not repeated,
        size=size_of(field),
        checks=list(_checks(field, repeated=repeated)),
    )


def _checks(field: FieldDescriptorProto, *, repeated: bool) -> Iterator[_Check]:
    options = _options_of(field)
    if length := options.Extensions[validation_pb2.length]:
        unit = "bytes" if field.type == FieldDescriptorProto.TYPE_BYTES else "characters"
        yield _length_check(Range.parse(length), unit, repeated=repeated)
    if options.Extensions[validation_pb2.required]:
        yield _required_check
    # No field of the contract uses the others. One that starts to must get its check here.
    if (
        options.Extensions[validation_pb2.pattern]
        or options.Extensions[validation_pb2.value]
        or options.Extensions[validation_pb2.unique]
        or options.Extensions[validation_pb2.bytes]
        or options.HasExtension(validation_pb2.map_key)
    ):
        message = f"{field.name} has an option for which there is no check"
        raise NotImplementedError(message)


def _options_of(field: FieldDescriptorProto) -> FieldOptions:
    # A descriptor's own options belong to the default pool, which does not know our extensions: their bytes are read
    # again with the classes of our pool.
    return FieldOptions.FromString(field.options.SerializeToString())


def _is_exactly_one(oneof: OneofDescriptorProto) -> bool:
    options = OneofOptions.FromString(oneof.options.SerializeToString())
    return options.Extensions[validation_pb2.exactly_one]


def _length_check(allowed: Range, unit: str, *, repeated: bool) -> _Check:
    def check(value: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401 - str, bytes or a list of either
        for index, item in enumerate(value if repeated else (value,)):
            if len(item) not in allowed:
                where = f"{path}[{index}]" if repeated else path
                yield Violation(where, f"is {len(item)} {unit} long, must be {allowed}")

    return check


def _required_check(value: object, path: str) -> Iterator[Violation]:
    if not value:
        yield Violation(path, "is required")
