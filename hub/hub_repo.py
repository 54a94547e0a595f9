"""Calls to a repo on the Hub: what may be repeated is, and what fails says what to type to go on."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import count
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault
from ..foundation.stopped import Stopped
from .patience import limit_waiting, patience_ran_out
from .repo_address import repo_address
from .xet_errors import is_of_xet, words_of_xet

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, HfApi, ModelInfo, SpaceInfo
    from huggingface_hub.errors import Response

T = TypeVar("T")
TRIES, FIRST_WAIT, LONGEST_WAIT = 5, 1.0, 300.0
_PASSES = (408, 429, 500, 502, 503, 504)
_NOT_ASCII = "a letter that no token has"
_AGAIN = "run the same command again"
NOT_KNOWN = "whether it was done is not known"
_NO_ROOM = re.compile(r"quota|storage|limit|exceed|too large|payment", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def checked_repo_name(name: str, given: str | None = None, fix: str = "give ORG/NAME") -> str:
    """The name of a repo, refused where no repo can have it.

    Parameters
    ----------
    name : str
        ``ORG/NAME``.
    given : str, optional
        As the user gave it, where that is more than the name.
    fix : str
        What to do about another one.

    Raises
    ------
    InputFault

    Examples
    --------
    >>> checked_repo_name("org/ppaint")
    'org/ppaint'
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)  # names that end with .git or a hyphen, among others
        is_name = bool(_NAME.fullmatch(name))
    except HFValidationError:
        is_name = False
    if not is_name:
        raise InputFault(Fault(readable(given or name)[:100], "", "is no name of a repo on the Hub", fix))
    return name


def check_endpoint(endpoint: str) -> None:
    """Refuse an address at which no Hub can be: the client would fail with an error of its own at the first call.

    Parameters
    ----------
    endpoint : str
        What ``HF_ENDPOINT`` says.

    Raises
    ------
    InputFault

    Examples
    --------
    >>> check_endpoint("https://huggingface.co")
    """
    try:
        parts = urlsplit(endpoint)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or the address has half a bracket
        sound = False
    if not sound:
        what, fix = f"{readable(endpoint)[:80]!r} is no address of a Hub", "correct HF_ENDPOINT, or unset it"
        raise InputFault(Fault("HF_ENDPOINT", "", what, fix))


