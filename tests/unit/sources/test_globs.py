import pytest

from vision_grpc.sources.globs import Globs

_MATCHES = [
    # A pattern without a slash is for a name at any depth, in either case.
    ("*.png", ["a.png", "x/y/A.PNG", ".png", "x.png/y"], ["a.png.txt", "apng", "a.jpg"]),
    ("scan?.jpg", ["scan1.jpg", "x/scanA.JPG"], ["scan.jpg", "scan12.jpg"]),
    ("thumbs", ["thumbs", "thumbs/a.png", "x/Thumbs/y/a.png"], ["thumbs.png", "mythumbs/a.png"]),
    ("*", ["a", "a/b"], []),
    ("**", ["a", "a/b"], []),
    # One with a slash is for the path below the folder.
    ("a/*.png", ["a/1.png"], ["1.png", "x/a/1.png", "a/b/1.png"]),
    ("/1.png", ["1.png"], ["a/1.png"]),
    ("./1.png", ["1.png"], ["a/1.png"]),
    ("a/./b//c.png", ["a/b/c.png"], ["b/c.png"]),
    # At its end it stands for a folder.
    ("sub/", ["sub/a.png", "x/sub/y/a.png"], ["sub", "x/sub"]),
    ("/sub/", ["sub/a.png"], ["x/sub/a.png"]),
    ("x/*/", ["x/y/a.png"], ["x/y", "x/a.png"]),
    # Two stars are any folders, or no folder.
    ("a/**/b.png", ["a/b.png", "a/x/b.png", "a/x/y/b.png"], ["b.png", "a/xb.png", "xa/b.png"]),
    ("**/b.png", ["b.png", "a/x/b.png"], ["ab.png"]),
    ("a/**", ["a/b", "a/b/c"], ["a", "ab/c"]),
    ("**/a/**/b/**", ["a/b/c", "x/a/y/b/z/c"], ["a/c", "a/b"]),
    ("a**b", ["ab", "axb"], ["a/b"]),
    # One of several characters, and one of several texts.
    ("[0-9]*.png", ["0.png", "7a.png"], ["a7.png"]),
    ("[!0-9]*.png", ["a.png"], ["0.png"]),
    ("[^a]", ["b", "x/a"], ["a", "a/a"]),
    ("[]x]", ["]", "x"], ["a"]),
    ("[!]]", ["x"], ["]"]),
    ("[+--]", ["+", ",", "-"], ["a"]),
    ("[a-]", ["a", "-"], ["b"]),
    ("[[a&&~~||]", ["[", "a", "&", "~", "|"], ["b"]),
    ("[a^&|]", ["^", "&", "|", "a"], ["b"]),
    ("*.{jpg,png}", ["a.jpg", "x/a.PNG"], ["a.gif"]),
    ("{a/b,c}/*.png", ["a/b/1.png", "c/1.png"], ["a/1.png", "b/1.png"]),
    ("{a,b{c,d}}.png", ["a.png", "bc.png", "bd.png"], ["b.png"]),
    ("{,x}.png", [".png", "x.png"], ["y.png"]),
    # What has no special meaning, or has lost it.
    ("a,b}.png", ["a,b}.png"], ["a.png"]),
    (r"\*.png", ["*.png"], ["a.png"]),
    (r"\[a\].png", ["[a].png"], ["a.png"]),
    (r"\!a.png", ["!a.png"], ["a.png"]),
    ("a.(png|jpg)+$", ["a.(png|jpg)+$"], ["a.png"]),
    ("a b\n.png", ["a b\n.png"], ["a b"]),
    ("caf\u00e9.png", ["cafe\u0301.png", "CAF\u00c9.png"], ["cafe.png"]),
    ("\udcff*", ["\udcff.png"], ["\udcfe.png"]),
]


@pytest.mark.parametrize(("pattern", "matching", "others"), _MATCHES, ids=[case[0] for case in _MATCHES])
def test_what_a_pattern_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    included, excluded = Globs([pattern]), Globs((), [pattern])
    assert [path for path in matching + others if included.select(path)] == matching
    assert [path for path in matching + others if not excluded.select(path)] == matching


def test_all_is_read_without_patterns_and_nothing_that_is_excluded() -> None:
    assert Globs().select("a/b.png")
    globs = Globs(["*.png", "*.jpg"], ["b*", "x/"])
    assert [path for path in ("a.png", "a.jpg", "b.png", "a.gif", "x/a.png", "y/a.jpg") if globs.select(path)] == [
        "a.png", "a.jpg", "y/a.jpg",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "excluded", "entered"),
    [
        ("x", ["x", "y/x"], ["xy", "y"]),
        ("x/", ["x", "y/x", "x/z"], ["y"]),
        ("x/**", ["x", "x/y"], ["y/x"]),
        ("x/*", ["x", "x/y"], ["y"]),
        ("x/*.png", ["x/y.png"], ["x", "x/y"]),
        ("x/*/", ["x/y"], ["x"]),
        ("x/**/y", ["x/y", "x/z/y"], ["x", "x/z"]),
        ("*.png", ["a.png"], ["x"]),
    ],
)
def test_a_folder_is_not_entered_if_all_in_it_is_excluded(
    pattern: str, excluded: list[str], entered: list[str]
) -> None:
    globs = Globs((), [pattern])
    assert [path for path in excluded + entered if globs.exclude_folder(path)] == excluded


