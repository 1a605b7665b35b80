"""How a demo looks: panels on a terminal, a line now and then elsewhere, a summary at the end.

Pure: a snapshot in, something to print out.
"""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .figures import Percentiles, Shown
from .snapshot import Snapshot

_VERDICTS = 4  # shown at once
_ROWS = {"model": "model", "markov": "Markov", "popularity": "popularity"}


def screen(now: Snapshot, data: str, seconds: float, learning: str) -> RenderableType:
    """Everything at a glance; `learning` is what the fine-tune says last."""
    left = f"[bold]segue demo[/] · {escape(data)}"
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    head.add_row(left, f"{_clock(min(now.elapsed, seconds))} of {_clock(seconds)} · Ctrl-C stops")
    halves = Table.grid(expand=True)
    halves.add_column(ratio=1)
    halves.add_column(ratio=1)
    halves.add_row(_panel("stream", _stream(now)), _panel("promise", _promise(now)))
    return Group(head, halves, _quality(now), _models(now, learning), _ticker(now))


def line(now: Snapshot) -> str:
    """The same in one line."""
    rates = now.rates
    hits = (
        f"hit@10 model {rates.model:.3f}, Markov {rates.markov:.3f}, "
        f"popularity {rates.popularity:.3f}"
        if rates
        else "no track was followed yet"
    )
    tally = now.tally
    return (
        f"{_clock(now.elapsed)} {now.per_second:.0f} events/s, {_latency(now.recent)}, {hits}, "
        f"{now.skips:,} skips, {tally.events_in:,} in = {tally.answered:,} answered + "
        f"{tally.dead_lettered} dead-lettered + {len(tally.missing)} not yet, "
        f"model {now.serving or 'none'}"
    )


def first(shown: Shown, track: str, seconds: float) -> str:
    """The moment a person waited for."""
    return (
        f"first live recommendation after {seconds:.1f} s: {_list(shown, track)} "
        f"({shown.fallback or shown.model_version})"
    )


def verdict(record: dict[str, Any]) -> str:
    """A fine-tune's verdict with the numbers that it rests on."""
    numbers = record.get("numbers", {})
    told = []
    before, after = (numbers.get(f"window_{who}_mrr@20") for who in ("champion", "candidate"))
    if before is not None and after is not None:
        told.append(f"mrr@20 {before:.3f} → {after:.3f}")
    before, after = (numbers.get(f"window_{who}_hit_rate@10") for who in ("champion", "candidate"))
    if before is not None and after is not None:
        told.append(f"hit@10 {before:.3f} → {after:.3f}")
    if (targets := numbers.get("window_targets")) is not None:
        told.append(f"on {targets:,} held-out targets")
    if (probability := numbers.get("improvement_probability")) is not None:
        told.append(f"better with p {probability:.2f}")
    if (change := numbers.get("anchor_change_mrr@20")) is not None:
        told.append(f"anchor {change:+.1%}")
    name = record["verdict"] + (f" {record['version']}" if record.get("version") else "")
    return f"{name}: {'; '.join(filter(None, [', '.join(told), *record.get('reasons', ())]))}"


def _stream(now: Snapshot) -> RenderableType:
    share = f" ({now.skips / now.played:.0%})" if now.played else ""
    return _rows(
        ("events/s", f"{now.per_second:.0f}"),
        ("latency, 10 s", _latency(now.recent)),
        ("whole run", _latency(now.overall)),
        ("skips", f"{now.skips:,}{share}"),
    )


def _promise(now: Snapshot) -> RenderableType:
    tally = now.tally
    trouble = "".join(
        f" · {len(found) if isinstance(found, list) else found} {what}"
        for what, found in (("repeats", tally.repeats), ("conflicts", tally.conflicts))
        if found
    )
    return _rows(
        ("events in", f"{tally.events_in:,}"),
        ("= answered", f"{tally.answered:,}{trouble}"),
        ("+ dead-lettered", f"{tally.dead_lettered:,} (demo's poison)"),
        ("+ not yet", f"{len(tally.missing):,}"),
    )


