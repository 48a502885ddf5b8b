"""`sodbench site`: what its pages and data say, where links lead, and how it is written."""

import csv
import io
import json
import os
import re
import shutil
from contextlib import suppress
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser.pages import all_links_resolve
from workspace import good, listing, refused

from sodbench.errors import ScoresError
from sodbench.leaderboard.boards import Board, BoardRow, board_csv, read_board
from sodbench.leaderboard.conventions import read_conventions
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.protocol import PRESETS, Protocol
from sodbench.reports.pages.site.build import site_files
from sodbench.reports.pages.site.content import Content, read_content
from sodbench.reports.pages.site.slugs import slugs
from sodbench.reports.pages.site.writing import LISTED, PART
from sodbench.scoring.pipeline import score_folder

SHIPPED = Path(__file__).parents[3] / "leaderboards"
REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
MAPS = {"PiCANet": "PiCANet", "DSS": "DSS", "U2-Net†": "u2netp"}
"""Measured methods, and the folders of their maps among the reference material."""


class Tables(HTMLParser):
    """The tables of a page: by the id of its figure, rows of cells as (text, link)."""

    def __init__(self, text):
        super().__init__()
        self.tables, self._name, self._cell, self._small = {}, "", None, 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "figure" and given.get("class") == "table":
            self._name = given["id"]
            self.tables[self._name] = []
        elif tag == "tr" and self._name:
            self.tables[self._name].append([])
        elif tag in ("td", "th") and self._name:
            self._cell = {
                "text": "",
                "id": given.get("id"),
                "mark": given.get("data-mark"),
                "note": "",
                "href": "",
            }
            self.tables[self._name][-1].append(self._cell)
        elif tag in ("sup", "small"):
            self._small += 1
        elif tag == "a" and self._cell is not None:
            self._cell["href"] = given["href"]

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = None
        elif tag in ("sup", "small"):
            self._small -= 1
        elif tag == "figure":
            self._name = ""

    def handle_data(self, data):
        if self._cell is not None:
            self._cell["note" if self._small else "text"] += data


def columns_of(table):
    """Rows below the head, each as a mapping from column to cell."""
    head = next(row for row in table if row and all(cell["text"] for cell in row[1:]))
    names = [cell["text"] for cell in head]
    return [dict(zip(names, row, strict=True)) for row in table[table.index(head) + 1 :]]


@pytest.fixture(scope="module")
def content():
    return read_content(SHIPPED)


@pytest.fixture(scope="module")
def files(content):
    return {path: data.decode() for path, data in site_files(content).items()}


# ------------------------------------------------------------------------------- numbers and ranks


def shown(entry, metric):
    """A value as a page shows it: printed digits, or four."""
    value = entry.values.get(metric)
    if value is None:
        return "-"
    return str(value) if entry.source == "published" else f"{value:.{METRICS[metric].decimals(4)}f}"


@pytest.mark.parametrize("source", ["published", "measured"])
def test_numbers_on_pages_are_those_of_the_boards(content, files, source):
    cells = 0
    for dataset, board in content.boards.items():
        table = Tables(files[content.dataset_page(dataset)]).tables.get(source)
        assert (table is None) == (not board.of(source))
        for entry, row in zip(board.of(source), columns_of(table) if table else [], strict=True):
            assert row["Method"]["text"] == entry.method
            for metric in PAPER_METRICS:
                assert row[METRICS[metric].arrowed]["text"] == shown(entry, metric)
                cells += 1
            for label, name in {
                "Year": "year",
                "Venue": "venue",
                "Backbone": "backbone",
                "MB": "size_mb",
            }.items():
                assert row[label]["text"] == str(getattr(entry, name) or "-")
            page = Tables(files[content.method_page(entry.method)]).tables[source]
            (same,) = [line for line in columns_of(page) if line["Dataset"]["text"] == dataset]
            for metric in PAPER_METRICS:
                assert same[METRICS[metric].arrowed] == {
                    **row[METRICS[metric].arrowed],
                    "note": same[METRICS[metric].arrowed]["note"],
                }
    assert cells == {"published": 660, "measured": 20}[source]


