from pathlib import Path

from coverage import CoverageData
from coverage_files import remove_broken


def test_damaged_data_is_removed_and_the_rest_stays(tmp_path: Path) -> None:
    sound = tmp_path / ".coverage.sound"
    data = CoverageData(str(sound))
    data.add_lines({"a.py": range(1000)})
    data.write()
    data.close()
    content = sound.read_bytes()
    pages = [content[start : start + 4096] for start in range(0, len(content), 4096)]
    for number in range(1, len(pages)):
        (tmp_path / f".coverage.cut-{number}").write_bytes(b"".join(pages[:number]))
    (tmp_path / ".coverage.lost").write_bytes(b"".join([pages[0], bytes(4096), *pages[2:]]))
    (tmp_path / ".coverage.empty").touch()
    (tmp_path / "other").touch()
    remove_broken(tmp_path / ".coverage")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".coverage.sound", "other"]
