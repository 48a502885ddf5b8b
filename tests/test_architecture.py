"""Who may import whom, what the command line must not load, and that all that is public is explained."""

import ast
import json
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from sodbench.cli import COMMANDS

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "sodbench"
FILES = sorted(PACKAGE.rglob("*.py"))

# A room of the package and the rooms it may import, in functions too; `errors` is open to all.
MAY_IMPORT = {
    "utils": "version",
    "protocol": "utils",
    "metrics": "protocol utils",
    "data": "protocol utils",
    "scoring": "metrics data protocol utils version",
    "models": "data utils",
    "leaderboard": "scoring metrics data protocol utils",
    "analysis": "scoring metrics data protocol utils",
    "reports": "analysis leaderboard models scoring metrics data protocol utils version",
    "cli": "reports analysis leaderboard models scoring metrics data protocol utils version",
}

# Folders of tests that mirror no room, since what they test goes through all of them.
AROUND = {
    "fuzz": "broken files and kills",
    "docs": "the examples of the documentation",
    "browser": "pages in a real browser",
    "release": "what is said of the package",
}

# A package, where it may be imported, and where at module level.
HEAVY = {
    "numba": ("metrics.compiling utils.kernels", "utils.kernels"),
    "isal": ("data.images.png scoring.levels", "data.images.png scoring.levels"),
    "pandas": ("scoring", ""),
    "matplotlib": ("reports.figures", ""),
    "torch": ("models reports.ablation", "models"),
    "onnx": ("models", ""),
    "google": ("models", ""),  # protobuf, which onnx brings
    "safetensors": ("models", ""),
    "pooch": ("models", ""),
    "requests": ("data.remote", ""),
    "urllib3": ("data.remote", ""),
    "fsspec": ("data.remote", ""),
    "click": ("cli", "cli"),
    "jinja2": ("reports.formats reports.pages.page", ""),
    "markupsafe": ("reports.pages.page", ""),
    "rich": ("cli", ""),
    "distributed": ("utils.dask_workers", ""),
    "filelock": ("leaderboard", ""),
    "scipy": ("data.demo analysis", "analysis.statistics"),
    "skimage": ("data.demo", ""),
    "PIL": ("data models", "data.images"),
}
UNWANTED = ("torch", "numba", "pandas", "matplotlib", "scipy", "skimage", "requests", "fsspec")


class Import(NamedTuple):
    """One imported module: by which file, and whether as soon as that file is imported."""

    file: Path
    name: str
    at_once: bool


def room_of(module):
    """Return the room of a dotted module name: sodbench.metrics.mae -> metrics."""
    return (module.split(".") + [""])[1]


def lies_in(module, places):
    """Tell whether a module is one of some places, or below one: ``metrics data.images.png``."""
    return any(f"{module}.".startswith(f"sodbench.{place}.") for place in places.split())


def module_of(file):
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}


def imports_of(file):
    """List what a file imports; what only type checkers see is left out."""
    found = []

    def visit(node, at_once):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend(Import(file, alias.name, at_once) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{file}: relative import"
                names = [f"{child.module}.{alias.name}" for alias in child.names]
                names = [name if name in MODULES else child.module for name in names]
                found.extend(Import(file, name, at_once) for name in dict.fromkeys(names))
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                for other in child.orelse:
                    visit(other, at_once)
            else:
                lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                visit(child, at_once and not lazy)

    visit(ast.parse(file.read_text(encoding="utf-8")), True)
    return found


IMPORTS = [found for file in FILES for found in imports_of(file)]
INNER = [found for found in IMPORTS if found.name.split(".")[0] == "sodbench"]


def test_every_module_lies_in_a_room():
    alone = {"", "__main__", "errors", "version"}
    assert {room_of(module) for module in MODULES} - alone == set(MAY_IMPORT)
    assert {module for module in MODULES if room_of(module) in alone} == {
        "sodbench",
        "sodbench.__main__",
        "sodbench.errors",
        "sodbench.version",
    }


def test_rooms_import_only_what_they_may():
    wrong = []
    for file, name, _ in INNER:
        room, other = room_of(module_of(file)), room_of(name)
        if other in (room, "", "errors"):
            continue
        alone = {"__main__": "cli"}.get(room, "version")
        if other not in MAY_IMPORT.get(room, alone).split():
            wrong.append(f"{file.relative_to(PACKAGE)} imports {name}")
    assert wrong == []


def test_no_allowance_of_a_heavy_package_is_unused():
    idle = []
    for package, places in HEAVY.items():
        theirs = [found for found in IMPORTS if found.name.split(".")[0] == package]
        for kind, allowed in zip(("anywhere", "at module level"), places, strict=True):
            for place in allowed.split():
                if not any(
                    lies_in(module_of(f.file), place) and (f.at_once or kind == "anywhere") for f in theirs
                ):
                    idle.append(f"{package} in {place} {kind}")
    assert idle == []


def test_nothing_but_the_command_line_imports_the_package_as_a_whole():
    """``from sodbench import ...`` resolves names lazily and would hide who imports whom."""
    wrong = {file.name for file, name, _ in INNER if name == "sodbench" and room_of(module_of(file)) != "cli"}
    assert wrong == set()


def test_the_table_itself_has_no_cycle():
    allowed = {room: others.split() for room, others in MAY_IMPORT.items()}
    assert {other for others in allowed.values() for other in others} <= {*allowed, "version"}
    assert all(TopologicalSorter(allowed).static_order())


def test_contributing_shows_the_table():
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .* \| (?:`([\w ]*)`)? ?\|$", text, re.MULTILINE)
    assert dict(rows) == MAY_IMPORT
    paths = set(re.findall(r"`((?:sodbench|tests|\.ci)/[\w./]*)`", text))
    assert len(paths) > 10
    assert [path for path in paths if not (PACKAGE.parent / path).exists()] == []


def test_tests_mirror_the_rooms():
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and any(path.glob("test_*.py"))}
    assert folders <= {*MAY_IMPORT, *AROUND}
    alone = {path.name for path in TESTS.glob("test_*.py")}
    assert alone == {"test_architecture.py"}


