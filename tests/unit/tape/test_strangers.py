"""What lies in a tape and is not a whole entry of this user: it is named, and harms nothing else."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from taped import digest_of, entry_of, grow_older, recording, texts

from vision_grpc.tape import Finding, Tape, TapeError
from vision_grpc.tape.store import name_of

_NOBODY = 65_534


@pytest.fixture
def tape() -> Iterator[Tape]:
    """A tape with three entries, in a folder that all may read; each was written yesterday."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = Tape(Path(folder, "tape"))
        for number in range(3):
            made.record(digest_of(number), recording(str(number)))
            grow_older(made, number, 86_400)
        yield made


@contextmanager
def another_user() -> Iterator[None]:
    """Run as somebody else than the owner of the files, if that is possible here."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def found_in(tape: Tape, *, remove: bool = False) -> dict[str, str]:
    """Return the reasons of what verification names, by the path below the tape."""
    found: list[Finding] = []
    tape.verify(remove=remove, on_finding=found.append)
    return {str(Path(each.path).relative_to(tape.location)): each.reason for each in found}


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "own").touch()


def _link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


def _link_to_a_folder(path: Path) -> None:
    path.unlink()
    path.symlink_to(".")


def _socket(path: Path) -> None:
    path.unlink()
    with closing(socket.socket(socket.AF_UNIX)) as listener, contextlib.chdir(path.parent):
        listener.bind(path.name)


def _newer(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"entry 1\n", b"entry 2\n"))


@pytest.mark.parametrize(
    ("replace", "reason", "is_removed"),
    [
        (_folder, "it is a folder in the place of a file: remove it", False),
        (_link_to_nothing, "it is a link that leads nowhere", True),
        (_link_to_a_folder, "it is not a file", True),
        (_socket, "it is not a file", True),
        (_newer, "it is of version 2, and this package reads 1: a later version of vision-grpc reads it", False),
        (lambda path: path.write_bytes(b""), "it is empty", True),
    ],
)
def test_what_is_in_the_place_of_an_entry_is_named(
    tape: Tape, replace: Callable[[Path], object], reason: str, *, is_removed: bool
) -> None:
    path = entry_of(tape, 0)
    replace(path)
    name = name_of(digest_of(0))
    assert found_in(tape) == {name: reason}
    stats = tape.stats()
    assert stats.all.entries == 3
    assert stats.damaged.entries + stats.newer.entries == 1
    assert texts(tape, range(3)) == [None, "1", "2"]
    assert found_in(tape, remove=True) == {name: reason}
    assert os.path.lexists(path) is not is_removed
    assert texts(tape, range(3)) == [None, "1", "2"]
    # Where it could be removed, an answer takes the place.
    if replace is _folder:
        with pytest.raises(TapeError, match=f"{path} is a folder in the place of an entry; remove it"):
            tape.record(digest_of(0), recording("again"))
    else:
        tape.record(digest_of(0), recording("again"))
        assert texts(tape, [0]) == ["again"]


def test_what_is_beside_the_entries_is_named_and_left_alone(tape: Tape) -> None:
    place, other = Path(tape.location), digest_of(7)
    (place / "README").write_text("ours")
    (place / ".hidden").touch()
    (place / "scans").mkdir()
    (place / "scans" / other).touch()
    (place / other).touch()
    free = [f"{number:02x}" for number in range(256) if not (place / f"{number:02x}").exists()]
    (place / free[0]).touch()
    (place / free[1]).symlink_to(entry_of(tape, 0).parent)
    shard = entry_of(tape, 0).parent
    (shard / "own").mkdir()
    (shard / "scan.png").touch()
    (shard / other).touch()
    (shard / ".00000000deadbeef.tmp").mkdir()
    no_folder = "it is in the place of a folder of entries, and is not looked into: remove it"
    lost = f"it is in the folder of other entries: move it to {other[:2]}/, or remove it"
    expected = {
        "README": "it is not a file of a tape",
        "scans": "it is a folder that is not of a tape",
        other: lost,
        free[0]: no_folder,
        free[1]: no_folder,
        f"{shard.name}/own": "it is a folder in the place of a file: remove it",
        f"{shard.name}/scan.png": "it is not a file of a tape",
        f"{shard.name}/{other}": lost,
        f"{shard.name}/.00000000deadbeef.tmp": "it is a folder in the place of a file: remove it",
    }
    assert found_in(tape) == expected
    stats = tape.stats()
    assert (stats.all.entries, stats.damaged.entries, stats.others.entries) == (3, 0, len(expected))
    assert stats.leftovers.entries == 0
    assert found_in(tape, remove=True) == expected
    assert tape.prune(most_bytes=0).removed_entries == 3
    assert found_in(tape) == expected


@pytest.mark.parametrize("put", [Path.touch, lambda shard: shard.symlink_to("nowhere")], ids=["file", "link"])
def test_what_is_in_the_place_of_a_folder_harms_only_its_entries(put: Callable[[Path], None], tape: Tape) -> None:
    shard = entry_of(tape, 0).parent
    entry_of(tape, 0).unlink()
    shard.rmdir()
    put(shard)
    assert texts(tape, range(3)) == [None, "1", "2"]
    with pytest.raises(
        TapeError, match=f"{shard} is in the place of a folder of entries, and is not a folder; remove it"
    ):
        tape.record(digest_of(0), recording())
    tape.record(digest_of(1), recording("new"))
    assert texts(tape, [1]) == ["new"]


def test_entries_of_another_user_are_named_and_not_removed(tape: Tape) -> None:
    path = entry_of(tape, 0)
    path.chmod(0o600)
    entry_of(tape, 1).write_bytes(b"damaged")
    grow_older(tape, 1, 86_400)
    with another_user():
        assert texts(tape, range(3)) == [None, None, "2"]
        assert found_in(tape, remove=True) == {
            name_of(digest_of(0)): "permission to read it is denied: do it as its owner",
            name_of(digest_of(1)): "it does not begin as an entry does; permission to remove it is denied",
        }
        pruned = tape.prune(most_age_s=3600)
        assert (pruned.removed_entries, pruned.removed_bytes, pruned.kept_entries, pruned.unremoved) == (0, 0, 3, 3)
        assert Path(pruned.unremoved_path).is_relative_to(tape.location)
        # The folder is his: the file could be removed, and may be whole.
    os.chown(path.parent, _NOBODY, _NOBODY)
    with another_user():
        found_in(tape, remove=True)
        assert tape.prune(most_age_s=3600).removed_entries == 1
    assert not path.exists()


def test_a_folder_of_another_user_is_named_and_the_others_are_looked_at(tape: Tape) -> None:
    shard = entry_of(tape, 0).parent
    entry_of(tape, 1).write_bytes(b"damaged")
    shard.chmod(0o700)
    found: list[Finding] = []
    with another_user():
        with pytest.raises(TapeError, match=f"permission to list the folder {shard} is denied; do it as its owner"):
            tape.verify(on_finding=found.append)
        assert [each.path for each in found] == [str(entry_of(tape, 1))]
        assert texts(tape, range(3)) == [None, None, "2"]
        for use in (tape.stats, tape.prune):
            with pytest.raises(TapeError, match=str(shard)):
                use()
    shard.chmod(0o755)
