"""What `vision-grpc quota --help` says beside its options."""

# Not docstrings: Python leaves those out with -OO.
HELP = """\
Share one quota between many clients.

The service tells each client when its next request may leave, so that all together keep to
--rps and --images-per-second, and each has the same part. It sees no image and no secret.
docs/shared-quota.md says more.

With --show it prints who takes what of the quota of a running service.
"""
EPILOG = """\b
When the service is ready, one line of JSON is printed on stdout:
{"address": "127.0.0.1:4002"}, or "https://127.0.0.1:4002" with a certificate.
The log goes to stderr. gRPC health checks are served too, as probes of
Kubernetes want them.

\b
Examples:
  vision-grpc quota --rps 10 --port 7070
  vision-grpc quota --rps 10 --images-per-second 40 --host 0.0.0.0 --port 7070
  vision-grpc quota --rps 10 --port 7070 --tls-certificate c.pem --tls-key k.pem
  vision-grpc quota --show 127.0.0.1:7070
  vision-grpc quota --show 127.0.0.1:7070 --json

\b
Clients name it:
  from vision_grpc import VisionClient
  from vision_grpc.quota import SharedQuota
  client = VisionClient(quota=SharedQuota("127.0.0.1:7070"))

\b
Run one service for a quota: two would hand it out twice. While it is away,
each client goes on at the share that it had. A service that starts lets the
first request leave after about a second, so that a restart is no burst.

\b
Ctrl-C or SIGTERM ends the service: clients that wait go on without it.

\b
Exit codes:
  0  ended by Ctrl-C or SIGTERM; with --show, the usage is printed
  2  wrong usage, the port is in use, or with --show, no service was reached
"""