class HubRepo:
    """A repo and the token's holder who calls it.

    Parameters
    ----------
    name : str
        ``ORG/NAME``.
    api : HfApi, optional
        Hub and token; those of the environment by default.
    wait : callable, optional
        Waits so many seconds.
    kind : str
        ``"dataset"``, ``"model"`` or ``"space"``.

    Raises
    ------
    InputFault
        If no repo can have this name.
    """

    def __init__(
        self,
        name: str,
        api: HfApi | None = None,
        wait: Callable[[float], None] = time.sleep,
        *,
        kind: str = "dataset",
    ) -> None:
        from huggingface_hub import HfApi

        self.name, self.wait, self.kind = checked_repo_name(name), wait, kind
        self.api = HfApi() if api is None else api
        check_endpoint(self.api.endpoint)
        self._answered = False  # whether what is there was seen to be a Hub

    @property
    def page(self) -> str:
        """The address of the repo's page."""
        return repo_address(self.kind, self.name, endpoint=self.api.endpoint)

    def ask(self, doing: str, call: Callable[[], T]) -> T:
        """A call that changes nothing; it is made again where the Hub is busy or a connection breaks.

        Parameters
        ----------
        doing : str
            What was not done, for the one who reads that it failed: "nothing was written".
        call : callable

        Raises
        ------
        Stopped
        """
        return self._patiently(doing, call, lambda: None)

    def once(
        self,
        doing: str,
        call: Callable[[], T],
        done: Callable[[], T | None],
        *,
        look_first: bool = True,
        quiet: bool = True,
    ) -> T:
        """A call that must have its effect once: before it is made, and after each failure, `done` looks whether it had.

        An answer that is lost tells nothing: the Hub may have done what was asked. The library makes neither a commit nor a comment
        again by itself.

        Parameters
        ----------
        doing : str
        call : callable
        done : callable
            What the call would give, or None if it had no effect yet.
        look_first : bool
            False where the caller has just looked.
        quiet : bool
            False where the library's own bars are to be seen, as for large files.

        Raises
        ------
        Stopped
        """
        there = self.ask(doing, done) if look_first else None
        if there is not None:
            return there
        return self._patiently(doing, call, lambda: self.ask(NOT_KNOWN, done), quiet)

    def _patiently(self, doing: str, call: Callable[[], T], done: Callable[[], T | None], quiet: bool = True) -> T:
        for tries in count(1):
            try:
                limit_waiting()
                with _quiet() if quiet else nullcontext():
                    given = call()
                self._answered = True
                return given
            except Exception as error:
                cause = _cause(error)
                if cause is None or isinstance(error, Stopped | InputFault):
                    raise
                if (there := done()) is not None:
                    return there
                seconds = _wait_for(cause, tries, self._answered)
                if seconds is None or tries == TRIES:
                    raise self._stopped(cause, doing) from error
                self.wait(seconds)

    def _stopped(self, error: Exception, doing: str) -> Stopped:
        """What an error of the client means for the one who typed the command."""
        response = getattr(error, "response", None)
        here = f"{self.name} on {self.api.endpoint}"
        if isinstance(error, UnicodeEncodeError):
            return Stopped(
                f"{here}: the token is none: it holds {_NOT_ASCII}; {doing}", f"set HF_TOKEN anew, then {_AGAIN}"
            )
        if isinstance(error, JSONDecodeError):
            what, fix = (
                "what answers there is no Hub",
                f"check HF_ENDPOINT and the network (a page to log in?), then {_AGAIN}",
            )
            return Stopped(f"{here}: {what}; {doing}", fix)
        if response is None and is_of_xet(error):
            what, fix = words_of_xet(error)
            return Stopped(f"{here}: {what}; {doing}", f"{fix}, then {_AGAIN}")
        if response is None:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            return Stopped(f"{here}: out of reach ({reason}); {doing}", f"check the network, then {_AGAIN}")
        status, said = response.status_code, getattr(error, "server_message", None) or ""
        said = " ".join(part for part in said.split() if part.isprintable())[:200]
        code, token = response.headers.get("X-Error-Code"), self._has_token()
        login = "log in with `hf auth login`, or set HF_TOKEN"
        if status == 401 and "Invalid credentials" in said:
            what, fix = (
                "the token is not valid",
                "make a token on https://huggingface.co/settings/tokens, then " + login,
            )
        elif status == 401 and not token:
            what, fix = "you are not logged in, and this needs a login, or there is no such repo", login
        elif status in (402, 413, 507) or (status == 403 and _NO_ROOM.search(said)):
            what = f"the Hub takes no more ({said or status})"
            fix = "make room, or ask for more (https://huggingface.co/settings/billing, or the organisation's settings)"
        elif code == "GatedRepo":
            what = f"this repo is gated, and this token has no access to it ({said or status})"
            fix = f"ask for access on its page ({self.page}), or take a token that has it (`hf auth login`)"
        elif status == 403:
            what = f"not allowed with this token ({said or status})"
            fix = "take a token that may write to it (`hf auth login`), or ask its owner"
        elif code == "RepoNotFound" or status in (401, 404) and code is None:
            what, fix = f"there is no such {self.kind} repo, or this token may not see it", "correct its name"
        elif code == "RevisionNotFound":
            what, fix = "there is no such revision", "correct the revision, or the number of the pull request"
        elif status == 412:
            what, fix = (
                "someone else wrote to it meanwhile",
                "look at what it holds now",
            )
        else:
            what = f"the Hub answers with status {status}" + (f" ({said})" if said else "")
            seconds = _asked_wait(response)
            fix = "wait a while" if seconds is None else f"wait {seconds:.0f} seconds"
        return Stopped(f"{here}: {what}; {doing}", f"{fix}, then {_AGAIN}")

    def _has_token(self) -> bool:
        from huggingface_hub import get_token

        return bool(self.api.token if self.api.token is not None else get_token())

    def look(self) -> ModelInfo | DatasetInfo | SpaceInfo | None:
        """What the Hub says of the repo; None where there is none, or this token may not see it. One call, not made again.

        Without a token that is an error: a Hub does not say then whether there is one.
        """
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        try:
            return self.api.repo_info(self.name, repo_type=self.kind)
        except RepositoryNotFoundError as error:
            if isinstance(error, GatedRepoError) or not self._has_token():
                raise
            return None

    def head(self, revision: str = "main") -> str:
        """The commit of a revision."""

        def call() -> str:
            return str(self.api.repo_info(self.name, repo_type=self.kind, revision=revision).sha)

        return self.ask("nothing was done", call)

    def download(self, commit: str, patterns: Sequence[str], folder: Path) -> Path:
        """The files of a commit that match; those that are not there are left out.

        Parameters
        ----------
        commit : str
        patterns : sequence of str
            As in ``snapshot_download``.
        folder : Path
            To write to.
        """

        def call() -> str:
            shutil.rmtree(folder, ignore_errors=True)  # the library takes what an earlier try left there for the whole
            return self.api.snapshot_download(
                self.name, repo_type=self.kind, revision=commit, local_dir=folder, allow_patterns=list(patterns)
            )

        self.ask("it was not read", call)
        return folder


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars of the library's own for a few small files."""
    from huggingface_hub import constants
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled() or constants.HF_HUB_DISABLE_PROGRESS_BARS is False:  # false: the user wants them
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


def _cause(error: BaseException) -> Exception | None:
    """The client's error behind an error: the library wraps it where a file is uploaded or downloaded."""
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled

    seen: BaseException | None = error
    while seen is not None:
        known = isinstance(seen, HTTPError | OfflineModeIsEnabled | JSONDecodeError | UnicodeEncodeError)
        if known or (isinstance(seen, Exception) and is_of_xet(seen)):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _wait_for(error: Exception, tries: int, answered: bool) -> float | None:
    """Seconds until the call may be made again; None where waiting does not help."""
    pause = FIRST_WAIT * 2 ** (tries - 1)
    response = getattr(error, "response", None)
    if isinstance(error, JSONDecodeError):  # of a server in between, where a Hub has answered before
        return pause if answered else None
    if response is None and is_of_xet(error):
        return None  # that part of the library has waited by itself, for minutes
    if response is None and patience_ran_out(error):
        return None
    if response is None:  # a connection that broke is opened again; where there is no network, that is said at once
        return pause if any(kind.__name__ in _BROKEN for kind in type(error).__mro__) else None
    if response.status_code not in _PASSES:
        return None
    asked = _asked_wait(response)
    seconds = pause if asked is None else asked
    return seconds if seconds <= LONGEST_WAIT else None


def _asked_wait(response: Response) -> float | None:
    """Seconds that the Hub asks to wait, in either of its ways; None where it does not say."""
    from huggingface_hub.utils import parse_ratelimit_headers

    limit = parse_ratelimit_headers(response.headers)
    if response.status_code == 429 and limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() else None


_BROKEN = ("ReadError", "WriteError", "CloseError", "TimeoutException", "ProtocolError")
