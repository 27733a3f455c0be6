import pytest

from vision_grpc.auth.yc_config import read_yc_config

# As the tool writes it, with made-up values.
_CONFIG = """\
current: work
profiles:
  default:
    token: y0_secret
    cloud-id: b1gcloud
    folder-id: b1gfolder
    compute-default-zone: ru-central1-a
  work:
    service-account-key:
      id: ajekey
      service_account_id: ajeaccount
      created_at: "2026-01-02T03:04:05.678Z"
      key_algorithm: RSA_2048
      public_key: |
        -----BEGIN PUBLIC KEY-----
        MIIB+/=
        -----END PUBLIC KEY-----
      private_key: |
        PLEASE DO NOT REMOVE THIS LINE! Yandex.Cloud SA Key ID <ajekey>
        -----BEGIN PRIVATE KEY-----
        MIIE: # all this is text
        -----END PRIVATE KEY-----
    endpoint: api.example:443
"""


def test_the_tools_own_form_is_read() -> None:
    config = read_yc_config(_CONFIG)
    assert config["current"] == "work"
    profiles = config["profiles"]
    assert isinstance(profiles, dict)
    assert profiles["default"] == {
        "token": "y0_secret",
        "cloud-id": "b1gcloud",
        "folder-id": "b1gfolder",
        "compute-default-zone": "ru-central1-a",
    }
    work = profiles["work"]
    assert isinstance(work, dict)
    assert work["endpoint"] == "api.example:443"
    key = work["service-account-key"]
    assert isinstance(key, dict)
    assert key["created_at"] == "2026-01-02T03:04:05.678Z"
    assert str(key["private_key"]).splitlines()[2] == "MIIE: # all this is text"
    assert str(key["private_key"]).endswith("-----END PRIVATE KEY-----\n")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("---\n# nothing\n\n", {}),
        ("a: b # note\n", {"a": "b"}),
        ("a: b#c\n", {"a": "b#c"}),
        ("a: 'it''s' # note\n", {"a": "it's"}),
        ('a: "tab\\tquote\\""\n', {"a": 'tab\tquote"'}),
        ('"a b": c\n', {"a b": "c"}),
        ("a:\nb: c\n", {"a": "", "b": "c"}),
        ("a:\n\n  # note\n  b:\n      c: d\n  e: f\ng: h\n", {"a": {"b": {"c": "d"}, "e": "f"}, "g": "h"}),
        ("a: |-\n  one\n\n  two\nb: c\n", {"a": "one\n\ntwo", "b": "c"}),
        ("a: >\n  one\n  two\n", {"a": "one two\n"}),
        ("a: http://host:1/x\n", {"a": "http://host:1/x"}),
        ("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
    ],
)
def test_small_forms(text: str, tree: object) -> None:
    assert read_yc_config(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "a: [secret]",
        "a: {b: secret}",
        "a: &anchor secret",
        "a: *secret",
        "- secret",
        "secret",
        "a: 'secret",
        'a: "secret',
        "a: 'x' secret",
        "a: b\n    c: secret",
        "  a: b\nc: secret",
    ],
)
def test_other_forms_are_refused_by_their_line_and_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d+ is not in the form that yc writes") as caught:
        read_yc_config(text)
    assert "secret" not in str(caught.value)
