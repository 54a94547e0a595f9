"""Checkpoints and the trained model, written completely or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from transformers.trainer_utils import rotate_checkpoints

from ..foundation.disk_full import disk_full_as_fault
from ..foundation.whole_folders import take_place
from .checkpoints import WRITING, sync_tree
from .training_faults import not_finite_weights


class WholeSaving:
    """The part of a trainer that writes; stands before a transformers ``Trainer`` among the bases.

    Overridden method of the parent:

    - ``_save_checkpoint``: the checkpoint is written to a temporary folder and renamed, so that it is complete or absent;
      weights that are not finite are refused.
    """

    def _check_weights(self) -> None:
        """Refuse to write weights that are not finite."""
        for name, parameter in self.model.named_parameters():
            mine = getattr(parameter, "to_local", lambda p=parameter: p)()
            if parameter.requires_grad and not mine.detach().isfinite().all():
                raise not_finite_weights(name, self.state)

    def _save_checkpoint(self, model, trial) -> None:
        """As the parent's, but complete or absent.

        Raises
        ------
        InputFault
            If the weights are not finite, or the disk takes no more; the checkpoints that are there stay.
        """
        self._check_weights()
        output_dir = Path(self.args.output_dir)
        partial = output_dir / f"{WRITING}{self.state.global_step}"
        then = "start the same command again; the checkpoints that are there are whole"
        try:
            with disk_full_as_fault(output_dir, then=then):
                self._write_checkpoint(partial, output_dir / f"checkpoint-{self.state.global_step}")
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def _write_checkpoint(self, partial: Path, final: Path) -> None:
        """Every process writes its part; the main one renames the whole, and removes older ones."""
        output_dir = final.parent
        if self.args.should_save:
            shutil.rmtree(partial, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.save_model(str(partial), _internal_call=True)
        self._save_optimizer_and_scheduler(str(partial))
        self._save_scaler(str(partial))
        self._save_rng_state(str(partial))
        if self.state.best_global_step is not None:
            self.state.best_model_checkpoint = str(output_dir / f"checkpoint-{self.state.best_global_step}")
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            self.state.stateful_callbacks["TrainerControl"] = self.control.state()
            self.state.save_to_json(str(partial / "trainer_state.json"))
            sync_tree(partial)
            take_place(partial, final)
            rotate_checkpoints(
                output_dir=str(output_dir),
                save_total_limit=self.args.save_total_limit,
                best_model_checkpoint=self.state.best_model_checkpoint,
            )
        self.accelerator.wait_for_everyone()

    def save_plain(self, folder: str | Path, *, form: str = "merged", base: str = "", revision: str = "") -> Path:
        """Write the model and its processor, as safetensors; the trainer is done then.

        Parameters
        ----------
        folder : Path
            Written to a temporary sibling and renamed; what was there is replaced.
        form : str
            ``"merged"``: a plain checkpoint, adapters merged into it. ``"adapter"``: the adapters alone.
        base, revision : str
            For adapters: the repo that holds their base model, and its commit where it is known. The path that the base
            was loaded from is written nowhere.

        Returns
        -------
        Path

        Raises
        ------
        InputFault
            If the disk is full; nothing half-written stays.
        """
        folder = Path(folder)
        model = self.accelerator.unwrap_model(self.model)
        if form == "adapter":
            save = _save_adapters(model, base, revision)
        else:
            if self.is_fsdp_enabled:
                _shard_again(model)
            model = model.merge_and_unload() if self.args.lora_r else model
            save = model.save_pretrained
        # sharded weights are brought together by all processes; the main one has them then
        whole = {"state_dict": self.accelerator.get_state_dict(model)} if self.is_fsdp_enabled else {}
        if self.args.should_save:
            partial = folder.with_name(f".{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            try:
                with disk_full_as_fault(folder.parent, needed=_size(model)):
                    save(partial, **whole)
                    self.processor.save_pretrained(partial)
                    sync_tree(partial)
                take_place(partial, folder)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
        self.accelerator.wait_for_everyone()
        return folder


def _shard_again(model) -> None:
    """Sharded weights (FSDP2) that the last pass left whole, which are those of no layer of their own, lie in shards again.

    What is changed while they are whole is lost when they are sharded: adapters of the vision tower's mergers were not merged.
    """
    from torch.distributed.fsdp import FSDPModule

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def _save_adapters(model, base: str, revision: str) -> Callable[..., None]:
    """What writes the adapters of a peft model, with a repo id as their base."""
    adapters = model.peft_config["default"]
    adapters.base_model_name_or_path, adapters.revision = base, revision or None

    def save(folder: Path, **whole) -> None:
        # no embedding is trained; asked to find out for itself, peft would ask the Hub
        model.save_pretrained(folder, save_embedding_layers=False, **whole)
        (folder / "README.md").unlink()  # peft's card names the path that the base was loaded from

    return save


def _size(model) -> int:
    """Bytes of a model's weights."""
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