def _quality(now: Snapshot) -> Panel:
    if now.rates is None:
        return _panel("hit@10", Text("no track was followed yet", "dim"))
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=10)
    table.add_column(width=5)
    table.add_column(ratio=1)
    best = max(now.rates)
    for name, label in _ROWS.items():
        rate = getattr(now.rates, name)
        style = "green" if name == "model" else "cyan"
        bar = ProgressBar(total=1, completed=rate, complete_style=style, finished_style=style)
        table.add_row(label, Text(f"{rate:.3f}", "bold" if rate == best else ""), bar)
    return _panel(f"hit@10, {now.occurrences:,} tracks followed", table)


def _models(now: Snapshot, learning: str) -> Panel:
    swapped, refused = now.swaps.get("swapped", 0), now.swaps.get("refused", 0)
    rows: list[RenderableType] = [
        Text(
            f"serving {now.serving or 'none yet'} · hot swaps {swapped}, refused bundles {refused}"
        )
    ]
    rows += [_verdict(record) for record in now.finetunes[-_VERDICTS:]]
    rows.append(Text(f"fine-tune: {learning}", "dim", no_wrap=True, overflow="ellipsis"))
    return _panel("model", Group(*rows))


def _verdict(record: dict[str, Any]) -> Text:
    good = record["verdict"] == "accepted"
    return Text(f"{'✓' if good else '✗'} {verdict(record)}", "green" if good else "yellow")


def _ticker(now: Snapshot) -> RenderableType:
    if now.latest is None:
        return Text("")
    return Text(f" {_list(*now.latest)}", "dim", no_wrap=True, overflow="ellipsis")


def _list(shown: Shown, track: str) -> str:
    names = ", ".join(_short(name) for name in shown.next_tracks())
    return f"{shown.session_id}: {_short(track)} → {names}"


def _short(track_id: str) -> str:
    """The beginning of an id: real ones are long and say nothing."""
    return track_id if len(track_id) <= 16 else f"{track_id[:12]}…"


def _latency(found: Percentiles | None) -> str:
    return f"p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms" if found else "no latency yet"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim")


def _rows(*rows: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, "dim"), value)
    return table


def _state(record: dict[str, Any]) -> str:
    if record["state_equal"] is None:
        return "sessions not compared"
    if not record["state_equal"]:
        return "sessions differ from the oracle: `segue audit` says where"
    return f"{record['sessions_compared']:,} sessions equal the oracle's"


def summary(record: dict[str, Any]) -> RenderableType:
    """What a demo came to, from its report."""
    hits, latency = record["hit_rate_at_10"], record["latency_ms"]
    offline = record["offline"]["hit_rate_at_10"]["model"]
    identity = (
        f"{record['events_in']:,} events = {record['answered']:,} answered + "
        f"{record['dead_lettered']} dead-lettered + {record['missing']} missing"
    )
    rows = [
        ("promise", f"{identity}; {record['repeats']} repeats; {_state(record)}"),
        (
            "latency",
            f"p50 {latency['p50']:.0f}, p90 {latency['p90']:.0f}, p99 {latency['p99']:.0f} ms, "
            "append to append"
            if latency
            else "nothing was answered",
        ),
        (
            "hit@10",
            f"model {hits['model']:.3f}, Markov {hits['markov']:.3f}, popularity "
            f"{hits['popularity']:.3f} on {record['occurrences']:,} tracks followed"
            + (f"; offline the base has {offline:.3f}" if offline is not None else "")
            if hits
            else "no track was followed",
        ),
        ("skips", f"{record['skips']:,}, {record['skips_of_hits']:,} of them of listed tracks"),
        ("models", f"{record['swaps']} hot swaps: {' → '.join(record['model_versions'])}"),
    ]
    rows += [
        (f"fine-tune {number}", verdict({**found, "numbers": found["metrics"]}))
        for number, found in enumerate(record["finetunes"], 1)
    ]
    kind = "simulated listeners" if record["data"]["simulated"] else "real sessions"
    title = f"segue demo, {record['data']['name']} ({kind})"
    if record["interrupted"]:
        title += ", stopped early"
    return _panel(title, _rows(*rows))
