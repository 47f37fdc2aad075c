"""The engine: transformers' Trainer with three changes, usable alone.

The masks are drawn here, on the device, from packed chunks; the vocabulary projection is computed at the selected positions
only; and the loss of an optimizer step is the mean over all of its scored positions, whatever the number of forward passes,
devices and machines it is spread over (Trainer 5.23 multiplies DistilBERT's gradients by that number).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from lab.batches import Batch, ChunkRows, RowBatches, mask_batch
from lab.chunking import Chunks
from lab.evaluation import Evaluation, HeldOut, score
from lab.home import publish
from lab.masking import IGNORE_INDEX, Masking, Vocabulary
from lab.model import inner_model, logits_at


class MaskedTrainer(Trainer):
    """Trains a masked language model on packed chunks. `args.output_dir` is where checkpoints are made before they move."""

    def __init__(
        self,
        *,
        model: PreTrainedModel,
        args: TrainingArguments,
        train: Chunks,
        held_out: HeldOut,
        masking: Masking,
        vocabulary: Vocabulary,
        tokenizer: Any = None,
        callbacks: list[TrainerCallback] | None = None,
    ) -> None:
        self.chunks = ChunkRows(train)
        super().__init__(model=model, args=args, train_dataset=self.chunks, processing_class=tokenizer, callbacks=callbacks)
        # compute_loss has divided by all scored positions of the step: Trainer must not divide again.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True
        for chatty in (PrinterCallback, ProgressCallback):
            self.remove_callback(chatty)
        self.masking, self.held_out = masking, held_out
        self.vocabulary = vocabulary.to(args.device)
        self.batches = RowBatches(
            len(train), args.per_device_train_batch_size, args.seed, args.process_index, args.world_size
        )
        self.steps_an_epoch = math.ceil(len(self.batches) / args.gradient_accumulation_steps)
        self.total_steps = args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * self.steps_an_epoch)
        self.scored = torch.zeros((), dtype=torch.int64)  # positions in the loss of the latest step, over all processes
        self.surprisals: list[Tensor] = []  # of the latest step here: nats a scored position, a tensor a forward pass
        self.latest: Evaluation | None = None
        self.leave_scoring: Callable[[], bool] = lambda: False  # asked between batches: whether to give a score up

    def get_train_dataloader(self) -> DataLoader:
        """Batches of this process's own rows, so that nothing is left for Accelerate to part."""
        return DataLoader(
            self.chunks,
            batch_sampler=self.batches,
            collate_fn=_as_it_is,  # a batch is read in one piece, see ChunkRows
            pin_memory=self.args.device.type == "cuda",
        )

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], Tensor]:
        """The forward passes of one optimizer step, masked, and the number of positions that they score together."""
        batches = [self.draw_masks(batch) for batch in islice(epoch_iterator, num_batches)]
        self.surprisals = []
        scored = torch.zeros((), dtype=torch.int64, device=device)
        for batch in batches:
            scored = scored + (batch["labels"] != IGNORE_INDEX).sum()
        self.scored = self.accelerator.reduce(scored, "sum")
        return batches, self.scored

    def draw_masks(self, batch: Batch) -> Batch:
        """Mask one batch on the device, by the seed, the epoch and the chunks' numbers."""
        batch = {name: tensor.to(self.args.device, non_blocking=True) for name, tensor in batch.items()}
        masked = mask_batch(batch, self.masking, self.vocabulary, self.args.seed, self.batches.epoch)
        padding = {"attention_mask": batch["attention_mask"]} if "attention_mask" in batch else {}
        return {"input_ids": masked.input_ids, "labels": masked.labels, **padding}

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """This forward pass's share of the step's mean negative log-likelihood, in nats: shares simply add up."""
        labels = inputs["labels"]
        where = labels != IGNORE_INDEX
        logits = logits_at(model, inputs["input_ids"], where, inputs.get("attention_mask"))
        nll = nn.functional.cross_entropy(logits.float(), labels[where], reduction="none")
        self.surprisals.append(nll.detach())
        # Gradients are averaged over processes, where their sum is wanted.
        return nll.sum() / self.scored.clamp(min=1) * self.accelerator.num_processes

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Score the held-out chunks in fp32, each process its share. The result, position by position, is in `latest`."""
        rows = range(self.args.process_index, len(self.held_out.chunks), self.args.world_size)
        parts = []
        with self.exactly() as model:
            for part in score(model, self.held_out, rows, batch_size=self.args.per_device_eval_batch_size):
                if self.leave_scoring():  # the score is made up for when the run is resumed from here
                    self.control.should_training_stop = self.control.should_save = True
                    return {}
                parts.append(part)
        if self.args.world_size > 1:
            parts = gather_object(parts)
        scores = Evaluation.join(parts)
        self.latest = scores
        metrics = {"eval_loss": scores.mean_nll, "eval_perplexity": scores.perplexity, "eval_accuracy": scores.accuracy}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    @contextmanager
    def exactly(self) -> Iterator[nn.Module]:
        """While this holds, the model computes in fp32, whatever it trains in, so that a run's scores and answers are those
        of its model asked later. Accelerate casts in a forward of its own, put before that of the model's class.
        """
        assert self.model is not None, "Trainer has one from the start"
        own = vars(inner_model(self.model))
        cast = {"forward": own.pop("forward")} if "forward" in own else {}
        try:
            yield self.model
        finally:
            own.update(cast)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Let Trainer write the checkpoint file by file, then move it beside `output_dir` whole."""
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            staging = Path(str(self.args.output_dir))
            name = f"checkpoint-{self.state.global_step}"
            publish(staging / name, staging.parent / name)


def _as_it_is(batch: Any) -> Any:
    return batch
