"""Boards, their curves, and signatures."""

from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from hostile import Case, FaultError, Kind, read_or_refused
from hostile.breaking import broken_text
from sodbench.leaderboard.boards import board_csv, read_board
from sodbench.leaderboard.curves import with_digest
from sodbench.leaderboard.folder import shipped_boards
from sodbench.leaderboard.submission import check_boards
from sodbench.protocol import Protocol, Signature

SIGNATURE = (
    "data:SOD@1|n:298/300|missing:skip|ids:0123abcd|gt:>128|gtmae:binary|norm:max|normmae:same|size:exact|levels:256"
    "|avg:mean-pr|beta2:0.3|eps:0|alpha:0.5|centroid:half-up|ecmp:>=|wbeta2:1|wempty:skip|rho:3|rthr:0.5"
    "|relem:cross|rborder:background|rdist:euclidean|rev:f1.m1.w1.s1.r1.e1|sodbench:0.1.0"
)


@cache
def shipped(sealed: bool) -> dict[str, bytes]:
    """Return the shipped board of SOD and its curves, `sealed` by a digest or as before there were any."""
    root = shipped_boards().path
    files = {"SOD.csv": (root / "SOD.csv").read_bytes()}
    for curves in sorted((root / "curves" / "SOD").glob("*.csv")):
        lines = curves.read_text(encoding="utf-8").splitlines()
        plain = [line for k, line in enumerate(lines) if k == 0 or not line.startswith("#")]
        text = with_digest(plain) if sealed else "\n".join([*plain, ""])
        files[f"curves/SOD/{curves.name}"] = text.encode()
    return files


@st.composite
def board_cases(draw: st.DrawFn) -> Case:
    """Draw a folder of boards of which one file is broken."""
    origin = shipped(draw(st.booleans()))
    files, how = dict(origin), "valid"
    name = draw(st.sampled_from(sorted(files)))
    if draw(st.integers(0, 20)):
        files[name], how = draw(broken_text(files[name].decode()))
    return Case(files, f"{name}: {how}", origin)


def board_probe(case: Case, folder: Path) -> bool:
    """Read a board, check the folder; curves that are accepted are those that were stored."""
    board = read_or_refused(lambda: read_board(folder / "SOD.csv"), "SOD.csv")
    checked = read_or_refused(lambda: check_boards(folder), str(folder))
    if board is None and checked is not None:
        raise FaultError("check accepts a board that cannot be read")
    if board is not None and read_or_refused(lambda: _again(folder, board_csv(board))) != board:
        raise FaultError("a board that was accepted is not the same when it is written and read again")
    if checked is not None:
        for name in case.origin:
            if name.startswith("curves") and _plain(case.files[name]) != _plain(case.origin[name]):
                raise FaultError("other curves than those that were stored are accepted")
    return checked is not None


def _plain(curves: bytes) -> list[list[bytes]]:
    """Return the words of a file of curves without its digest, which files of earlier versions lack."""
    lines = [line.split() for line in curves.splitlines() if line.strip()]
    return [line for number, line in enumerate(lines) if number != 1 or line[0] != b"#"]


def _again(folder: Path, text: str) -> object:
    path = folder / "again" / "SOD.csv"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return read_board(path)


@st.composite
def signature_cases(draw: st.DrawFn) -> Case:
    """Draw a signature with a part broken."""
    text = SIGNATURE
    if draw(st.integers(0, 20)):
        content, how = draw(
            broken_text(text.replace("|", draw(st.sampled_from(("|", "|", "|", "\n", "||")))))
        )
        return Case({"signature": content}, how)
    return Case({"signature": text.encode()}, "valid")


def signature_probe(case: Case, folder: Path) -> bool:
    """Parse a signature; what is accepted is printed and parsed to the same."""
    text = case.files["signature"].decode("utf-8", "replace")
    protocol = read_or_refused(lambda: Protocol.parse(text))
    if protocol is not None and Protocol.parse(protocol.signature()) != protocol:
        raise FaultError("a protocol that is not the same when it is printed and parsed again")
    signature = read_or_refused(lambda: Signature.parse(text))
    if signature is not None and Signature.parse(str(signature)) != signature:
        raise FaultError("a signature that is not the same when it is printed and parsed again")
    return signature is not None


BOARDS = Kind(board_cases(), board_probe)
SIGNATURES = Kind(signature_cases(), signature_probe)
