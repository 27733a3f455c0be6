from collections.abc import Sequence
from typing import overload

import pytest

from vision_grpc.sources.places.sidecars import is_sidecar

_IMAGES = ["a.b.png", "a.png", "b.JPG", "c.webp", "d.pdf", "e", "f.png.png"]


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "a.png.txt",
        "a.b.txt",
        "a.b.png.txt",
        "b.TXT",
        "b.JPG.txt",
        "c.txt",
        "d.txt",
        "d.pdf#page=12.txt",
        "f.png.txt",
    ],
)
def test_a_text_that_is_called_like_an_image_belongs_to_it(name: str) -> None:
    assert is_sidecar(name, sorted([*_IMAGES, name]))


@pytest.mark.parametrize(
    "name",
    [
        "a.json",
        "a.pn.txt",
        "a.",
        "b.jpg.txt",
        "e.txt",
        "x.pdf#page=1.txt",
        "a.c.txt",
        "A.txt",
        ".txt",
        "d.pdf#page=.txt",
    ],
)
def test_other_files_do_not(name: str) -> None:
    assert not is_sidecar(name, sorted([*_IMAGES, name]))


class _Counted(Sequence[str]):
    """Names, of which it is known how often one was looked at."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self.looks = 0

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, at: int, /) -> str: ...

    @overload
    def __getitem__(self, at: slice, /) -> Sequence[str]: ...

    def __getitem__(self, at: int | slice, /) -> str | Sequence[str]:
        self.looks += 1
        return self._names[at]


@pytest.mark.parametrize("form", ["a.pdf#page={}.txt", "a{}.txt", "a.{}.txt", "a.png{}.txt"])
def test_names_that_begin_alike_are_not_all_looked_at(form: str) -> None:
    names = _Counted(sorted(form.format(number) for number in range(1_000)))
    assert not any(is_sidecar(form.format(number), names) for number in range(1_000))
    assert names.looks < 50_000
