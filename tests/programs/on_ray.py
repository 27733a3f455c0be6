"""Reads images by Ray Data on this machine, and prints a row as JSON for each one that came out.

The argument is JSON: which `table` of `engine_tables`, or `recipe` in its place, `settings` of the client, and
`requests_per_s` where the clients share a quota.
"""

import json
import runpy
import sys
import warnings
from functools import partial

import ray
from engine_tables import print_refusals, print_rows, tables_of

from vision_grpc.ray import RayQuota, analyze


def main() -> None:
    """Read them."""
    asked = json.loads(sys.argv[1])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        _node_ip_address="127.0.0.1",
        # What is imported here is imported there, too.
        runtime_env={"env_vars": {"PYTHONPATH": ":".join(sys.path)}},
    )
    if asked["table"] == "recipe":
        runpy.run_path(asked["recipe"])["main"](f"{asked['folder']}/scans", f"{asked['folder']}/texts")
        return
    images = ray.data.from_arrow(tables_of(asked))
    if asked["table"] == "unfit":
        print_refusals(partial(analyze, images), asked["settings"])
        return
    pool = ray.data.ActorPoolStrategy(size=2)
    if "requests_per_s" in asked:
        asked["settings"]["quota"] = RayQuota("shared", requests_per_s=asked["requests_per_s"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        results = analyze(images, compute=pool, num_cpus=0.5, languages=["ru"], **asked["settings"])
    print_rows(results.iter_rows())


main()
