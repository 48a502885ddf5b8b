"""Build the sdist and the wheel, and try them as users get them: ``python .ci/release.py [DIST]``.

They are built from the files that git tracks, and checked: what PyPI demands of them, what they hold, and
that they run in any folder, without the checkout and without torch, with each supported Python that is at
hand. Files that pass lie in DIST (``dist/``). Needs the `dev` extra, and a package index.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
CFFCONVERT = ("--from", "cffconvert==2.0.0", "--with", "setuptools<81", "cffconvert")
"""It needs packages too old for the environment of the tests."""

SCORE = ("score", "--dataset", "demo")
"""Makes the scores that later commands show."""

COMMANDS = (
    ("--version",),
    ("--help",),
    SCORE,
    ("metrics",),
    ("datasets", "show", "SOD"),
    ("table", "--datasets", "demo", "--with", "scores", "--format", "latex"),
    ("table", "--paper", "--format", "markdown"),
    ("leaderboard", "check"),
    ("report", "scores", "--out", "report.html"),
    ("site", "--out", "public"),
)
"""Those of them that there are have to do from the wheel what they do from the checkout."""


def fail(message: str) -> None:
    """End with a message.

    Raises
    ------
    SystemExit
        Always.
    """
    raise SystemExit(f"release: {message}")


def run(*command: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program and return its output.

    Raises
    ------
    SystemExit
        It failed; its output is in the message.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def tracked() -> list[str]:
    """List the files that git tracks; all files where there is no repository, as in an unpacked sdist."""
    ask = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    done = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=False)
    names = [name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]
    if done.returncode or not names:
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()]
    return sorted(name for name in names if name != "PKG-INFO")


def build(work: Path, names: Iterable[str]) -> tuple[Path, Path]:
    """Build both archives from a clean copy; return the sdist and the wheel.

    Raises
    ------
    SystemExit
        They cannot be built, or the wheel of the sdist is not that of the checkout.
    """
    clean = work / "clean"
    for name in names:
        (clean / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clean / name)
    environment = {**os.environ, "UV_CONSTRAINT": str(ROOT / "constraints.txt")}
    tool = (sys.executable, "-m", "build", "--installer", "uv")
    run(*tool, "--outdir", work / "dist", clean, env=environment)
    run(*tool, "--wheel", "--outdir", work / "direct", clean, env=environment)
    (sdist,) = (work / "dist").glob("*.tar.gz")
    (wheel,) = (work / "dist").glob("*.whl")
    if wheel.read_bytes() != (work / "direct" / wheel.name).read_bytes():
        fail("the wheel that the sdist builds is not the one that the checkout builds")
    return sdist, wheel


def check_names(archive: Path, found: Iterable[str], expected: Iterable[str]) -> None:
    """Check which files an archive holds.

    Raises
    ------
    SystemExit
        Some are missing, or are there without being expected.
    """
    missing, strange = sorted({*expected} - {*found}), sorted({*found} - {*expected})
    if missing or strange:
        fail(
            f"{archive.name}: missing: {', '.join(missing) or '-'}; not expected: {', '.join(strange) or '-'}"
        )


def check_archives(sdist: Path, wheel: Path, names: list[str]) -> None:
    """Check what the archives hold and say of themselves.

    Raises
    ------
    SystemExit
        The sdist is not all that is tracked, the wheel not the package with its data, or metadata are wrong.
    """
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
    with tarfile.open(sdist) as archive:
        held = [member.name.partition("/")[2] for member in archive if member.isfile()]
    check_names(sdist, held, [*names, "PKG-INFO"])
    with zipfile.ZipFile(wheel) as archive:
        held = archive.namelist()
        about = re.sub(r"/.*", "", next(name for name in held if name.endswith("/METADATA")))
        metadata = Metadata.from_email(archive.read(f"{about}/METADATA"))
    licences = [f"{about}/licenses/{name}" for name in metadata.license_files or ()]
    parts = [f"{about}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")]
    package = [name for name in names if name.startswith("sodbench/")]
    boards = [
        f"sodbench/leaderboard/shipped/{name[13:]}" for name in names if name.startswith("leaderboards/")
    ]
    check_names(wheel, held, [*package, "sodbench/data/datasets.toml", *boards, *parts, *licences])
    text = metadata.description or ""
    if inner := re.findall(r"(?:\]\(|(?:src|href)=\")(?!https:|mailto:|#)[^)\"]*", text):
        fail(f"README on PyPI would have links to files that are not there: {', '.join(inner)}")
    own = {f"Programming Language :: Python :: {version}" for version in PYTHONS}
    stated = {name for name in metadata.classifiers or () if re.search(r"Python :: 3\.", name)}
    if stated != own:
        fail(f"the classifiers name {', '.join(sorted(stated))}; tried are {', '.join(PYTHONS)}")
    run("uv", "tool", "run", "-q", *CFFCONVERT, "--validate", "-i", ROOT / "CITATION.cff")


def pythons() -> dict[str, Path]:
    """Find an interpreter of each supported version: this one, or one on the path or below pyenv's folder."""
    found = {}
    for version in PYTHONS:
        installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
        places = [
            sys.executable,
            shutil.which(f"python{version}"),
            *installed.glob(f"{version}.*/bin/python"),
        ]
        for place in filter(None, places):
            said = subprocess.run([place, "--version"], capture_output=True, text=True, check=False).stdout
            if said.startswith(f"Python {version}."):
                found[version] = Path(place)
                break
    return found


