"""Checks on the files and their levels: readability, and earlier processing."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median

from sodbench.analysis.diagnostics.evidence import BLOCK, Evidence
from sodbench.analysis.diagnostics.sample import FEWEST, HALF_OF_MAPS, Finding, View, mean_of, short
from sodbench.data.pairing import Pairing, naming_hint
from sodbench.data.sources import ImageFile
from sodbench.errors import first_few

FAINT = 0.05
"""Share of maps below level 255 from which it is reported: fewer hardly change a mean."""
BLOCKY = 0.5
"""Share of maps whose steps are largest at one place of 8; by chance 1/8. Of three methods' maps of SOD at
most .17 are as published, at least .84 after JPEG at quality 75, and .26 to .85 at 90."""


def unmatched(
    pairing: Pairing,
    maps: Sequence[ImageFile],
    masks: Sequence[ImageFile],
    strip: Sequence[str] = (),
    loose: bool = False,
) -> Finding | None:
    """Name masks without a map, and maps without a mask."""
    missing, extra = pairing.missing, pairing.extra
    if not missing and not extra:
        return None
    parts = [f"{len(missing)} of {len(masks)} masks have no map ({first_few(missing)})"] if missing else []
    parts += [f"{len(extra)} of {len(maps)} maps have no mask ({first_few(extra)})"] if extra else []
    hint = naming_hint(maps, masks, strip, loose=loose)
    hint = hint or "Check that the run finished, and that both are of one version of the dataset."
    count = len(missing) + len(extra)
    return Finding(
        "unpaired", f"{' and '.join(parts)}. {hint}", (*missing, *extra), count, len(masks) + len(extra)
    )


def unreadable(view: View) -> Finding | None:
    """Name maps or masks that cannot be read."""
    if not view.unread:
        return None
    names = [failed.image for failed in view.unread]
    reasons = " ".join(failed.reason for failed in view.unread[:5])
    return view.finding("unreadable", names, f"or their masks cannot be read ({first_few(names)}). {reasons}")


def two_levels(view: View) -> Finding | None:
    """Find maps that were binarised."""
    hit = [evidence.image for evidence in view.seen if evidence.levels == 2]
    if len(hit) < max(1, HALF_OF_MAPS * len(view.seen)):
        return None
    return view.finding(
        "two-levels",
        hit,
        "have only two levels: they were binarised, so all thresholds give one point of the PR curve and "
        "max F is F at that point. Score the maps as the network gives them.",
    )


def jpeg(view: View) -> Finding | None:
    """Find maps saved in a lossy format."""
    hit = [evidence.image for evidence in view.seen if evidence.jpeg]
    if not hit:
        return None
    return view.finding(
        "jpeg",
        hit,
        f"are of a lossy format, JPEG or its like ({first_few(hit)}): levels around objects are not those "
        "that were written. Save PNGs.",
    )


def blocks(view: View) -> Finding | None:
    """Find maps that look as if they had been JPEGs."""
    plain = [
        evidence
        for evidence in view.varied
        if not evidence.jpeg and evidence.levels > 2 and evidence.edges.any()
    ]
    hit = [evidence.image for evidence in plain if evidence.edges.argmax() == BLOCK - 1]
    if len(hit) < max(2 * FEWEST, BLOCKY * len(plain)) or _repeats(view):
        return None
    return view.finding(
        "jpeg-blocks",
        hit,
        f"have their largest steps where blocks of 8x8 pixels meet (by chance {len(plain) / 8:.0f} would): "
        "they were JPEGs before, or the network works in such patches. If JPEGs, save PNGs from the start.",
        len(plain),
    )


def constant(view: View) -> Finding | None:
    """Find maps of one level."""
    hit = [evidence for evidence in view.seen if evidence.levels == 1]
    if not hit:
        return None
    names = [evidence.image for evidence in hit]
    tops = first_few([str(top) for top in sorted({evidence.top for evidence in hit})])
    return view.finding(
        "constant",
        names,
        f"are of one level throughout (level {tops}: {first_few(names)}): nothing was found, or the run "
        "failed there. Look at these images.",
    )


def duplicates(view: View) -> Finding | None:
    """Find identical files under several names, though their masks differ."""
    groups: dict[int, list[Evidence]] = defaultdict(list)
    for evidence in view.seen:
        if evidence.levels > 1:
            groups[evidence.digest].append(evidence)
    same = [group for group in groups.values() if len({evidence.mask_digest for evidence in group}) > 1]
    if not same:
        return None
    names = [evidence.image for group in same for evidence in group]
    listed = first_few([" = ".join(evidence.image for evidence in group[:3]) for group in same])
    return view.finding(
        "duplicates",
        names,
        f"are files that occur under several names, with different masks ({listed}): were maps overwritten "
        "or copied? Run these images again.",
    )


def low_contrast(view: View) -> Finding | None:
    """Find maps that never reach white."""
    maps = [evidence for evidence in view.seen if evidence.levels > 1]
    low = [evidence for evidence in maps if evidence.top < 255]
    if len(low) < max(1, FAINT * len(maps)):
        return None
    tops = [evidence.top for evidence in low]
    return view.finding(
        "low-contrast",
        [evidence.image for evidence in low],
        f"never reach level 255 (their maximum is {median(tops):.0f} in the median and {min(tops)} in the "
        "lowest), so scores depend on normalisation: the MAE of all maps is "
        f"{short(mean_of(maps, 'mae'), 4)} as saved, {short(mean_of(maps, 'mae_normalised'), 4)} divided by "
        "their maxima. State which one a figure uses.",
        len(maps),
    )


def enlarged(view: View) -> Finding | None:
    """Find maps that were enlarged from one size."""
    looked = [evidence for evidence in view.varied if evidence.searched]
    counts = Counter(evidence.enlarging for evidence in looked if evidence.enlarging)
    if not counts:
        return None
    way, count = counts.most_common(1)[0]
    if count < max(2, HALF_OF_MAPS * len(looked)):
        return None
    hit = [evidence.image for evidence in looked if evidence.enlarging == way]
    if way.kind == "nearest":
        text = (
            f"repeat whole rows or columns as nearest-neighbour enlarging from {way.side} pixels (along the "
            "longer side) does: edges are stairs, which boundary measures punish. Enlarge bilinearly, "
            "before rounding."
        )
    else:
        text = (
            f"are smooth enlargements of {way.side} pixels (along the longer side). Most published maps "
            "are, which is not an error; a claimed figure may come from another size."
        )
    return view.finding(f"enlarged-{way.kind}", hit, text, len(looked))


def _repeats(view: View) -> bool:
    finding = enlarged(view)
    return finding is not None and finding.name == "enlarged-nearest"
