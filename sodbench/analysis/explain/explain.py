"""Why numbers differ: the same maps under every convention, and which conventions give a claimed figure.

*Miss.* A figure misses a claimed one by their distance in units of the claim's last digit; it yields the
claim where the miss is at most a half, so that it is printed alike. A reading's miss is the largest over
all claimed metrics. Presets are ranked by it, to a tenth, in their order where it is equal; then sets of one
or two conventions. A set of two counts only where it misses by less than everything simpler; where it needs
pixels, both of its conventions must move a claimed figure by a tenth of its last digit.
"""

import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from sodbench.analysis.diagnostics.checks import SAMPLE, examine
from sodbench.analysis.explain.rescorer import Pixels, Rescorer
from sodbench.errors import MetricError, PredictionError, ScoresError, SodbenchError, first_few
from sodbench.metrics import find_metric
from sodbench.metrics.families import check_metrics, narrowed, protocol_fields
from sodbench.protocol import OPTIONAL, PRESETS
from sodbench.protocol.conventions import CONVENTIONS, Convention, Reading, pairs, readings
from sodbench.scoring.plan import Plan
from sodbench.scoring.runs import Job, score_jobs
from sodbench.scoring.scores import Scores
from sodbench.scoring.selection import load_scores
from sodbench.utils.executors import Workers
from sodbench.utils.process import Bar, Progress, Say, cpus
from sodbench.utils.urls import PathOrUrl, Url

TENTH = 0.1
"""Smaller differences, in units of the last digit, are ignored."""

AS_SCORED = "as scored"
"""Name of the base if it is not a preset."""

PRINTED_ALIKE = 0.5 + 1e-9
"""The largest miss that is still printed as claimed, in units of the last digit."""

NOTHING_ODD = (
    f"nothing odd was found about these maps (up to {SAMPLE} were looked at, evenly spaced by name)."
)


@dataclass(frozen=True)
class Claim:
    """A metric's claimed value, as printed."""

    metric: str
    printed: Decimal

    @property
    def digits(self) -> int:
        """Digits after the point."""
        return -int(self.printed.as_tuple().exponent)

    def miss(self, value: float) -> float:
        """Return how far a value lies away, in units of the last digit; infinite where it is undefined."""
        return math.inf if math.isnan(value) else abs(value - float(self.printed)) * 10**self.digits


def claim_of(text: str) -> Claim:
    """Read ``max_f=.951``.

    Raises
    ------
    ScoresError
        The metric is unknown, or the value is no decimal number that it can have.

    Examples
    --------
    >>> claim_of("max_f=.951").miss(0.9533).__round__(6)
    2.3
    """
    name, _, value = text.partition("=")
    try:
        metric = find_metric(name)
    except MetricError as error:
        raise MetricError(f"claimed {text!r}: {error}") from None
    value = value.strip()
    low, high = metric.bounds
    if math.isinf(high):
        if not re.fullmatch(r"[0-9]{0,9}\.[0-9]{1,6}|[0-9]{1,9}", value):
            raise ScoresError(f"claimed {text!r}: expected a number of at least 0, such as {metric.id}=1016.")
        return Claim(metric.id, Decimal(value))
    if re.fullmatch(r"[1-9][0-9](\.[0-9]+)?|100", value):
        share = Decimal(value) / 100
        raise ScoresError(
            f"claimed {text!r}: expected a number from 0 to 1; if a percentage, {metric.id}={share}."
        )
    if not re.fullmatch(r"-?[01]?\.[0-9]{1,6}", value) or not low <= Decimal(value) <= 1:
        raise ScoresError(
            f"claimed {text!r}: expected a number from {low:g} to 1 with its digits, such as "
            f"{metric.id}=.951."
        )
    return Claim(metric.id, Decimal(value))


