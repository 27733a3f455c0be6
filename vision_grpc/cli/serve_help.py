"""What `vision-grpc serve --help` says beside its options."""

# Not docstrings: Python leaves those out with -OO.
HELP = """\
Run a local Vision service over gRPC and REST.

It recognises text with Tesseract and has both APIs of the real service, vision/v1 and
ocr/v1 with its operations. It requires no credentials unless --require-auth is given.
docs/local-service.md says more.

With --backend ocr/v1 it reads nothing itself: it is a gateway that answers programs
which speak batchAnalyze with what the cloud's ocr/v1 reads. docs/gateway.md says more.
"""
EPILOG = """\b
When the service is ready, one line of JSON is printed on stdout:
{"grpc_endpoint": "127.0.0.1:4001", "rest_endpoint": "http://127.0.0.1:4001"}
One port serves both, unless there are options for two. The log goes to
stderr, a line for each call. gRPC reflection, health checks and /metrics
(Prometheus) are served too.

\b
Examples:
  vision-grpc serve
  vision-grpc serve --port 8080
  vision-grpc serve --tls-self-signed --require-auth secrets/
  vision-grpc serve --host 0.0.0.0 --tls-certificate c.pem --tls-key k.pem
  vision-grpc serve --rps 10 --images-per-second 20 --log-format json
  vision-grpc serve --quota documented
  vision-grpc analyze --endpoint 127.0.0.1:8080 --insecure scan.png
  vision-grpc serve --backend ocr/v1 --port 8080 --backend-rps 1
  vision-grpc serve --backend ocr/v1 --backend-credentials own

\b
REST takes what gateways from JSON to gRPC take: base64 with line breaks, a
single value in place of a list, unknown fields (the log names them). With
--strict these are refused with the path of the field.

\b
With --require-auth, each start writes a new authorized key (key.json), API
key (api-key) and OAuth token (oauth-token) to the folder, and callers need
one of them. The service exchanges them for IAM tokens, and is a metadata
service too.
  export YC_SERVICE_ACCOUNT_KEY_FILE=secrets/key.json
  export VISION_GRPC_IAM_ENDPOINT=http://127.0.0.1:4001

\b
Ctrl-C or SIGTERM ends the service: it accepts no more calls and answers
those in flight. Calls that take longer than --grace fail with UNAVAILABLE,
and half a second later the service has ended. A second signal ends it at
once. Tests of any language start it with --until-stdin-closes and a pipe as
its standard input: it ends with them, even when they are killed.

\b
Exit codes:
  0  ended by Ctrl-C, SIGTERM or the end of standard input
  2  could not start: a port is in use, no Tesseract language data, ...

\b
Environment:
  VISION_GRPC_SERVE_...  in place of any option: VISION_GRPC_SERVE_REST_PORT
                         is --rest-port; 1 or 0 for options without a value,
                         commas between several values; options go first
  TESSDATA_PREFIX        folder of Tesseract's language data (*.traineddata)
"""