def test_no_folder_is_left_out_for_what_is_to_be_included() -> None:
    assert not Globs(["a/b.png"]).exclude_folder("x")


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("", "write * for all files"),
        ("/", "write * for all files"),
        ("./", "write * for all files"),
        ("!*.png", "exclude what is not wanted"),
        ("../a.png", "write the path below"),
        ("a/../b", "write the path below"),
        ("[a", r"write \["),
        ("[", r"write \["),
        ("[]", r"write \["),
        ("[!]", r"write \["),
        ("[a/b]", r"write \["),
        ("[z-a]", "lower character first"),
        ("[a--b]", "lower character first"),
        ("[[:digit:]]", "write a range"),
        ("{a,b", r"write \{"),
        ("a\\", r"write \\"),
    ],
)
def test_a_pattern_that_can_match_nothing_is_refused_with_advice(pattern: str, advice: str) -> None:
    for include, exclude in (([pattern], []), ([], [pattern])):
        with pytest.raises(ValueError, match="the pattern") as refused:
            Globs(include, exclude)
        assert repr(pattern) in str(refused.value)
        assert advice in str(refused.value)


@pytest.mark.parametrize(("pattern", "path"), [(".git/", ".git/x"), ("a/.b/*.png", "a/.b/1.png"), (".*", "a/.x")])
def test_hidden_files_may_be_excluded_but_not_included(pattern: str, path: str) -> None:
    assert not Globs((), [pattern]).select(path)
    with pytest.raises(ValueError, match="hidden"):
        Globs([pattern])


def test_one_pattern_is_not_taken_for_many_of_one_letter() -> None:
    with pytest.raises(TypeError, match="put one into a list"):
        Globs("*.png")
    with pytest.raises(TypeError, match="put one into a list"):
        Globs((), "*.png")


@pytest.mark.parametrize(
    ("root", "pattern", "excluded", "kept"),
    [
        ("scans", "scans/thumbs/", ["thumbs/a.png", "scans/thumbs/a.png"], ["x/thumbs/a.png", "thumbs"]),
        ("scans", "./scans/a.png", ["a.png"], ["x/a.png"]),
        ("/data/scans", "/data/scans/x/*.png", ["x/a.png"], ["a.png", "x/y/a.png"]),
        ("scans[1]", "scans[1]/a.png", ["a.png", "scans1/a.png"], ["x/a.png"]),
        # What is not below the root, or is all of it, stays what it is.
        ("scans", "scans/", ["scans/a.png"], ["a.png"]),
        ("scan", "scans/a.png", ["scans/a.png"], ["a.png", "s/a.png"]),
        (".", "scans/a.png", ["scans/a.png"], ["a.png"]),
        ("/", "/a.png", ["a.png"], ["x/a.png"]),
    ],
)
def test_a_pattern_may_begin_with_the_path_of_the_folder_as_shells_complete_it(
    root: str, pattern: str, excluded: list[str], kept: list[str]
) -> None:
    globs = Globs((), [pattern]).under(root)
    assert [path for path in excluded + kept if not globs.select(path)] == excluded
    globs = Globs([pattern]).under(root)
    assert [path for path in excluded + kept if globs.select(path)] == excluded


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a*a*a*a*a*a*b", "a" * 200),
        ("*[ab]*?*[ab]*a*a*a*b", "a" * 200),
        ("{*a*a*a*a*a,x}*a*a*a*a*b", "a" * 60),
        ("**/**/**/**/**/**/x.png", "a/" * 200 + "y.png"),
        ("**/a/**/a/**/a/**/a/**/a/**/x.png", "a/" * 200 + "y.png"),
        ("**/*a*/**/*a*/**/*a*/**/*a*/**/x.png", "aaaa/" * 100 + "y.png"),
    ],
)
def test_many_wildcards_take_no_exponential_time(pattern: str, path: str) -> None:
    # Trying every way to place them would take hours.
    assert not Globs([pattern]).select(path)
    assert Globs([pattern]).select(path.replace("y.png", "x.png") if "/" in path else f"{path}b")


@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("*ab*b", "aabab", True),
        ("*ab*b", "xab", False),
        ("*a?*b*", "aaab", True),
        ("a*{b,bc}*c*d", "abcd", True),
        ("*a*{b,/b}*c", "xa/bc", True),
        ("**/a*b/**/b/*c", "x/ab/b/ab/b/bc", True),
        ("**/a/**/a/b", "a/x/a/a/b", True),
        ("**/a/**/a/b", "x/a/b", False),
        ("*a*/**/b*c", "ba/x/b/bc", True),
    ],
)
def test_wildcards_that_take_little_leave_the_rest_to_the_next(pattern: str, path: str, is_match: bool) -> None:  # noqa: FBT001 - a case
    assert Globs([pattern]).select(path) == is_match
