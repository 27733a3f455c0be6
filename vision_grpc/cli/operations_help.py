"""What `vision-grpc operations --help` and its commands say beside their options."""

# Not docstrings: Python leaves those out with -OO.
HELP = """\
List, look at, fetch or cancel what the service has accepted.

With ocr/v1, the service accepts a file, names an operation, and reads the file then; results are
kept for three days. A run with -o results.jsonl keeps the ids of its operations in the journal,
and the same command again fetches what is missing. These commands do so by hand.
"""
EPILOG = """\b
Examples:
  vision-grpc operations list results.jsonl
  vision-grpc operations get fd8s6r7q1o0t2
  vision-grpc operations wait fd8s6r7q1o0t2 fd8h1m5u4c9e3 -o fetched.jsonl
  vision-grpc operations cancel fd8s6r7q1o0t2

\b
Credentials, folder and endpoint are those of the run that sent the files: the
options and variables are the same as for analyze. The API is ocr/v1.
For the options of a command: vision-grpc operations wait --help
"""
LIST_HELP = """\
List the operations of JOURNAL whose results are not there yet.

Each line has the id, when the file was accepted, until when the service keeps the result, and the
name of the image. JOURNAL is the file of a run, as analyze -o results.jsonl writes it; a run may be
writing it now.
"""
LIST_EPILOG = """\b
Examples:
  vision-grpc operations list results.jsonl
  vision-grpc operations list results.jsonl | awk '{print $1}'
  vision-grpc operations list results.jsonl --json | jq -r .key

\b
The same analyze command that wrote the journal fetches these results.

\b
Exit codes:
  0  the operations are listed; there may be none
  2  wrong usage, or JOURNAL is not a journal
"""
GET_HELP = """\
Say of an operation whether it is done, and how it ended.

ID is that of an operation, as operations list prints it. Nothing is fetched, and nothing is billed.
"""
GET_EPILOG = """\b
Examples:
  vision-grpc operations get fd8s6r7q1o0t2
  vision-grpc operations get fd8s6r7q1o0t2 --json

\b
Exit codes:
  0  the result is ready
  1  it is not ready yet, or the operation failed or was cancelled
  2  wrong usage, no credentials, no such operation, or the service was not
     reached
"""
WAIT_HELP = """\
Wait for operations, and print their results as analyze does.

ID is that of an operation, as operations list prints it; it is the key of the result. Nothing is
sent again. With -o results.jsonl, what was fetched is safe, and the same command fetches the rest.
"""
WAIT_EPILOG = """\b
Examples:
  vision-grpc operations wait fd8s6r7q1o0t2
  vision-grpc operations wait fd8s6r7q1o0t2 fd8h1m5u4c9e3 -o fetched.jsonl
  vision-grpc operations wait --format jsonl fd8s6r7q1o0t2 | jq -r .text

\b
Ctrl-C: results that are not there stay at the service; the same command
fetches them later.

\b
Exit codes:
  0    all results were fetched
  1    some were not: the operation failed, or was not ready in time
  2    nothing was fetched: wrong usage, no credentials, the service was not
       reached or knows none of them, or the output cannot be written
  130  interrupted by Ctrl-C
"""
CANCEL_HELP = """\
End an operation before it has a result.

ID is that of an operation, as operations list prints it. What is done already stays done, and is
billed. A run that waits for it gets an error for its image, which analyze --retry-failed sends again.
"""
CANCEL_EPILOG = """\b
Example:
  vision-grpc operations cancel fd8s6r7q1o0t2

\b
Exit codes:
  0  the operation is cancelled
  1  it had ended before
  2  wrong usage, no credentials, no such operation, or the service was not
     reached
"""
