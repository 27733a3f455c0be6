"""Server reflection: what the service speaks, for clients without its protos."""

from collections.abc import AsyncIterator, Iterable
from typing import cast

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2 import (
    ErrorResponse,
    ExtensionNumberResponse,
    FileDescriptorResponse,
    ListServiceResponse,
    ServerReflectionRequest,
    ServerReflectionResponse,
    ServiceResponse,
)

from vision_grpc.errors import Code
from vision_grpc.local.faces.grpc.exchange import StreamingMethod

# Both versions are the same on the wire. Older tools know the first one alone, others the second.
_SERVICES = ("grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection")


class Reflection:
    """Describes files, services and types. The types of error details are known too, which no file here imports."""

    def __init__(self, names: Iterable[str], files: Iterable[FileDescriptor]) -> None:
        self._names = sorted({*names, _SERVICES[0]})
        self._pool = DescriptorPool()
        self._wires: dict[str, bytes] = {}
        for file in (*files, cast("FileDescriptor", reflection_pb2.DESCRIPTOR)):
            _add_file(self._pool, file)

    @property
    def methods(self) -> list[StreamingMethod]:
        """The method of both versions."""
        return [
            StreamingMethod(f"/{service}/ServerReflectionInfo", ServerReflectionRequest, self._info)
            for service in _SERVICES
        ]

    async def _info(self, requests: AsyncIterator[ServerReflectionRequest]) -> AsyncIterator[ServerReflectionResponse]:
        async for request in requests:
            response = ServerReflectionResponse(valid_host=request.host, original_request=request)
            try:
                self._fill(response, request)
            except KeyError:
                # Some versions of protobuf find no type of an empty name, others raise too.
                error = ErrorResponse(error_code=Code.NOT_FOUND, error_message="not found")
                response.error_response.CopyFrom(error)
            yield response

    def _fill(self, response: ServerReflectionResponse, request: ServerReflectionRequest) -> None:
        match request.WhichOneof("message_request"):
            case "list_services":
                services = [ServiceResponse(name=name) for name in self._names]
                response.list_services_response.CopyFrom(ListServiceResponse(service=services))
            case "file_by_filename":
                self._describe(response, self._pool.FindFileByName(request.file_by_filename))
            case "file_containing_symbol":
                self._describe(response, self._pool.FindFileContainingSymbol(request.file_containing_symbol))
            case "file_containing_extension":
                wanted = request.file_containing_extension
                extended = self._pool.FindMessageTypeByName(wanted.containing_type)
                extension = self._pool.FindExtensionByNumber(extended, wanted.extension_number)
                self._describe(response, self._pool.FindFileContainingSymbol(extension.full_name))
            case "all_extension_numbers_of_type":
                extended = self._pool.FindMessageTypeByName(request.all_extension_numbers_of_type)
                numbers = sorted(extension.number for extension in self._pool.FindAllExtensions(extended))
                response.all_extension_numbers_response.CopyFrom(
                    ExtensionNumberResponse(base_type_name=extended.full_name, extension_number=numbers)
                )
            case _:
                error = ErrorResponse(error_code=Code.INVALID_ARGUMENT, error_message="the request asks for nothing")
                response.error_response.CopyFrom(error)

    def _describe(self, response: ServerReflectionResponse, file: FileDescriptor) -> None:
        files: dict[str, FileDescriptor] = {}
        _collect(file, files)
        wires = [self._wire_of(each) for each in files.values()]
        response.file_descriptor_response.CopyFrom(FileDescriptorResponse(file_descriptor_proto=wires))

    def _wire_of(self, file: FileDescriptor) -> bytes:
        if file.name not in self._wires:
            self._wires[file.name] = _serialize(file)
        return self._wires[file.name]


def _collect(file: FileDescriptor, files: dict[str, FileDescriptor]) -> None:
    """Add a file and what it imports, each once."""
    if file.name not in files:
        files[file.name] = file
        for dependency in file.dependencies:
            _collect(dependency, files)


def _serialize(file: FileDescriptor) -> bytes:
    """Return a file with the JSON names of its fields: Python's code has none, and tools make JSON by them."""
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    for message in proto.message_type:
        _name_fields(message, file.message_types_by_name[message.name])
    return proto.SerializeToString()


def _name_fields(proto: DescriptorProto, message: Descriptor) -> None:
    for field in proto.field:
        field.json_name = message.fields_by_name[field.name].json_name
    for nested in proto.nested_type:
        _name_fields(nested, message.nested_types_by_name[nested.name])


def _add_file(pool: DescriptorPool, file: FileDescriptor) -> None:
    for dependency in file.dependencies:
        _add_file(pool, dependency)
    pool.AddSerializedFile(file.serialized_pb)
