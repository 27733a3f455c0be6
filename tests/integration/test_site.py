"""The documentation as a site, and its links as pages of the repository."""

import re
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PAGES = sorted(path for folder in (".", "docs", "docs/reference", "protos") for path in (_ROOT / folder).glob("*.md"))
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


# On a busy machine it takes some minutes.
@pytest.mark.timeout(300)
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [_ROOT / "scripts" / "docs", tmp_path / "site"]
    built = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (built.returncode, built.stderr) == (0, "")
    home = (tmp_path / "site" / "index.html").read_text()
    assert 'src="_images/page-with-boxes.png"' in home
    clients = (tmp_path / "site" / "docs" / "reference" / "clients.html").read_text()
    for name in ("VisionClient.analyze_many", "AsyncVisionClient.analyze_many", "Limits.requests_per_s"):
        assert f'id="vision_grpc.{name}"' in clients


@pytest.mark.parametrize("page", [pytest.param(path, id=str(path.relative_to(_ROOT))) for path in _PAGES])
def test_no_link_is_dead(page: Path) -> None:
    assert [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_each_page_is_two_clicks_from_the_readme() -> None:
    def links(page: Path) -> set[Path]:
        targets = {(page.parent / link).resolve() for link in _LINK.findall(page.read_text())}
        return {target for target in targets if target.suffix == ".md" and target.exists()}

    first = links(_ROOT / "README.md")
    near = first.union(*map(links, first))
    assert [page.name for page in (_ROOT / "docs").glob("*.md") if page not in near] == []
