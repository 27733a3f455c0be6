"""A tape in a bucket of a real S3 server."""

import pytest
from s3_buckets import Bucket
from taped import digest_of, recording, texts

from vision_grpc.tape import Finding, Tape, TapeError

pytestmark = pytest.mark.environment


def test_a_tape_in_a_bucket_is_used_and_looked_after(bucket: Bucket) -> None:
    bucket.put("scans/a.png", b"a picture")
    bucket.put_as_it_is("tapes/answers/")
    tape = Tape(f"{bucket.url}/tapes/answers/")
    assert texts(tape, [0, 1]) == [None, None]
    for number in range(20):
        tape.record(digest_of(number), recording(str(number)))
    assert texts(Tape(f"{bucket.url}/tapes/answers"), range(21)) == [*map(str, range(20)), None]
    damaged = f"tapes/answers/{digest_of(3)[:2]}/{digest_of(3)}"
    bucket.put(damaged, b"damaged")
    bucket.put("tapes/answers/README", b"of somebody else")
    assert texts(tape, [3, 4]) == [None, "4"]
    stats = tape.stats()
    assert (stats.all.entries, stats.damaged.entries, stats.others.entries) == (20, 1, 1)
    found: list[Finding] = []
    assert tape.verify(remove=True, on_finding=found.append).removed == 1
    assert {each.path for each in found} == {f"{bucket.url}/{damaged}", f"{bucket.url}/tapes/answers/README"}
    assert tape.prune(most_bytes=0).removed_entries == 19
    assert texts(tape, range(20)) == [None] * 20
    with pytest.raises(TapeError, match="is not a tape, and has other files in it"):
        Tape(f"{bucket.url}/scans").record(digest_of(0), recording())
    with pytest.raises(TapeError, match="is not a tape, and has other files in it"):
        texts(Tape(bucket.url), [0])


def test_what_is_wrong_with_a_bucket_is_said(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for use in (lambda tape: texts(tape, [0]), lambda tape: tape.record(digest_of(0), recording()), Tape.stats):
        with pytest.raises(TapeError, match="the tape s3://no-such-bucket/tape: there is no such bucket"):
            use(Tape("s3://no-such-bucket/tape"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(TapeError, match="the endpoint nonsense is not a URL"):
        texts(Tape(f"{bucket.url}/tape"), [0])