def results(program: list[str], folder: Path, **environment: str) -> dict[str, str]:
    """Run `COMMANDS` in an empty folder with an empty cache; return what each prints, and the files made."""
    folder.mkdir()
    settings = {name: str(folder / name) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    settings |= {"PATH": os.defpath, "LC_ALL": "C.UTF-8", **environment}
    here = folder / "here"
    here.mkdir()
    said: dict[str, str] = {}
    for command in COMMANDS:
        if command[0].startswith("-") or f"\n  {command[0]} " in said["--help"]:
            said[" ".join(command)] = run(*program, *command, cwd=here, env=settings)
    said["files"] = "\n".join(sorted(str(path.relative_to(here)) for path in here.rglob("*")))
    return said


def try_out(work: Path, version: str, python: Path, archive: Path, expected: dict[str, str]) -> str:
    """Install an archive into an empty environment and use it; return a line that says so.

    Raises
    ------
    SystemExit
        It cannot be installed, holds other files than the wheel, or does something else than the checkout.
    """
    kind = "wheel" if archive.suffix == ".whl" else "sdist"
    place = work / f"{kind}-{version}"
    limits = ("-c", ROOT / "constraints.txt", "--build-constraints", ROOT / "constraints.txt")
    run("uv", "venv", "-q", "--python", python, place)
    interpreter = place / "bin" / "python"
    run("uv", "pip", "install", "-q", "--python", interpreter, *limits, archive)
    (package,) = place.glob("lib/python*/site-packages/sodbench")
    held = {path.relative_to(package).as_posix(): path for path in package.rglob("*") if path.is_file()}
    with zipfile.ZipFile(next((work / "dist").glob("*.whl"))) as wheel:
        files = [name for name in wheel.namelist() if name.startswith("sodbench/")]
        check_names(archive, held, [name.partition("/")[2] for name in files])
        for name in files:
            if wheel.read(name) != held[name.partition("/")[2]].read_bytes():
                fail(f"{archive.name}: {name} is not installed as it is in the wheel")
    if kind == "sdist":  # the same files on the same Python do the same
        run(place / "bin" / "sodbench", "--version", cwd=work, env={"PATH": os.defpath})
        return f"{kind} on Python {version}: installs the same files as the wheel"
    run(interpreter, "-c", "import importlib.util as i, sys; sys.exit(i.find_spec('torch') is not None)")
    for name, text in results([str(place / "bin" / "sodbench")], work / f"used-{version}").items():
        if text != expected[name]:
            fail(f"{kind} on Python {version}: {name}\n--- checkout\n{expected[name]}\n--- {kind}\n{text}")
    wanted = f"sodbench[dev] @ {archive.as_uri()}"
    run("uv", "pip", "install", "-q", "--dry-run", "--python", interpreter, *limits, wanted)
    return f"{kind} on Python {version}: {len(expected) - 1} commands do the same as in the checkout"


def main(dist: Path) -> None:
    """Build, check, try; keep the archives."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        work = Path(name)
        os.environ["UV_PYTHON_DOWNLOADS"] = "never"
        checkout = [sys.executable, "-c", "from sodbench.cli import main; main(prog_name='sodbench')"]
        own = pool.submit(results, checkout, work / "own", PYTHONPATH=str(ROOT))
        names = tracked()
        sdist, wheel = build(work, names)
        print(f"{sdist.name}, {wheel.name}: the sdist builds the same wheel as the checkout")
        check_archives(sdist, wheel, names)
        print("their files, their metadata and CITATION.cff are as they should be")
        if not (found := pythons()):
            fail(f"none of Python {', '.join(PYTHONS)} is at hand, so nothing can be tried")
        expected = own.result()
        tried = [
            pool.submit(try_out, work, version, python, archive, expected)
            for archive in (wheel, sdist)
            for version, python in found.items()
        ]
        for line in tried:
            print(line.result())
        if missing := [version for version in PYTHONS if version not in found]:
            print(f"not at hand here, so not tried: Python {', '.join(missing)}")
        dist.mkdir(parents=True, exist_ok=True)
        for archive in (sdist, wheel):
            shutil.copy2(archive, dist)
            print(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {dist / archive.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))
