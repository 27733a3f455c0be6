"""What `vision-grpc tape --help` and its commands say beside their options."""

# Not docstrings: Python leaves those out with -OO.
HELP = """\
Look at the answers that runs have kept, or keep fewer.

A tape is a folder, or a place in an object store, where analyze --cache TAPE keeps each successful
answer: an image that is asked the same again is not sent again, and costs nothing. What is removed
is sent again when it is asked for.
"""
EPILOG = """\b
Examples:
  vision-grpc tape stats answers/
  vision-grpc tape prune answers/ --most-bytes 10GB --most-age 30d
  vision-grpc tape verify s3://bucket/answers

\b
For the options of a command: vision-grpc tape prune --help
docs/tape.md says what is kept, and what is not.
"""
STATS_HELP = """\
Count the answers on TAPE, and say how large they are together.

TAPE is a folder, or the URL of a store. The beginning of each entry is read, of a store all of it.
"""
STATS_EPILOG = """\b
Examples:
  vision-grpc tape stats answers/
  vision-grpc tape stats answers/ --json | jq .entries
  vision-grpc tape stats s3://bucket/answers

\b
Exit codes:
  0    the answers are counted; there may be none
  2    wrong usage, or there is no tape at TAPE, or it cannot be read
  130  interrupted by Ctrl-C
"""
PRUNE_HELP = """\
Remove the entries of TAPE that were written first.

Entries go until what is left is within the limits. The age of an entry is the time since its file
was written: when it was last of use is not known. Halves of entries, which killed programs have
left, go too, with limits or without. Runs may use the tape meanwhile.
"""
PRUNE_EPILOG = """\b
Examples:
  vision-grpc tape prune answers/ --most-bytes 10GB
  vision-grpc tape prune answers/ --most-age 30d --dry-run
  vision-grpc tape prune s3://bucket/answers --most-age 12w

\b
Ctrl-C: what was removed stays so, and all other entries are whole.

\b
Exit codes:
  0    the tape is within the limits
  1    permission to remove some of the files is denied
  2    wrong usage, or there is no tape at TAPE, or it cannot be changed
  130  interrupted by Ctrl-C
"""
VERIFY_HELP = """\
Read all of TAPE, and name the entries that are damaged.

An entry is damaged if it was cut or altered, cannot be read, or has the name of another one.
Clients take such entries for absent, and replace them. Nothing else is done to them without
--remove. What is not of a tape is named, and so are folders in the place of an entry, entries of
a later version, and those that you may not read: none of them is removed.
"""
VERIFY_EPILOG = """\b
Examples:
  vision-grpc tape verify answers/
  vision-grpc tape verify answers/ --remove
  vision-grpc tape verify answers/ --json | jq -r .path

\b
With --json, each line has: path, reason, is_entry, is_newer.

\b
Exit codes:
  0    all entries are whole, or with --remove those that are left
  1    there are damaged entries
  2    wrong usage, or there is no tape at TAPE, or it cannot be read
  130  interrupted by Ctrl-C
"""
