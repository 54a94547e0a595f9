"""A progress bar for transformers' Trainer."""

from __future__ import annotations

from collections.abc import Callable

from transformers import TrainerCallback


class TrainingBar(TrainerCallback):
    """Report every optimiser step as ``report("distilling", done, total)``.

    Parameters
    ----------
    report : callable
    """

    def __init__(self, report: Callable[[str, int, int], None]) -> None:
        self._report = report

    def on_train_begin(self, args, state, control, **_):
        """Where a resumed run starts."""
        self._report("distilling", state.global_step, state.max_steps)

    def on_step_end(self, args, state, control, **_):
        """One more step."""
        self._report("distilling", state.global_step, state.max_steps)