def test_marks_are_dense_ranks_within_a_section(content, files):
    """Ranks computed anew from the printed numbers, and never over both sections."""
    for dataset, board in content.boards.items():
        tables = Tables(files[content.dataset_page(dataset)]).tables
        for source in ("published", "measured"):
            for metric in PAPER_METRICS if board.of(source) else ():
                cells = [row[METRICS[metric].arrowed] for row in columns_of(tables[source])]
                values = {cell["text"] for cell in cells} - {"-"}
                order = sorted(values, key=Decimal, reverse=METRICS[metric].higher_is_better)
                best = dict(zip(order, ("first", "second", "third"), strict=False))
                assert [cell["mark"] for cell in cells] == [best.get(cell["text"]) for cell in cells]


def test_data_has_the_digits_of_the_boards(content, files):
    seen = 0
    for dataset, board in content.boards.items():
        raw = files[content.dataset_page(dataset, "csv")]
        assert raw == (SHIPPED / f"{dataset}.csv").read_text(encoding="utf-8")
        record = json.loads(files[content.dataset_page(dataset, "json")])
        for entry, row in zip(board.entries, record["rows"], strict=True):
            assert row["values"] == {metric: str(value) for metric, value in entry.values.items()}
            assert (row["method"], row["source"]) == entry.key
            for name in ("signature", "reference", "note", "printed_in", "date", "supervision", "venue"):
                assert row.get(name, "") == getattr(entry, name)
            assert row.get("size_mb") == (None if entry.size_mb is None else str(entry.size_mb))
            assert row.get("year") == entry.year
            of_method = json.loads(files[content.method_page(entry.method, "json")])["rows"]
            assert row in of_method
            lines = list(csv.DictReader(io.StringIO(files[content.method_page(entry.method, "csv")])))
            (line,) = [x for x in lines if (x["dataset"], x["source"]) == (dataset, entry.source)]
            assert {m: line[m] for m in PAPER_METRICS} == {
                m: str(entry.values.get(m, "")) for m in PAPER_METRICS
            }
            assert line["signature"] == entry.signature
            seen += 1
    assert seen == 136


def test_files_of_curves_are_those_of_the_boards(content, files):
    names = [name for name in files if name.startswith("curves/")]
    assert names == [content.curve_file("SOD", method) for method in ("DSS", "PiCANet", "U2-Net", "U2-Net†")]
    for method in ("DSS", "PiCANet", "U2-Net", "U2-Net†"):
        stored = (SHIPPED / f"curves/SOD/{method}.csv").read_text(encoding="utf-8")
        assert stored.startswith("# data:SOD@1|")
        assert files[content.curve_file("SOD", method)] == stored


def keys_below(value):
    """The keys of a JSON file but those that are names of datasets or ids of metrics."""
    if isinstance(value, list):
        return set().union(*map(keys_below, value))
    if not isinstance(value, dict):
        return set()
    named = {key for key in value if key not in METRICS and not (SHIPPED / f"{key}.csv").exists()}
    return named.union(*map(keys_below, value.values()))


def test_the_about_page_names_every_key_and_column(content, files):
    about = re.sub(r"<[^>]*>", " ", files["about.html"]).casefold()
    words = {*re.findall(r"[a-z_]+", about.replace("higher is better", "higher_is_better"))}
    texts = {name: text for name, text in files.items() if not name.startswith(("assets/", "curves/"))}
    columns = {"dataset"}
    for name, text in texts.items():
        if name.endswith(".json"):
            assert keys_below(json.loads(text)) <= words, name
        elif name.endswith(".csv"):
            columns |= {*text.splitlines()[0].split(",")}
    assert columns <= words


def test_short_tables_have_no_filter(files):
    tools = re.findall(r"<label( hidden)?>Filter", files["methods/mdf.html"] + files["datasets/sod.html"])
    assert tools == ["", "", "", " hidden"], "MDF: 6 rows; SOD: 22, 4, and 3 differences"


def test_the_index_lists_everything(content, files):
    record = json.loads(files["index.json"])
    assert [row["name"] for row in record["datasets"]] == list(content.boards)
    assert {row["name"] for row in record["methods"]} == set(content.methods)
    for row in (*record["datasets"], *record["methods"]):
        assert {row[key] for key in ("page", "json", "csv")} <= files.keys()
    (rows,) = [columns_of_groups(Tables(files["index.html"]).tables["datasets"])]
    for cells, (_name, board) in zip(rows, content.boards.items(), strict=True):
        published = board.of("published")
        best = [
            (max if METRICS[m].higher_is_better else min)(e.values[m] for e in published if m in e.values)
            for m in PAPER_METRICS
        ]
        assert [cell["text"] for cell in cells[1:6]] == [str(value) for value in best]
        assert [cell["text"] for cell in cells[12:15]] == [
            str(len({e.method for e in board.entries})),
            str(len(published)),
            str(len(board.of("measured"))),
        ]


