"""Where a run's log is sent: refused before the run where it could not arrive."""

from __future__ import annotations

from collections.abc import Sequence

PACKAGES = {"tensorboard": "tensorboard (or tensorboardX)", "comet_ml": "comet-ml", "azure_ml": "azureml-core"}


def check_reporters(report_to: str | Sequence[str] | None) -> None:
    """Refuse a ``report_to`` that names what is not known or not installed.

    Parameters
    ----------
    report_to : str or sequence of str, optional

    Raises
    ------
    ValueError
        It names the package to install.

    Examples
    --------
    >>> check_reporters("none"), check_reporters([])
    (None, None)
    >>> check_reporters("tensorbored")
    Traceback (most recent call last):
    ...
    ValueError: report_to names 'tensorbored', which transformers does not know: use tensorboard, trackio, wandb or none
    """
    names = [report_to] if isinstance(report_to, str) else list(report_to or [])
    names = [name for name in names if name not in ("none", "all", "flyte")]
    if not names:
        return
    from transformers.integrations.integration_utils import (
        INTEGRATION_TO_CALLBACK,
        get_available_reporting_integrations,
    )

    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            raise ValueError(
                f"report_to names {name!r}, which transformers does not know: use tensorboard, trackio, wandb or none"
            )
    installed = get_available_reporting_integrations()
    for name in names:
        if name not in installed:
            package = PACKAGES.get(name, name)
            raise ValueError(f"report_to names {name!r}, which is not installed: install {package}, or say none")
