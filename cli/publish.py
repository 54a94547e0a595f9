"""``ppaint publish``: a dataset, a model, the metric, a board, the Space, or all of them, onto the Hub."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .grouped_help import WholeHelp

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from ..publishing.content import Links
    from ..publishing.publish import HowToPublish, Planned, Published, Wanted

publish = typer.Typer(
    name="publish",
    cls=WholeHelp,
    help="Publish on the Hub, one commit a repo, and load it back. HF_TOKEN or `hf auth login` says who you are. See docs/publish.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Repo = Annotated[str, typer.Argument(metavar="ORG/NAME", help="The repo; it is made where there is none.")]
Named = Annotated[str | None, typer.Option(metavar="ORG/NAME[@COMMIT]", help="On the Hub already; it is named there.")]
Private = Annotated[bool, typer.Option("--private", help="A repo that is made is private.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")]
Tag = Annotated[str | None, typer.Option(metavar="TAG", help="Set at the commit, for example v1.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete there what is on the Hub only.")]
Message = Annotated[str | None, typer.Option(metavar="TEXT", help="Of the commit.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
NoCheck = Annotated[bool, typer.Option("--no-check", help="Do not load it back; that fetches all of it once.")]


@publish.command()
def dataset(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that `ppaint build` made.")],
    repo: Repo,
    metric: Named = None,
    private: Private = False,
    dry_run: DryRun = False,
    tag: Tag = None,
    prune: Prune = False,
    message: Message = None,
    yes: Yes = False,
    no_check: NoCheck = False,
) -> None:
    """Publish a dataset."""
    from ..publishing.content import Links
    from ..publishing.kinds import wanted_dataset
    from ..publishing.linked import named_place

    links = Links(metric=named_place("--metric", metric))
    how = _how(private, tag, prune, message, no_check)
    _one(wanted_dataset(folder, repo), links, how, dry_run=dry_run, yes=yes)


@publish.command()
def model(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A scorer's folder, merged or adapters; or a judge's, any vision-language model."
        ),
    ],
    repo: Repo,
    dataset: Named = None,
    metric: Named = None,
    private: Private = False,
    dry_run: DryRun = False,
    tag: Tag = None,
    prune: Prune = False,
    message: Message = None,
    yes: Yes = False,
    no_check: NoCheck = False,
) -> None:
    """Publish a scorer or a judge."""
    from ..publishing.content import Links
    from ..publishing.kinds import wanted_model
    from ..publishing.linked import named_place

    links = Links(dataset=named_place("--dataset", dataset), metric=named_place("--metric", metric))
    how = _how(private, tag, prune, message, no_check)
    wanted = wanted_model(folder, repo)
    if wanted.what == "judge" and (dataset or metric):
        from ..foundation.faults import Fault, InputFault

        what = "a judge's card names no dataset and no metric, and this folder is no scorer's"
        raise InputFault(Fault(str(folder), "--dataset, --metric", what, "leave them out"))
    _one(wanted, links, how, dry_run=dry_run, yes=yes, of_release={"model": folder})


@publish.command()
def metric(
    repo: Annotated[str, typer.Argument(metavar="ORG/srcc_plcc", help="It must be called like its module.")],
    private: Private = False,
    dry_run: DryRun = False,
    tag: Tag = None,
    prune: Prune = False,
    message: Message = None,
    yes: Yes = False,
    no_check: NoCheck = False,
) -> None:
    """Publish the metric SRCC/PLCC."""
    from ..publishing.content import Links
    from ..publishing.kinds import wanted_metric

    how = _how(private, tag, prune, message, no_check)
    _one(wanted_metric(repo), Links(), how, dry_run=dry_run, yes=yes)


@publish.command()
def board(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The board's folder.")],
    repo: Repo,
    dataset: Named = None,
    private: Private = False,
    dry_run: DryRun = False,
    tag: Tag = None,
    prune: Prune = False,
    message: Message = None,
    yes: Yes = False,
    no_check: NoCheck = False,
) -> None:
    """Publish a leaderboard; what the board on the Hub has got since is never lost."""
    from ..publishing.content import Links
    from ..publishing.kinds import wanted_board
    from ..publishing.linked import named_place

    links = Links(dataset=named_place("--dataset", dataset))
    how = _how(private, tag, prune, message, no_check)
    _one(wanted_board(folder, repo), links, how, dry_run=dry_run, yes=yes, of_release={"board": folder})


@publish.command()
def space(
    repo: Repo,
    model: Annotated[str, typer.Option(metavar="ORG/NAME[@COMMIT]", help="The scorer that it shows.")],
    dataset: Named = None,
    judge: Named = None,
    board: Named = None,
    private: Private = False,
    dry_run: DryRun = False,
    tag: Tag = None,
    prune: Prune = False,
    message: Message = None,
    yes: Yes = False,
    no_check: NoCheck = False,
) -> None:
    """Publish the Space of a scorer that is on the Hub."""
    from ..publishing.content import SIMULATED_ENDING, Links
    from ..publishing.kinds import wanted_space
    from ..publishing.linked import named_place, named_simulated, simulated_there, with_commits

    given = {"model": model, "dataset": dataset, "judge": judge, "board": board}
    links = Links(**{name: named_place(f"--{name}", text) for name, text in given.items()})
    how = _how(private, tag, prune, message, no_check)
    simulated = named_simulated(links)
    _checked([wanted_space(repo, simulated=simulated or repo.endswith(SIMULATED_ENDING))], links)
    api = _api()
    links = with_commits(links, api)
    simulated = simulated_there(links, api) or simulated
    _checked([wanted_space(repo, simulated=simulated)], links)
    _run([wanted_space(repo, simulated=simulated)], links, how, api, dry_run=dry_run, yes=yes)


@publish.command(name="all")
def all_(
    org: Annotated[str, typer.Argument(metavar="ORG", help="The user or organisation.")],
    dataset: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder that `ppaint build` made.")] = None,
    model: Annotated[Path | None, typer.Option(metavar="DIR", help="A scorer's folder; it gets a Space.")] = None,
    judge: Annotated[Path | None, typer.Option(metavar="DIR", help="A judge's folder.")] = None,
    board: Annotated[Path | None, typer.Option(metavar="DIR", help="A board's folder.")] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="KIND=NAME", help="Another name for one of the repos; may be repeated.")
    ] = None,
    private: Private = False,
    dry_run: DryRun = False,
    tag: Tag = None,
    prune: Prune = False,
    message: Message = None,
    yes: Yes = False,
    no_check: NoCheck = False,
) -> None:
    """Publish all of it: the metric, a dataset, a scorer, a judge, a board, and the Space."""
    from ..publishing.content import Links
    from ..publishing.everything import everything
    from ..publishing.names import chosen_names

    how = _how(private, tag, prune, message, no_check)
    wanted = everything(org, dataset=dataset, model=model, judge=judge, board=board, names=chosen_names(name or ()))
    _checked(wanted, Links())
    _run(wanted, Links(), how, _api(), dry_run=dry_run, yes=yes)


def _how(private: bool, tag: str | None, prune: bool, message: str | None, no_check: bool) -> HowToPublish:
    """What was asked for, looked at before anything is made."""
    from ..foundation.faults import InputFault
    from ..publishing.outside_checks import check_message
    from ..publishing.publish import HowToPublish
    from ..publishing.upload import checked_tag

    words, faults = {"tag": tag, "message": message}, []
    for name, check in (("tag", checked_tag), ("message", check_message)):
        try:
            words[name] = None if words[name] is None else check(words[name])
        except InputFault as error:
            faults += error.faults
    if faults:
        raise InputFault(faults)
    return HowToPublish(private=private, prune=prune, check=not no_check, **words)


def _one(
    wanted: Wanted,
    links: Links,
    how: HowToPublish,
    *,
    dry_run: bool,
    yes: bool,
    of_release: Mapping[str, Path] | None = None,
) -> None:
    """One thing, and the repos on the Hub that it names; `of_release` is a folder whose figures are of the dataset that it names."""
    from ..publishing.linked import with_commits
    from ..publishing.same_release import check_release_on_hub

    _checked([wanted], links)
    api = _api()
    links = with_commits(links, api)
    check_release_on_hub(links.dataset, api, **(of_release or {}))
    _run([wanted], links, how, api, dry_run=dry_run, yes=yes)


def _checked(wanted: Sequence[Wanted], links: Links) -> None:
    """Before the first request."""
    from ..publishing.publish import make_and_check

    for content in make_and_check(wanted, links):
        for note in content.notes:
            typer.echo(f"note: {note}", err=True)


def _api() -> HfApi:
    """The Hub and the token of the environment."""
    from huggingface_hub import HfApi

    return HfApi()


def _run(wanted: Sequence[Wanted], links: Links, how: HowToPublish, api: HfApi, *, dry_run: bool, yes: bool) -> None:
    """Show what would change, ask, and do it."""
    from ..publishing.publish import plan_all, publish_all

    planned = plan_all(wanted, links, how, api=api)
    for one in planned:
        _show(one, how.tag)
    if dry_run:
        typer.echo("nothing was sent (--dry-run)")
        return
    if not (yes or all(one.changes_nothing for one in planned) or _confirmed()):
        typer.echo("nothing was published")
        return
    for one in publish_all(wanted, planned, links, how, api=api, tell=typer.echo):
        _show_published(one)


def _confirmed() -> bool:
    """Ask; where nobody can answer, say how to go on."""
    from ..foundation.stopped import Stopped

    try:
        return typer.confirm("publish?")
    except typer.Abort:
        if sys.stdin is not None and sys.stdin.isatty():
            raise  # it was the user who broke off
        raise Stopped(
            "nobody answered the question, and nothing was sent", "add --yes to publish without a question"
        ) from None


def _show(planned: Planned, tag: str | None) -> None:
    content = planned.content
    typer.echo(f"{content.name} ({content.what}{', simulated' if content.simulated else ''})")
    for line in planned.plan.lines():
        typer.echo(f"  {line}")
    for name in content.left_out:
        typer.echo(f"  not sent: {name}")
    if planned.plan.head is None:
        everyone = (
            "private: only its members can read it" if planned.private else "PUBLIC: everyone can read it (--private)"
        )
        typer.echo(f"  the new repo will be {everyone}")
    if planned.sets_tag:
        typer.echo(f"  the tag {tag} will be set")


def _show_published(published: Published) -> None:
    typer.echo(f"{published.place.name}: {published.url}")
    if published.snippet:
        typer.echo("loaded back by:\n")
        typer.echo("\n".join(f"    {line}".rstrip() for line in published.snippet.splitlines()) + "\n")