def columns_of_groups(table):
    return table[2:]


def test_differences_are_exact(content, files):
    rows = columns_of(Tables(files["datasets/sod.html"]).tables["differences"])
    board = content.boards["SOD"]
    assert [row["Method"]["text"] for row in rows] == ["PiCANet", "U2-Net", "U2-Net†"]
    for row in rows:
        method = row["Method"]["text"]
        for metric in PAPER_METRICS:
            moved = (
                board.find(method, "measured").values[metric] - board.find(method, "published").values[metric]
            )
            assert row[METRICS[metric].label]["text"] == f"{moved:+.4f}"


def test_signatures_stand_in_full_and_notes_below(content, files):
    page = files["datasets/sod.html"]
    for entry in content.boards["SOD"].of("measured"):
        assert entry.signature.replace(">", "&gt;") in page
    assert "of other maps than elsewhere: maxF .787" in page
    assert "Table 4 of Qin et al., U2-Net, Pattern Recognition 106, 2020" in page


# -------------------------------------------------------------------------------------- links, names


def test_all_links_resolve(files, tmp_path):
    for path, text in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    all_links_resolve(tmp_path)
    for file in tmp_path.rglob("*.json"):
        for link in re.findall(r'"(?:page|json|csv|curves)": "([^"]+)"', file.read_text("utf-8")):
            path, _, anchor = link.partition("#")
            target = (file.parent / path).resolve()
            assert target.is_relative_to(tmp_path), link
            assert target.is_file(), link
            assert not anchor or f'id="{anchor}"' in target.read_text("utf-8"), link


def test_every_row_has_an_address_that_stays(content, files):
    for dataset, board in content.boards.items():
        for entry in board.entries:
            assert f'id="{content.anchor(entry)}"' in files[content.dataset_page(dataset)]
    assert 'id="u2-net-dagger-measured"' in files["datasets/sod.html"]
    assert "methods/u2-net-dagger.html" in files
    few = Content({"SOD": content.boards["SOD"]})
    assert few.method_slugs.items() <= content.method_slugs.items()


NAMES = [
    *(
        "U2-Net",
        "U2-Net†",
        "u2-net!",
        "con",
        "COM1",
        "index",
        "a/b",
        "..",
        "x" * 300,
        "é" * 90,
        "雪",
        "雨",
        "",
    ),
    *("A B", "A-B", "a_b", "<script>", "\u202e", "\ud800", "İ", "ß", "ss", "A+", "A-plus", "nul.html"),
]


def test_slugs_are_safe_and_unique():
    found = slugs(NAMES)
    assert list(found) == NAMES
    assert len(set(found.values())) == len(NAMES)
    assert slugs(NAMES[::-1]) == found
    for slug in found.values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
        assert len(slug) <= 125
        assert slug not in ("con", "nul", "com1", "index")


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "javascript:alert(1)",
    "A'B&C",
    "x\u202ey",
]


def test_names_and_notes_are_text():
    rows = [
        BoardRow(
            name,
            "published",
            {"max_f": Decimal("0.900")},
            note=name,
            reference=name,
            venue=name,
            backbone=name,
        )
        for name in HOSTILE
    ]
    files = {k: v.decode() for k, v in site_files(Content({"SOD": Board("SOD", tuple(rows))})).items()}
    for path, text in files.items():
        if path.endswith(".html"):
            bare = re.sub(r"<script (?:src|type)=[^>]*>[^<]*</script>", "", text)
            assert "<script" not in bare
            assert "onerror" not in re.sub(r">[^<]*<|\"[^\"]*\"", "", bare)
            assert "\u202e" not in text
            assert not re.search(r'(?:href|src)="javascript:', text)
    read = json.loads(files["datasets/sod.json"])
    assert [row["method"] for row in read["rows"]] == HOSTILE
    shown = [
        row["Method"]["text"] for row in columns_of(Tables(files["datasets/sod.html"]).tables["published"])
    ]
    assert shown == [name.replace("\u202e", "?") for name in HOSTILE]


# ------------------------------------------------------------------------------------------- writing