def test_no_public_name_is_defined_twice():
    """So that a name says by itself what it is; commands are named like what they run."""
    owners = {}
    for module, file in MODULES.items():
        if room_of(module) != "cli":
            for name, _ in public_definitions(ast.parse(file.read_text(encoding="utf-8"))):
                if "." not in name:
                    owners.setdefault(name, []).append(module)
    assert {name: modules for name, modules in owners.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("room", ["scoring", "analysis"])
def test_no_metric_is_named_where_parts_are_asked(room):
    """What a metric is stands in its module only; diagnostics have an MAE of their own."""
    from sodbench.metrics import METRICS

    named = []
    for module, file in MODULES.items():
        if room_of(module) == room and not lies_in(module, "analysis.diagnostics"):
            named += [
                f"{module}: {node.value}"
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Constant) and node.value in METRICS
            ]
    assert named == []


def test_models_know_no_metrics():
    assert not {"metrics", "scoring"} & set(MAY_IMPORT["models"].split())


def test_no_module_imports_itself_by_way_of_others():
    graph = {module: set() for module in MODULES}
    for file, name, _ in INNER:
        if name in MODULES and name != module_of(file):
            graph[module_of(file)].add(name)
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_stay_where_they_belong(package):
    anywhere, at_module_level = HEAVY[package]
    wrong = []
    for file, name, at_once in IMPORTS:
        allowed = at_module_level if at_once else anywhere
        if name.split(".")[0] == package and not lies_in(module_of(file), allowed):
            wrong.append(f"{file.relative_to(PACKAGE)} imports {name}{' at module level' if at_once else ''}")
    assert wrong == []


def test_third_party_packages_are_the_declared_ones():
    known = {*sys.stdlib_module_names, *HEAVY, "sodbench", "numpy", "platformdirs"}
    assert {name.split(".")[0] for _, name, _ in IMPORTS} - known == set()


def test_oracles_import_nothing_of_sodbench():
    names = {name.split(".")[0] for _, name, _ in imports_of(TESTS / "reference.py")}
    assert names <= {"os", "fractions", "numpy", "hypothesis", "scipy"}


PROBE = """
import json, sys
sys.argv = ["sodbench", *sys.argv[1:]]
from sodbench.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    *said, modules = done.stdout.splitlines()
    return said, set(json.loads(modules))


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), *((command, "--help") for command in COMMANDS)]
)
def test_help_loads_nothing_heavy(arguments):
    said, modules = loaded_by(*arguments)
    assert said
    assert "click" in modules
    assert modules.isdisjoint(UNWANTED)


def test_importing_sodbench_loads_nothing():
    code = "import sys; before = set(sys.modules); import sodbench; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert {name.partition(".")[0] for name in done.stdout.split()}.isdisjoint({"numpy", "click", *UNWANTED})


def public_definitions(tree, owner=""):
    """List all public functions, classes and methods of a module."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            yield f"{owner}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node, f"{owner}{node.name}.")


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module has no docstring"
    assert [name for name, node in public_definitions(tree) if not ast.get_docstring(node)] == []


def test_public_names():
    """Each is there, and resolving them all is what makes the package heavy."""
    import sodbench

    assert sorted(sodbench.__all__) == sorted(dir(sodbench))
    for name in sodbench.__all__:
        assert getattr(sodbench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sodbench.nothing
