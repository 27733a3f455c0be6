"""The task of Spark that this process runs, and the answers that were kept of its earlier attempts."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from vision_grpc.arrow.analysis.answer_folder import AnswerFolders
from vision_grpc.arrow.analysis.kept_answers import KeptAnswers, say_not_kept
from vision_grpc.arrow.schema import Detail

_TaskContext: Any = import_module("pyspark").TaskContext

_FOLDERS = AnswerFolders()


@contextmanager
def kept_answers(job: str, detail: Detail) -> Generator[KeptAnswers | None]:
    """Hand out the answers of this task; None where Spark names no task or folder, and on Windows.

    `job` is a secret of its driver.
    """
    context, folders = _TaskContext.get(), _folders(os.environ)
    if context is None or not folders or os.name != "posix":
        say_not_kept("Spark names no task or folder" if os.name == "posix" else "it is not done on Windows")
        yield None
        return
    partition: int = context.partitionId()
    task = f"{job}-{context.stageId()}-{partition}"
    is_repeated = context.attemptNumber() > 0
    with _FOLDERS.kept(Path(folders[partition % len(folders)]), task, detail, is_repeated=is_repeated) as answers:
        yield answers


def _folders(variables: Mapping[str, str]) -> list[str]:
    """Return the folders for what an application needs while it runs: Spark or its cluster removes them with it.

    The best are those that all executors of this application on this machine share, as a cluster of Spark or YARN gives
    them. `SPARK_LOCAL_DIRS` are of this executor alone.
    """
    if "SPARK_EXECUTOR_DIRS" in variables:
        found = variables["SPARK_EXECUTOR_DIRS"].split(os.pathsep)
    elif "CONTAINER_ID" in variables and "LOCAL_DIRS" in variables:
        found = variables["LOCAL_DIRS"].split(",")
    else:
        found = variables.get("SPARK_LOCAL_DIRS", "").split(",")
    return [folder for folder in found if folder]