@dataclass(frozen=True)
class Candidate:
    """A reading compared with claims: a preset's name or those of conventions, its figures, and its miss."""

    names: tuple[str, ...]
    values: tuple[float, ...]
    miss: float

    @property
    def yields(self) -> bool:
        """Whether all claims are met as printed."""
        return self.miss <= PRINTED_ALIKE

    @property
    def is_preset(self) -> bool:
        """Whether it is a preset, or the figures as scored, and no set of conventions."""
        return self.names[0] in (*PRESETS, AS_SCORED)


@dataclass(frozen=True)
class Effect:
    """What a convention does to a metric."""

    metric: str
    convention: str
    text: str
    tools: str
    value: float
    difference: float


@dataclass(frozen=True)
class Explanation:
    """The figures of one method on one dataset, and how conventions move them.

    Parameters
    ----------
    method, signature
        Whose figures, and how they are made unless said otherwise.
    base, base_name
        Metric -> its value; the preset that this is, or `AS_SCORED`.
    presets
        Preset -> metric -> its value.
    effects
        Of single conventions, by metric, largest difference first.
    unknown
        Conventions that need the images, which were not at hand.
    claims, candidates
        What was claimed; the presets by their miss, then sets of conventions by theirs.
    findings
        Problems of the maps, in words.
    """

    method: str
    signature: str
    base: Mapping[str, float]
    base_name: str
    presets: Mapping[str, Mapping[str, float]]
    effects: tuple[Effect, ...]
    unknown: tuple[str, ...]
    claims: tuple[Claim, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    findings: tuple[str, ...] = ()


def stored_rescorer(path: PathOrUrl, metrics: Sequence[str] = ()) -> Rescorer | None:
    """Return the figures of a scores folder, None if the path is not one.

    Metrics that were not computed are added as far as they follow from the level histograms.

    Raises
    ------
    ScoresError
        The scores are damaged, or of several methods or datasets.
    """
    if isinstance(path, Url) or path.is_file() or not any(path.rglob("meta.json")):
        return None
    stored = load_scores([path], metrics=metrics)
    if len(stored) > 1:
        listed = first_few([f"{scores.method} on {scores.dataset_name}" for scores in stored])
        raise ScoresError(f"{path}: scores of {listed}, expected one method on one dataset. Name its folder.")
    return Rescorer(stored[0])


def one_job(jobs: Sequence[Job]) -> Job:
    """Return the only job, of one method on one dataset.

    Raises
    ------
    PredictionError
        There are others.
    """
    names = [f"{method} on {job.location.dataset.name}" for job in jobs for method in job.methods]
    if len(names) > 1:
        raise PredictionError(
            f"found maps of {first_few(names)}, expected one method on one dataset. Name it."
        )
    return jobs[0]


def rescorer_of_maps(
    job: Job,
    plan: Plan,
    out: Path,
    mask_threshold: str | None,
    say: Say,
    bar: Bar,
    workers: Workers | None = None,
) -> tuple[Rescorer, tuple[str, ...]]:
    """Look at one method's maps, and score them into `out` or take them from there; by default on threads.

    Returns
    -------
    Their figures, and what is odd about them, in words; if they cannot be scored, `say` gets the findings.

    Raises
    ------
    DatasetError, PredictionError, ScoresError
        See `sodbench.scoring.runs.score_job`.
    """
    (entries,) = job.methods.values()
    with bar("look at the maps") as progress:
        findings = examine(
            entries,
            job.location,
            plan.protocol,
            strip=plan.strip,
            loose=plan.loose,
            jobs=plan.jobs,
            progress=progress,
        )
    odd = tuple(f"{finding.name}: {finding.text}" for finding in findings)
    try:
        results = score_jobs(
            [job], plan, out, mask_threshold, bar=bar, say=say, others="leave", workers=workers
        )
    except SodbenchError:
        for line in odd:
            say(line)
        raise
    for line in results.stored:
        say(line)
    pixels = Pixels(entries, job.location, plan.strip, plan.loose, plan.jobs, workers)
    (scores,) = results.scores
    return Rescorer(scores, pixels), odd or (NOTHING_ODD,)


def explain(
    figures: Rescorer | Scores,
    metrics: str | Sequence[str] = "paper",
    claims: Sequence[Claim | str] = (),
    findings: Sequence[str] = (),
    *,
    say: Say = lambda line: None,
    progress: Progress | None = None,
) -> Explanation:
    """Return what every convention does to some metrics, and which ones yield the claims.

    Parameters
    ----------
    figures
        Of one method on one dataset; with as many threads as they are given for their pixels. Scores alone
        have no figure where a convention needs the images.
    metrics
        Column ids, or ``paper``, ``all``; those claimed are added.
    claims
        At most one a metric, each a `Claim` or what `claim_of` reads: ``max_f=.951``.
    findings
        What is odd about the maps.
    say
        Called with a message before a long computation.
    progress
        Called with images done and their total.

    Raises
    ------
    ScoresError
        A metric was not computed, or is claimed twice.
    """
    figures = Rescorer(figures) if isinstance(figures, Scores) else figures
    claimed = [claim_of(claim) if isinstance(claim, str) else claim for claim in claims]
    given = [claim.metric for claim in claimed]
    if twice := sorted({metric for metric in given if given.count(metric) > 1}):
        raise ScoresError(f"claimed twice: {', '.join(twice)}; expected each metric once.")
    metrics = check_metrics([*([metrics] if isinstance(metrics, str) else metrics), *given])
    figures.scores.check_computed(metrics)
    base = _about(Reading(figures.scores.protocol), metrics)
    known = readings(base, _acting(metrics))
    _compute(figures, [(metric, reading) for metric in metrics for reading in known.values()], say, progress)
    here = _values(figures, metrics, base)
    jobs = figures.pixels.jobs if figures.pixels else None
    with ThreadPoolExecutor(jobs or cpus()) as pool:
        rows = pool.map(lambda reading: _values(figures, metrics, reading), known.values())
        values = dict(zip(known, rows, strict=True))
    name = next((preset for preset in PRESETS if _about(known[preset], metrics) == base), AS_SCORED)
    candidates = []
    if claimed:
        candidates = [_candidate(claimed, (each,), values[each]) for each in known]
        candidates += [_candidate(claimed, (AS_SCORED,), here)] if name == AS_SCORED else []
        candidates += _sets_of_two(figures, base, claimed, candidates, say, progress)
    return Explanation(
        method=f"{figures.scores.method} on {figures.scores.dataset_name}",
        signature=str(figures.scores.sign(metrics)),
        base=_known_values(here),
        base_name=name,
        presets={preset: _known_values(values[preset]) for preset in PRESETS},
        effects=tuple(_effects(metrics, here, values)),
        unknown=tuple(each for each, row in values.items() if None in row.values()),
        claims=tuple(claimed),
        candidates=tuple(_ranked(candidates, claimed, here)),
        findings=tuple(findings),
    )


Values = Mapping[str, float | None]


def _about(reading: Reading, metrics: Sequence[str]) -> Reading:
    """Return a reading without what acts on none of some metrics."""
    return replace(reading, protocol=narrowed(reading.protocol, metrics))


def _acting(metrics: Sequence[str]) -> list[Convention]:
    """Return the conventions without those of metrics that are not in question."""
    others = OPTIONAL - protocol_fields(metrics)
    return [
        convention
        for convention in CONVENTIONS
        if not others & convention.protocol.keys()
        and all(printed in metrics for printed, _ in convention.others.get("called", ()))
    ]


def _values(figures: Rescorer, metrics: Sequence[str], reading: Reading) -> dict[str, float | None]:
    """Return metrics under a reading; None where they need images that are not at hand."""
    return {
        metric: None if figures.lacking([(metric, reading)]) else figures.value(metric, reading)
        for metric in metrics
    }


def _known_values(values: Values) -> dict[str, float]:
    return {metric: value for metric, value in values.items() if value is not None}


def _compute(
    figures: Rescorer,
    wanted: Sequence[tuple[str, Reading]],
    say: Say,
    progress: Progress | None,
) -> None:
    if figures.pixels is None or not (lacking := figures.lacking(wanted)):
        return
    figures.compute(lacking, say, progress)


def _ranked(candidates: Sequence[Candidate], claims: Sequence[Claim], here: Values) -> list[Candidate]:
    """Return the figures as scored, the presets by their miss, then sets that move a figure by theirs."""
    presets = [candidate for candidate in candidates if candidate.is_preset]
    sets = [
        candidate for candidate in candidates if not candidate.is_preset and _moves(candidate, claims, here)
    ]
    presets.sort(key=lambda candidate: (candidate.names[0] != AS_SCORED, coarse(candidate)))
    return [*presets, *sorted(sets, key=lambda candidate: (coarse(candidate), len(candidate.names)))]


def coarse(candidate: Candidate) -> float:
    """Return a miss in tenths, to rank by."""
    return round(candidate.miss / TENTH) if math.isfinite(candidate.miss) else math.inf


def _moves(candidate: Candidate, claims: Sequence[Claim], here: Values) -> bool:
    """Tell whether a candidate's figures differ from those as scored."""
    for claim, value in zip(claims, candidate.values, strict=True):
        base = here[claim.metric]
        if base is None or math.isnan(base):
            if not math.isnan(value):
                return True
        elif abs(value - base) * 10**claim.digits >= TENTH:
            return True
    return False


def _candidate(claims: Sequence[Claim], names: tuple[str, ...], values: Values) -> Candidate:
    numbers = [values[claim.metric] for claim in claims]
    shown = tuple(math.nan if number is None else number for number in numbers)
    return Candidate(names, shown, max(c.miss(v) for c, v in zip(claims, shown, strict=True)))


def _sets_of_two(
    figures: Rescorer,
    base: Reading,
    claims: Sequence[Claim],
    single: Sequence[Candidate],
    say: Say,
    progress: Progress | None,
) -> list[Candidate]:
    """Return the sets of two conventions that miss the claims by less than anything simpler.

    A set whose known figures already miss by as much is skipped before its images are read.
    """
    best = min(candidate.miss for candidate in single)
    if best <= PRINTED_ALIKE:
        return []
    metrics = [claim.metric for claim in claims]
    here = _values(figures, metrics, base)
    moving = {candidate.names[0] for candidate in single if _moves(candidate, claims, here)}
    open_sets = {}
    for name, reading in pairs(base, _acting(metrics)).items():
        values = _values(figures, metrics, reading)
        if None not in values.values() or {*name.split(" ")} <= moving:
            known = _known_values(values)
            if max((c.miss(known[c.metric]) for c in claims if c.metric in known), default=0.0) < best:
                open_sets[name] = reading
    wanted = [(metric, reading) for metric in metrics for reading in open_sets.values()]
    if figures.pixels is not None and figures.lacking(wanted):
        say(f"Nothing simpler yields the claims: {len(open_sets)} sets of two conventions may.")
    _compute(figures, wanted, say, progress)
    candidates = [
        _candidate(claims, tuple(name.split(" ")), _values(figures, metrics, reading))
        for name, reading in open_sets.items()
    ]
    return [candidate for candidate in candidates if candidate.miss < best]


def _effects(metrics: Sequence[str], here: Values, values: Mapping[str, Values]) -> list[Effect]:
    effects = []
    for metric in metrics:
        rows = []
        for convention in CONVENTIONS:
            value, base = values.get(convention.name, {}).get(metric), here[metric]
            if value is not None and base is not None and value != base and not math.isnan(value - base):
                row = (convention.name, convention.text, convention.tools, value, value - base)
                rows.append(Effect(metric, *row))
        effects += sorted(rows, key=lambda effect: -abs(effect.difference))
    return effects