@pytest.fixture
def boards(here):
    """Two boards, as placing the names in charts of six takes seconds."""
    Path("boards").mkdir()
    for name in ("curves", "conventions"):
        shutil.copytree(SHIPPED / name, f"boards/{name}")
    for name in ("SOD", "ECSSD"):
        shutil.copy(SHIPPED / f"{name}.csv", "boards")
    return Path("boards")


@pytest.fixture
def board(here):
    """One board, where any site will do."""
    Path("boards").mkdir()
    shutil.copy(SHIPPED / "ECSSD.csv", "boards")


def build(*more):
    return good("site", "--boards", "boards", "--out", "public", *more).stderr


def contents(folder="public"):
    return {name: (Path(folder) / name).read_bytes() for name in listing(folder)}


def test_same_boards_give_the_same_bytes(boards):
    assert re.fullmatch(r"public/index\.html: \d+ files, \d\.\d MB; \d+ files written\.\n", build())
    first = contents()
    assert "nothing has changed" in build()
    assert contents() == first
    shutil.move("public", "old")
    build()
    assert contents() == first


def test_pages_of_what_is_gone_are_removed_and_other_files_stay(boards):
    build()
    Path("public/CNAME").write_text("example.org", encoding="utf-8")
    for name in ("SOD.csv", "curves", "conventions"):
        path = boards / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = build()
    assert "removed" in said
    there = listing("public")
    assert "CNAME" in there
    assert not [name for name in there if "sod." in name or name.startswith(("curves", "conventions.csv"))]
    listed = set(json.loads(Path("public", LISTED).read_text("utf-8"))["files"])
    assert listed == set(there) - {"CNAME", LISTED}
    all_links_resolve(Path("public"))


@pytest.mark.usefixtures("board")
def test_folders_that_are_no_site_are_left_alone():
    Path("public").mkdir()
    Path("public/mine.txt").touch()
    refused(
        "site",
        "--boards",
        "boards",
        "--out",
        "public",
        match=r"public: holds mine\.txt, and no sodbench-site\.json",
    )
    assert listing("public") == ["mine.txt"]
    refused(
        "site",
        "--boards",
        "boards",
        "--out",
        "public/mine.txt",
        match=r"mine\.txt: is a file, expected a folder",
    )


def test_a_file_that_is_not_the_sites_is_not_replaced(boards):
    (boards / "SOD.csv").rename("SOD.csv")
    for name in ("curves", "conventions"):
        shutil.move(boards / name, name)
    build()
    Path("public/datasets/sod.html").write_text("mine", encoding="utf-8")
    for name in ("SOD.csv", "curves", "conventions"):
        shutil.move(name, boards / name)
    before = contents()
    refused("site", "--boards", "boards", "--out", "public", match=r"datasets/sod\.html would be replaced")
    assert contents() == before


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "damaged"),
        ('{"files": 1}', "names files outside"),
        ('{"files": ["../kept.txt"]}', "names files outside"),
        ('{"files": ["/etc/passwd"]}', "names files outside"),
        ('{"files": ["a/../../kept.txt"]}', "names files outside"),
        ("[]", "damaged"),
    ],
)
def test_lists_that_name_other_files_are_refused(board, text, match):
    Path("kept.txt").touch()
    Path("public").mkdir()
    Path("public", LISTED).write_text(text, encoding="utf-8")
    refused("site", "--boards", "boards", "--out", "public", match=match)
    assert listing(".")
    assert Path("kept.txt").exists()


@pytest.mark.usefixtures("board")
def test_folders_of_the_site_that_are_links_are_refused():
    build()
    shutil.move("public/methods", "elsewhere")
    Path("public/methods").symlink_to(Path("elsewhere").resolve())
    kept = listing("elsewhere")
    refused("site", "--boards", "boards", "--out", "public", match="public/methods: is a link")
    assert listing("elsewhere") == kept


@pytest.mark.usefixtures("board")
def test_what_a_killed_run_left_is_finished():
    Path("public", PART, "datasets").mkdir(parents=True)
    Path("public", PART, "datasets", "half").touch()
    build()
    assert PART not in {Path(name).parts[0] for name in listing("public")}


