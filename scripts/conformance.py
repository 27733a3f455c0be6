#!/usr/bin/env python3
"""Write tests/data/conformance: what messages, services and clients in any language are to do.

    scripts/conformance.py            write the files anew
    scripts/conformance.py --check    compare instead, exit 1 on any difference

The cases are those of scripts/vectors, written by hand. Binary forms are protobuf's own; nothing here asks our client.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "conformance"
FILES = ("messages", "requests", "answers", "faults")


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what is committed, write nothing")
    check = parser.parse_args().check
    stale = [path for path, text in made().items() if not path.exists() or path.read_text() != text]
    if not check:
        for path in stale:
            path.write_text(made()[path])
        return 0
    for path in stale:
        print(f"{path.name} is not what scripts/vectors says: run scripts/conformance.py", file=sys.stderr)
    return 1 if stale else 0


def made() -> dict[Path, str]:
    """Return the text of each file."""
    contents = {name: import_module(f"vectors.{name}").contents() for name in FILES}
    return {
        FOLDER / f"{name}.json": json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        for name, content in contents.items()
    }


if __name__ == "__main__":
    sys.exit(main())
