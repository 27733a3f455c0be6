"""What one writes in Python: `analyze_many` over the files of a folder, with a journal's line for each image."""

import argparse
import time
from pathlib import Path

from vision_grpc import VisionClient, tune_memory
from vision_grpc.auth import IamToken
from vision_grpc.bulk.journal import LineWriter

TOKEN = "t1.benchmark"  # noqa: S105 - nobody checks it
FOLDER_ID = "b1g0000000000000000"


def main() -> None:
    """Write the lines to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--roots", type=Path, required=True)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    tune_memory()  # As the command line does.
    client = VisionClient(
        options.target, credentials=IamToken(TOKEN), folder_id=FOLDER_ID, root_certificates=options.roots.read_bytes()
    )
    with client, options.output.open("wb", buffering=0) as output:
        lines = LineWriter()
        for result in client.analyze_many(sorted(options.folder.iterdir())):
            output.write(lines.render(result, finished_at=time.time()))


if __name__ == "__main__":
    main()
