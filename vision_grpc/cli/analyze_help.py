"""What `vision-grpc analyze --help` says beside its options."""

# Not docstrings: Python leaves those out with -OO.
HELP = """\
Print the text of images.

PATH is an image, a folder, a tar or Parquet file, a store such as s3://bucket/folder, or - for
one image on stdin. A folder stands for all JPEG and PNG files in it and below, and with ocr/v1 for
PDFs too, in sorted order; hidden files and links to folders are left out, other files are counted. With --fit, files of
other formats, pages of PDF and TIFF and images that are too large are read, too.

Results and errors name an image by its key, which is its path unless options say otherwise.
stdout has nothing but results; an image that cannot be read is a line on stderr, and the others
are read. With -o results.jsonl, results are safe as soon as they are there: the same command goes
on after a crash, and sends no image again that was read, or that the service has accepted.
"""
EPILOG = """\b
Examples:
  vision-grpc analyze --local scan.png
  vision-grpc analyze -l ru,en scans/ > texts.txt
  vision-grpc analyze scans/ -o results.jsonl        and again, to go on
  vision-grpc analyze scans/ -o results.jsonl --retry-failed
  vision-grpc analyze scans/ -o results.jsonl --fit --to-folder texts/
  vision-grpc analyze s3://bucket/scans/ -o results.jsonl --rps 10
  vision-grpc analyze scans/ --dry-run --rps 10
  vision-grpc analyze scans/ -o results.jsonl --budget 1000
  find . -type f -print0 | vision-grpc analyze -0 --files-from - -o r.jsonl
  vision-grpc analyze --api ocr/v1 scan.pdf -o results.jsonl
  vision-grpc analyze --format jsonl scans/ | jq -r 'select(.ok).text'
  curl -s https://vision.example/scan.png | vision-grpc analyze --local -

\b
Each line of jsonl is an object with
  key          path of the image, - for stdin
  ok           true if the image was read
  retryable    true if it may succeed a little later
  error        code and message, null if ok
  text         text of the image
  attempts     how often it was sent, 0 if it never was
  request_id   id of the call, for the service's support
  transport    grpc or rest
  operation    id of the operation that read it, with ocr/v1
  started_at, finished_at
  wire         answer as base64 of the message (--answers wire)
  result       answer as JSON: boxes, confidences (--answers json)
A file has a first line with the settings, and of a key the last line
counts. docs/bulk.md has the rest, such as lines of files that the service
has accepted.

\b
Ctrl-C or SIGTERM: nothing more is sent, what is in flight or accepted is
finished; a second one ends the program at once. With -o results.jsonl,
nothing is lost in either case, and the next run fetches what was accepted.

\b
Exit codes:
  0    all images were read
  1    some were not: they failed, files were passed over, or a limit, such
       as --budget, ended the run; stderr says which
  2    nothing was done: wrong usage, no credentials, no image found, the
       service was not reached or refused all calls, or the output cannot
       be written; a file of texts named by -o is unchanged
  130  interrupted by Ctrl-C
  141  the reader of stdout has closed it
  143  ended by SIGTERM; 129 by SIGHUP

\b
Environment:
  YC_API_KEY, YC_IAM_TOKEN, YC_SERVICE_ACCOUNT_KEY_FILE, YC_OAUTH_TOKEN,
  YC_TOKEN, YC_METADATA_ADDR, VISION_GRPC_IAM_ENDPOINT, YC_FOLDER_ID,
  VISION_GRPC_ENDPOINT, VISION_GRPC_TRANSPORT, VISION_GRPC_API,
  SSL_CERT_FILE, SSL_CERT_DIR and those of the proxy, such as https_proxy
  and no_proxy; see vision-grpc --help.
  With --local, only VISION_GRPC_TRANSPORT and TESSDATA_PREFIX (folder of
  Tesseract's language data) are used.
"""
