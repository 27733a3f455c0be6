"""What `vision-grpc export --help` says beside its options."""

from vision_grpc.exports.kinds import KINDS

_WIDTH = max(map(len, KINDS)) + 2
_FORMATS = "\n".join(f"  {kind.name:<{_WIDTH}}{kind.about} ({', '.join(kind.suffixes)})" for kind in KINDS.values())

# Not docstrings: Python leaves those out with -OO.
HELP = """\
Make tables and documents of results.

JOURNAL is a file that analyze -o results.jsonl has written, finished or not, or - for the lines of
analyze --format jsonl on stdin. Nothing is sent and nothing is billed. Of a key that has several
results, the last one counts, also in several journals: name the one that counts last. From stdin
alone, to a file or to stdout, all lines are exported as they come.

Images that failed are left out, and counted on stderr with the reasons; the tables csv and parquet
have a row for each of them. Pages of a document stand together, in their order.
"""
EPILOG = f"""\b
Formats (and the ends of names that stand for them):
{_FORMATS}

\b
Examples:
  vision-grpc export results.jsonl --to tsv
  vision-grpc export results.jsonl -o words.tsv
  vision-grpc export results.jsonl -o images.csv --key 'scans/2024/*'
  vision-grpc export results.jsonl --to hocr -o hocr/
  vision-grpc export results.jsonl results-fitted.jsonl -o texts.md
  vision-grpc analyze scans/ --format jsonl | vision-grpc export - --to words
  duckdb -c "from 'words.tsv' where conf between 0 and 60"

\b
A file for each image is named after it: of scans/a.png, hocr/scans/a.hocr.
Files that are there already are not changed: the name gets longer.

\b
Exit codes:
  0    all images are exported
  1    some are left out: they failed, keep no answers, or lines are torn;
       stderr says which
  2    nothing is exported: wrong usage, no journal, no results in it, or the
       output cannot be written; a file named by -o is unchanged
  130  interrupted by Ctrl-C
"""
