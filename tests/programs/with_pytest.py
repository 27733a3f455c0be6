"""Run tests of a user under the pytest of this environment, which finds our plugin by itself: they end as meant."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parent / "of_users" / "test_with_plugin.py"
AS_MEANT = r"1 failed, 1[56] passed(, 1 skipped)?, 2 errors"

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "pytest.ini").write_text("[pytest]\n")
    Path(folder, TESTS.name).write_text(TESTS.read_text())
    for options in ([], ["-n", "2"], ["-p", "no:cacheprovider", "--strict-markers", "-W", "error"]):
        command = [sys.executable, "-m", "pytest", "-q", *options]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert re.search(AS_MEANT, ended.stdout), (options, ended.stdout, ended.stderr)
