"""Write results to the journal at a path as fast as possible, and print the key of each that is written.

A second argument limits how many bytes a file may have.
"""

import os
import resource
import sys
from itertools import count

from journaled import SETTINGS, failed, read

from vision_grpc.bulk.journal import Journal

for most_bytes in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
with Journal.open(sys.argv[1], SETTINGS) as journal:
    for number in count(len(journal.done)):
        key = f"scans/{number}.png"
        journal.write(failed(key) if number % 10 == 9 else read(key, *["слово"] * (number % 400)))
        os.write(1, f"{key}\n".encode())
