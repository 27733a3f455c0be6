"""Settings of Sphinx, which makes a site of these pages and of the docstrings; `scripts/docs` calls it."""

from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import GoogleDocstring

from vision_grpc import __version__, messages
from vision_grpc.results import layout

project = "vision-grpc"
author = "The vision_grpc authors"
version = release = __version__

# It is imported there for types alone, and autodoc looks it up.
vars(layout)["messages"] = messages

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
default_role = "code"  # Docstrings put names into single backticks.
python_maximum_signature_line_length = 90
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}

html_theme = "furo"
html_title = f"vision-grpc {version}"
html_show_sourcelink = False

_CONTENTS = {
    "Start": "docs/getting-started docs/costs docs/which docs/questions docs/cookbook",
    "Client": "docs/client docs/settings docs/errors docs/results docs/ocr-v1 docs/tape docs/observability "
    "docs/proxies",
    "Command line": "docs/bulk docs/sources docs/fitting docs/journal docs/exports docs/pictures docs/ocrmypdf",
    "Clusters": "docs/scale docs/shared-quota docs/arrow docs/engines",
    "Service to develop against": "docs/testing docs/local-service docs/faults docs/local-page docs/ocr docs/gateway",
    "Other languages": "protos/README tests/data/conformance/README",
    "Reference": "docs/reference/clients docs/reference/results docs/reference/auth docs/reference/errors "
    "docs/reference/tape docs/reference/local",
    "Project": "docs/versioning docs/compatibility docs/architecture docs/release CONTRIBUTING SECURITY CHANGELOG",
}


def setup(app: Sphinx) -> None:
    """Have the README as the first page, with the contents of the site, and read sections of docstrings."""
    app.connect("source-read", _add_contents)
    app.connect("autodoc-process-docstring", _read_sections)


def _add_contents(_: Sphinx, page: str, source: list[str]) -> None:
    if page == "index":
        for caption, pages in _CONTENTS.items():
            entries = "\n".join(pages.split())
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```\n"


def _read_sections(_: Sphinx, kind: str, name: str, what: object, options: object, lines: list[str]) -> None:
    """Read `Raises:` in a docstring. In those of attributes, Napoleon would take what precedes a colon for a type."""
    del name, what, options
    if kind not in {"attribute", "property"}:
        lines[:] = GoogleDocstring(lines).lines()