def test_faulty_boards_make_no_site(boards):
    text = (boards / "ECSSD.csv").read_text(encoding="utf-8")
    (boards / "ECSSD.csv").write_text(text.replace("0.951", "1.951"), encoding="utf-8")
    refused("site", "--boards", "boards", "--out", "public", match=r"ECSSD\.csv: line 22: max_f is 1\.951")
    assert not Path("public").exists()
    shutil.rmtree(boards)
    boards.mkdir()
    (boards / "notes.txt").touch()
    refused("site", "--boards", "boards", "--out", "public", match="boards: found no boards")
    (boards / "notes.txt").unlink()
    refused("site", "--boards", "boards", "--out", "public", match="boards: found no boards")
    (boards / "SOD.csv").write_text(board_csv(Board("SOD", ())), encoding="utf-8")
    refused("site", "--boards", "boards", "--out", "public", match="no board has a row")
    assert not Path("public").exists()


@pytest.mark.usefixtures("board")
def test_the_folder_may_be_a_link():
    Path("elsewhere").mkdir()
    Path("public").symlink_to("elsewhere", target_is_directory=True)
    build()
    assert "nothing has changed" in build()
    assert listing("elsewhere") == listing("public")


def test_boards_of_ones_own_have_no_licence_or_pull_requests_of_ours(boards, files):
    build()
    for page, said in (
        ("about.html", "Apache-2.0"),
        ("about.html", "pull request"),
        ("index.html", "Add a row"),
    ):
        assert said in files[page]
        assert said not in Path("public", page).read_text("utf-8")


def test_boards_without_curves_and_conventions(boards):
    for path in boards.glob("*.csv"):
        board = read_board(path)
        path.write_text(board_csv(Board(board.dataset, board.of("published"))), encoding="utf-8")
    for name in ("curves", "conventions"):
        shutil.rmtree(boards / name)
    build()
    all_links_resolve(Path("public"))
    assert "conventions.json" not in listing("public")


# --------------------------------------------------------------------------------------- conventions


def test_the_page_says_how_far_conventions_are_apart(content, files):
    page = files["conventions.html"]
    assert (
        "PiCANet on SOD get a maxF of 0.8535 by the rules of qin and of 0.8112 by those of fan: 0.042 apart"
        in page
    )
    tables = Tables(page).tables
    rows = {row["Preset"]["text"]: row for row in columns_of(tables["sod-presets-picanet"])}
    assert list(rows) == list(PRESETS)
    for row in content.conventions["SOD"]:
        if row.method == "PiCANet" and row.convention in PRESETS:
            assert rows[row.convention][METRICS[row.metric].label]["text"] == f"{row.value:.4f}"
    (pooled,) = [row for row in tables["sod-max_f"] if row[0]["text"] == "average=pooled"]
    assert [cell["text"] for cell in pooled[3:5]] == ["0.8756", "+0.0222"]
    record = json.loads(files["conventions.json"])["rows"]
    assert [(r["method"], r["convention"], r["metric"], r["value"], r["signature"]) for r in record] == [
        (r.method, r.convention, r.metric, str(r.value), r.signature) for r in content.conventions["SOD"]
    ]
    lines = list(csv.DictReader(io.StringIO(files["conventions.csv"])))
    assert [{key: row[key] for key in row} for row in record] == lines


@pytest.mark.no_cover
@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
@pytest.mark.parametrize("method", MAPS)
def test_rows_by_convention_are_what_their_signatures_score(method):
    """The maps scored anew as each signature says; of all but one method what follows from the histograms."""
    board = read_board(SHIPPED / "SOD.csv")
    rows = [row for row in read_conventions(SHIPPED, board) if row.method == method]
    stated = [
        row for row in rows if row.convention not in ("relax-threshold=adaptive", "relax-threshold=maximum")
    ]
    assert {*PRESETS} < {row.convention for row in stated}

    def scored(**choices):
        return score_folder(
            REFERENCE / "preds" / MAPS[method] / "SOD", "SOD", data=REFERENCE / "data", **choices
        )

    base = scored()
    summaries = {}
    for signature in dict.fromkeys(row.signature for row in stated):
        protocol = Protocol.parse(signature)
        own = {
            (row.convention.partition("-is=")[2] or row.metric): row
            for row in stated
            if row.signature == signature
        }
        with suppress(ScoresError):
            summaries[signature] = base.under(protocol).summary()
        if method == "PiCANet" and not own.keys() <= summaries.get(signature, {}).keys():
            summaries[signature] = scored(protocol=protocol, metrics=list(own)).summary()
    checked = 0
    for row in stated:
        metric = row.convention.partition("-is=")[2] or row.metric
        if (value := summaries.get(row.signature, {}).get(metric)) is not None:
            assert abs(value - float(row.value)) < 1e-12, row
            checked += 1
    assert checked == len(stated) if method == "PiCANet" else checked > 80
