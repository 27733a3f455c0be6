"""Records on a tape until it is killed: a line on stdout for each entry.

Arguments: the place, the number of the first entry and of the one after the last, or of none: then it goes on; and
optionally the most bytes of the tape.
"""

import sys
from itertools import count

from taped import digest_of, recording

from vision_grpc.tape import Tape, TapeError

place, first, last, *most = sys.argv[1:]
tape = Tape(place, most_bytes=int(most[0]) if most else None)
for number in range(int(first), int(last)) if int(last) else count(int(first)):
    try:
        tape.record(digest_of(number), recording(f"{number} {'word ' * 200}"))
    except TapeError as error:
        print(error, flush=True)  # noqa: T201
        break
    print(number, flush=True)  # noqa: T201
