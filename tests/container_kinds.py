"""Containers and buckets for the suite that all kinds of source pass."""

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from s3_buckets import Bucket
from source_kinds import LOST, SourceKind

from vision_grpc.sources.item import Entry
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places


class Tar(SourceKind):
    """The members of a tar file."""

    lists_others = True
    can_lose_one = False
    suffix: ClassVar = ".tar"

    @property
    def path(self) -> str:
        return str(self.folder / f"shard{self.suffix}")

    def fill(self, images: Mapping[str, bytes]) -> None:
        mode = "w:gz" if self.suffix == ".tgz" else "w"
        with tarfile.open(self.path, mode, errors="surrogateescape") as tar:  # type: ignore[call-overload]
            for name, content in images.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))

    def open(self) -> Iterator[Entry]:
        return open_places([self.path], self.options)

    def key_of(self, name: str) -> str:
        return name.rpartition(".")[0]

    def place_of(self, name: str) -> str:
        return f"{self.path}#{name}"


class TarGz(Tar):
    """The members of a tar file that is compressed."""

    suffix = ".tgz"


class Parquet(SourceKind):
    """The rows of a Parquet file."""

    @classmethod
    def can_name(cls, name: str) -> bool:
        return name.isascii()

    def fill(self, images: Mapping[str, bytes]) -> None:
        rows = [{"bytes": None if name == LOST else content, "path": name} for name, content in images.items()]
        pq.write_table(pa.table({"image": rows}), self.folder / "table.parquet", row_group_size=50)

    def open(self) -> Iterator[Entry]:
        return open_places([str(self.folder / "table.parquet")], self.options)

    def key_of(self, name: str) -> str:
        return name


class S3(SourceKind):
    """The objects below a prefix."""

    needs_bucket = True
    lists_others = True
    can_lose_one = False

    def __init__(self, folder: Path, options: SourceOptions | None = None) -> None:
        super().__init__(folder, options)
        self.bucket = Bucket(os.environ["AWS_ENDPOINT_URL"])

    @classmethod
    def can_name(cls, name: str) -> bool:
        return name.isprintable()

    def fill(self, images: Mapping[str, bytes]) -> None:
        self.names = list(images)
        for name, content in images.items():
            if name != LOST:
                self.bucket.put(f"scans/{name}", content)

    def open(self) -> Iterator[Entry]:
        return open_places([f"{self.bucket.url}/scans/"], self.options)

    def key_of(self, name: str) -> str:
        return f"{self.bucket.url}/scans/{name}"


class S3Objects(S3):
    """Objects that are named one by one."""

    lists_others = False
    can_lose_one = True

    def open(self) -> Iterator[Entry]:
        return open_places(map(self.key_of, self.names), self.options)
