"""An import-linter contract: modules import what is listed for them, and nothing else.

import-linter's own `forbidden` names what may not be, and so misses what nobody thought of.
"""

import sys
from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

STDLIB = "stdlib"
"""Stands for every module of the standard library."""


class AllowedContract(Contract):
    """Options: `source`, a module with all below it, and the two lists `allowed` and `exceptions`.

    `allowed` names modules, each with all below it: of this package, of others, of the standard library, or all of
    that as `stdlib`. `exceptions` are single imports, as in `a.b -> c.d`.
    """

    source = fields.StringField()
    allowed = fields.ListField(subfield=fields.StringField())
    exceptions = fields.ListField(subfield=fields.StringField(), default=[])

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - import-linter's
        """Return the imports that no list has, and the exceptions that no import needs."""
        imports = set(self._imports(graph))
        excepted = {tuple(line.split(" -> ")) for line in self._list("exceptions")}
        refused = {pair for pair in imports - excepted if not self._allows(pair[1])}
        unused = {pair for pair in excepted if pair not in imports or self._allows(pair[1])}
        return ContractCheck(
            kept=not refused and not unused, metadata={"refused": sorted(refused), "unused": sorted(unused)}
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print what was found."""
        for importer, imported in check.metadata["refused"]:
            output.print_error(f"{importer} may not import {imported}")
        for importer, imported in check.metadata["unused"]:
            output.print_error(f"the exception {importer} -> {imported} is not needed")

    def _imports(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        source = str(self.source)
        for importer in graph.modules:
            if _is_within(importer, source):
                for imported in graph.find_modules_directly_imported_by(importer):
                    if not _is_within(imported, source):
                        yield importer, imported

    def _allows(self, module: str) -> bool:
        return any(
            module.partition(".")[0] in sys.stdlib_module_names if name == STDLIB else _is_within(module, name)
            for name in self._list("allowed")
        )

    def _list(self, option: str) -> list[str]:
        return [str(item) for item in getattr(self, option)]


def _is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
