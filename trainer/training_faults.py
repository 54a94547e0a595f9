"""What stops a training run, as one-line faults: numbers that are not finite, no memory."""

from __future__ import annotations

from collections.abc import Sequence

from ..foundation.faults import Fault, InputFault

KEPT = "the last whole checkpoint was kept"
FIX = f"{KEPT}; look for a learning_rate that is too high, or weights of the starting model that are not finite"


class OutOfMemory(InputFault):
    """A training step did not fit into memory.

    Parameters
    ----------
    reason : str
        The device's own message.
    args : TrainingArguments
    """

    def __init__(self, reason: str, args) -> None:
        rows, passes = args.per_device_train_batch_size, args.gradient_accumulation_steps
        what = f"a pass of {rows} does not fit into memory ({reason})"
        fix = (
            f"per_device_train_batch_size={max(1, rows // 2)} with gradient_accumulation_steps={2 * passes} and "
            f"block_size={args.block_size} is the same step in half the memory; activation_checkpointing=true helps too"
        )
        super().__init__(Fault("config", "per_device_train_batch_size", what, f"{fix}; {KEPT}"))


def first_line(error: BaseException) -> str:
    """What an error says, in one line.

    Examples
    --------
    >>> first_line(RuntimeError("no room\\nat all")), first_line(MemoryError())
    ('no room', 'MemoryError')
    """
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def not_finite(what: str, dimensions: Sequence[str], state) -> InputFault:
    """A number that is not finite, met in a step: nothing of it has reached the weights.

    Parameters
    ----------
    what : str
        What is not finite.
    dimensions : sequence of str
        In which of them, where that is known.
    state : TrainerState
    """
    where = f" in {', '.join(dimensions)}" if dimensions else ""
    problem = f"{what}{where}: not finite (NaN or infinite)"
    return InputFault(Fault("training", f"step {state.global_step + 1}", problem, FIX))


def not_finite_weights(name: str, state) -> InputFault:
    """Weights that are not finite, found before they were written."""
    problem = f"weights are not finite after this step (the first: {name}); they were not written"
    return InputFault(Fault("training", f"step {state.global_step}", problem, FIX))
