"""Write results to a journal in a folder until its disk is full, make room, and go on; print what happens.

The folder has a disk, or a quota, of a few hundred kilobytes.
"""

import os
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

from journaled import SETTINGS, read

from vision_grpc.bulk.journal import Journal, JournalError, read_journal
from vision_grpc.bulk.text_folder import TextFolder, TextFolderError


def say(*words: object) -> None:
    """Print words."""
    print(*words, flush=True)  # noqa: T201


folder = Path(sys.argv[1])
path, ballast = folder / "results.jsonl", folder / "ballast"
ballast.write_bytes(bytes(100_000))
written = 0
with Journal.open(path, SETTINGS) as journal:
    try:
        for written in count():
            journal.write(read(f"{written}.png", *["слово"] * 100))
    except JournalError as error:
        say(error)
    try:
        journal.write(read("again.png", "one"))
    except JournalError as error:
        say("again:", error)
say("whole:", path.read_bytes().endswith(b"}\n"), "all:", len(list(read_journal(path))) == written)
try:
    texts = TextFolder(folder / "texts")
    for number in count():
        texts.write(read(f"{number}.png", *["слово"] * 1_000))
except TextFolderError as error:
    say(error)
with suppress(OSError), (folder / "rest").open("wb", buffering=0) as rest:
    while rest.write(b"x"):
        pass
try:
    Journal.open(folder / "new.jsonl", SETTINGS).close()
except JournalError as error:
    say(error)
say("new:", (folder / "new.jsonl").exists())
os.unlink(ballast)  # noqa: PTH108 - what a user does elsewhere
with Journal.open(path, SETTINGS) as journal:
    say("resumed:", journal.done.ok == written)
    journal.write(read("last.png", "one"))
say("lines:", len(list(read_journal(path))) == written + 1)
