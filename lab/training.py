"""Training: a configuration in, a stream of typed events out, and a run on disk."""

import math
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback, TrainingArguments

from lab.checkpoints import is_whole
from lab.config import RunConfig
from lab.errors import LabError, RunError, require
from lab.evaluation import baselines
from lab.events import CheckpointSaved, Evaluated, Event, Failed, Finished, Probed, RunStarted, Stepped, Stopped
from lab.failures import UNEXPECTED, explain
from lab.fill_mask import fill
from lab.hardware import Hardware, choose
from lab.home import publish
from lab.model import Loaded, check_fits, load_model
from lab.preparation import Prepared, prepare
from lab.runs import STOPPED, Run, Writer, create_run, settled
from lab.story import curve
from lab.surprisals import Recorder
from lab.trainer import MaskedTrainer

# A run is saved at least this often, so that a crash costs minutes. A checkpoint of the bundled model takes 0.3 s.
_SAVE_SECONDS = 120

StopAsked = Callable[[], bool | str | None]  # a text is the reason that the run will give


def fine_tune(config: RunConfig, *, run: Run | None = None, should_stop: StopAsked = lambda: False) -> Iterator[Event]:
    """Train, and yield what happens. `should_stop` is asked after each optimizer step; leaving the loop stops it too, and
    so does `run.ask_to_stop`, from any process.

    Without `run`, a new one is made in LAB_HOME. What can't start (no such corpus, a bad value) raises LabError and leaves
    no run behind; once it has started, every end is an event: Finished, Stopped or Failed.

    >>> from lab.config import preset
    >>> config = preset("quick", max_train_chunks=16, max_test_chunks=4, max_steps=1, probes=(), precision="fp32")
    >>> [type(event).__name__ for event in fine_tune(config)]
    ['RunStarted', 'Evaluated', 'Stepped', 'Evaluated', 'Finished']
    """
    yield from _follow(settled(config), run, None, should_stop)


def resume(run: Run, *, should_stop: StopAsked = lambda: False) -> Iterator[Event]:
    """Go on with a stopped, failed or interrupted run from its last whole checkpoint: same data order, same masks.

    Raises RunError if it has finished, is going on, or has no checkpoint.
    """
    state = run.state()
    going_on = state == "running" and not run.is_reserved()
    require(not going_on and state != "finished", f"The run {run.id} is {state}, so it can't be resumed.", RunError)
    require(
        bool(run.checkpoints()),
        f"The run {run.id} has no checkpoint to resume from. Start a new one with the same settings.",
        RunError,
    )
    checkpoints = list(filter(is_whole, run.checkpoints()))
    require(
        bool(checkpoints),
        f"The checkpoints of the run {run.id} are damaged, so it can't be resumed. Start a new one with the same settings.",
        RunError,
    )
    for torn in run.checkpoints():  # or it would be taken for what the run has come to
        if torn not in checkpoints:
            shutil.rmtree(torn, ignore_errors=True)
    if not run.is_reserved():  # whoever keeps its place has heard since when it is wanted again
        run.forget_stop()
    yield from _follow(run.config(), run, checkpoints[-1], should_stop)


def _follow(config: RunConfig, run: Run | None, checkpoint: Path | None, should_stop: StopAsked) -> Iterator[Event]:
    """Train in a thread of its own and hand on its events; whoever stops listening stops the training."""
    events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    left = threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            _Session(config, events.put, lambda: left.is_set() or should_stop()).train(run, checkpoint)
        except BaseException as error:  # handed to the listener below, whatever it is
            raised.append(error)
        finally:
            events.put(None)

    thread = threading.Thread(target=work, name="training", daemon=True)
    thread.start()
    try:
        while (event := events.get()) is not None:
            yield event
    finally:
        left.set()
        thread.join()
    if raised:
        raise raised[0]


class _Session(TrainerCallback):
    """One training session: it prepares, conducts the trainer, and tells what happens.

    Of several processes each has its session; the first one alone writes and tells.
    """

    def __init__(self, config: RunConfig, listener: Callable[[Event], None], should_stop: StopAsked) -> None:
        self.config, self.should_stop = config, should_stop
        self._listener = listener
        self._writer: Writer | None = None
        self._recorder: Recorder | None = None
        self._began = self._clock = self._saved = time.monotonic()
        self._earlier = 0.0  # seconds of the sessions before, where this one resumes
        self._evaluation_seconds = 0.0
        self._trained = (0, 0.0)  # steps and seconds of training proper: no scoring, no saving
        self._evaluated_at = -1
        self.step = 0
        self.stopped = False
        self._reason: str | None = None  # why it is to stop

    def train(self, run: Run | None, checkpoint: Path | None) -> None:
        """From the configuration to the last event. Raises LabError before the run has started, never after."""
        config = self.config
        _check_tracker(config.report_to)
        model = load_model(config.model, config.optimization.dropout)
        check_fits(model, config.chunking.chunk_size)
        hardware = choose(config.device, config.precision, model.config.hidden_size)
        args = _training_arguments(config, hardware)
        self.first = args.process_index == 0
        with args.main_process_first(local=False, desc="preparing the corpus"):
            prepared = prepare(
                config.model,
                config.data,
                config.chunking,
                max_train_chunks=config.max_train_chunks,
                max_test_chunks=config.max_test_chunks,
            )
        selected = config.masking.mlm_probability * len(prepared.train) * config.chunking.chunk_size
        require(
            selected >= 1,
            f"mlm_probability is {config.masking.mlm_probability:g}: of this text it selects nothing to learn from. "
            "Raise it; 0.15 is usual.",
        )
        self.run = run = self._agree_on_run(run, prepared, args)
        args.output_dir = str(run.staging)
        self.trainer = MaskedTrainer(
            model=model,
            args=args,
            train=prepared.train,
            held_out=prepared.held_out(config.scoring),
            masking=config.masking,
            vocabulary=prepared.vocabulary,
            tokenizer=prepared.tokenizer,
            callbacks=[self],
        )
        for callback in self.trainer.callback_handler.callbacks:  # or TensorBoard's would go with the staging folder
            if getattr(callback, "logging_dir", "") is None:
                callback.logging_dir = str(run.folder / "tensorboard")
        if args.world_size == 1:  # of several processes none may leave a score unfinished alone
            self.trainer.leave_scoring = self._asked_to_stop
        self.loaded = Loaded(config.model, model, prepared.tokenizer, hardware.device, "fp32")
        with ExitStack() as stack:
            if self.first:
                self._writer = stack.enter_context(run.writing())
                if checkpoint is not None:  # the clock goes on from where the checkpoint was saved
                    self.step = int(checkpoint.name.rpartition("-")[2])
                    told = (event.seconds for event in curve(run.events()) if event.step <= self.step)
                    self._earlier = max(told, default=0.0)
                if config.keep_surprisals and args.world_size == 1:
                    self._recorder = Recorder(run, config, self.trainer.total_steps, self.step)
                    stack.callback(self._recorder.close)
            if checkpoint is not None:
                args.eval_on_start = self._lacks_score(checkpoint)
            try:
                self._say_start(prepared, hardware)
                self.trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
                self._finish(prepared)
            except Exception as error:
                reason = explain(error)
                shutil.rmtree(run.staging, ignore_errors=True)  # on a full disk, what is half written makes room
                self._say(Failed(step=self.step, seconds=self._seconds(), reason=reason or UNEXPECTED.format(error)))
                if reason is None:
                    raise
                if not self.first:  # the first process has said it, unless it is the one that is gone
                    raise RunError(reason) from error

    def _agree_on_run(self, run: Run | None, prepared: Prepared, args: TrainingArguments) -> Run:
        """The run's folder, made by the first process and made known to the others."""
        if self.first:
            run = run or create_run(self.config)
            run.note_facts(
                train_text=prepared.train_text, held_out_text=prepared.test_text, tokenizer=prepared.tokenizer_hash
            )
        if args.world_size > 1:
            run = Run(Path(broadcast_object_list([str(run.folder) if run else ""])[0]))
        assert run is not None, "the first process has made one"
        return run

    def _lacks_score(self, checkpoint: Path) -> bool:
        """Whether the step of a checkpoint was to be scored and wasn't, because the run was stopped right there."""
        step = int(checkpoint.name.rpartition("-")[2])
        due = step % self.trainer.steps_an_epoch == 0 or _is_due(step, self.config.eval_steps)
        scored = any(isinstance(event, Evaluated) and event.step == step for event in curve(self.run.events()))
        return due and not scored and step < self.trainer.total_steps

    def _finish(self, prepared: Prepared) -> None:
        """Put the model in its place, then say how it ended; only then is there nothing to resume."""
        if self.first:
            staged = self.run.staging / "model"
            self.loaded.model.save_pretrained(staged)
            prepared.tokenizer.save_pretrained(staged)
            publish(staged, self.run.model)
        self.trainer.accelerator.wait_for_everyone()
        if not self.stopped and self._reason is None and self._evaluated_at != self.step:
            self.trainer.evaluate()  # it was stopped at its last step, and nothing but the score was left to resume
        stopped = self.stopped or self._evaluated_at != self.step  # it may be asked to while the end is being scored
        if stopped:
            self._say(Stopped(step=self.step, seconds=self._seconds(), reason=self._reason or STOPPED))
        else:
            assert self.trainer.latest is not None, "the end of an epoch is scored"
            perplexity = self.trainer.latest.perplexity
            self._say(Finished(step=self.step, seconds=self._seconds(), perplexity=perplexity))
        if self.first:
            for folder in (self.run.staging, *([] if stopped else self.run.checkpoints())):
                shutil.rmtree(folder, ignore_errors=True)

    # What Trainer calls, in the order of a step.

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.trainer.batches.epoch = state.global_step // self.trainer.steps_an_epoch
        self._clock = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.step = state.global_step
        asked = torch.tensor(int(self._asked_to_stop()), device=self.trainer.args.device)
        self.stopped = bool(self.trainer.accelerator.reduce(asked, "sum"))  # all processes stop at the same step
        control.should_training_stop |= self.stopped  # plain assignment would undo max_steps
        control.should_evaluate |= _is_due(self.step, self.config.eval_steps)
        due = _is_due(self.step, self.config.save_steps)
        if self.trainer.args.world_size == 1:  # the clocks of several processes never quite agree
            due |= time.monotonic() - self._saved > _SAVE_SECONDS
        control.should_save |= due and self.step < self.trainer.total_steps

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        state.log_history.clear()  # the run's own log keeps the history; Trainer copies this one to every checkpoint
        if not logs or "loss" not in logs:
            return
        self._check_finite(logs["loss"])
        if self._recorder is not None:
            self._recorder.keep(self.step, self.trainer.surprisals)
        self._say_stepped(logs, state.epoch)
        every = self.config.probe_steps or max(1, self.trainer.total_steps // 20)
        if _is_due(self.step, every) or self.step == self.trainer.total_steps:
            self._probe()
        self._clock = time.monotonic()

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        scores = self.trainer.latest
        assert scores is not None, "evaluate has just set it"
        self._check_finite(scores.mean_nll)
        self._evaluated_at = self.step
        self._say(
            Evaluated(
                step=self.step,
                seconds=self._seconds(),
                epoch=round(state.epoch or 0.0, 4),
                perplexity=scores.perplexity,
                mean_nll=scores.mean_nll,
                accuracy=scores.accuracy,
                positions=len(scores),
            )
        )
        self._evaluation_seconds = time.monotonic() - self._clock
        if self.step == 0:
            self._probe()
        self._clock = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        name = f"checkpoint-{self.step}"
        self._say(CheckpointSaved(step=self.step, seconds=self._seconds(), checkpoint=name))
        if self.first:
            for old in self.run.checkpoints()[:-1]:
                shutil.rmtree(old, ignore_errors=True)
        self._clock = self._saved = time.monotonic()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.stopped or self._reason is not None:
            control.should_evaluate, control.should_save = False, True  # so that it can be resumed
            return
        control.should_evaluate = self._evaluated_at != self.step
        control.should_save = self.step < self.trainer.total_steps

    def _asked_to_stop(self) -> bool:
        """Whether it is to stop; the first reason given is kept."""
        if self._reason is None:
            asked = self.should_stop() or self.run.asked_to_stop()
            self._reason = asked if isinstance(asked, str) else STOPPED if asked else None
        return self._reason is not None

    def _check_finite(self, value: float) -> None:
        require(
            math.isfinite(value),
            f"The loss is no longer a number at step {self.step}: the training diverged. Try a learning_rate below "
            f"{self.config.optimization.learning_rate:g}, some warmup_steps, or precision fp32.",
            LabError,
        )

    # What is told.

    def _say(self, event: Event) -> None:
        """Write an event down, then tell it. The last word is told even where the log can't be written any more."""
        if self._writer is None:
            return
        try:
            self._writer.append(event)
        except RunError:
            if not isinstance(event, Failed):
                raise
        self._listener(event)

    def _seconds(self) -> float:
        return round(self._earlier + time.monotonic() - self._began, 3)

    def _say_start(self, prepared: Prepared, hardware: Hardware) -> None:
        config, trainer = self.config, self.trainer
        baseline = baselines(prepared.train, trainer.held_out)
        self._say(
            RunStarted(
                step=self.step,
                seconds=self._seconds(),
                run=self.run.id,
                model=config.model,
                corpus=config.data.corpus,
                said=hardware.said,
                device=hardware.device,
                precision=hardware.precision,
                parameters=self.loaded.model.num_parameters(),
                train_chunks=len(prepared.train),
                test_chunks=len(prepared.test),
                chunk_size=config.chunking.chunk_size,
                total_steps=trainer.total_steps,
                steps_an_epoch=trainer.steps_an_epoch,
                processes=trainer.args.world_size,
                fingerprint=trainer.held_out.fingerprint.digest,
                uniform=baseline.uniform,
                unigram=baseline.unigram,
            )
        )

    def _say_stepped(self, logs: dict[str, float], epoch: float) -> None:
        trainer = self.trainer
        steps, seconds = self._trained[0] + 1, self._trained[1] + time.monotonic() - self._clock
        self._trained = steps, seconds
        left = trainer.total_steps - self.step
        # Every epoch's end that lies at this step or behind it is still to be scored.
        evaluations = math.ceil(trainer.total_steps / trainer.steps_an_epoch) - (self.step - 1) // trainer.steps_an_epoch
        if self.config.eval_steps:
            evaluations += left // self.config.eval_steps
        chunks = min(
            trainer.args.train_batch_size * trainer.args.gradient_accumulation_steps * trainer.args.world_size,
            len(trainer.chunks),
        )
        grad_norm = logs.get("grad_norm", math.nan)
        self._say(
            Stepped(
                step=self.step,
                seconds=self._seconds(),
                epoch=round(epoch, 4),
                loss=logs["loss"],
                learning_rate=logs["learning_rate"],
                grad_norm=grad_norm if math.isfinite(grad_norm) else None,  # fp16 skips a step that overflows
                scored=int(trainer.scored),
                tokens_per_second=round(chunks * self.config.chunking.chunk_size * steps / seconds, 1),
                eta_seconds=round(left * seconds / steps + evaluations * self._evaluation_seconds, 1),
            )
        )

    def _probe(self) -> None:
        """Fill the probe sentences with the model as it is now."""
        if not self.config.probes or not self.first:
            return
        self.loaded.model.eval()
        fills = []
        with self.trainer.exactly():
            for sentence in self.config.probes:
                best = fill(self.loaded, sentence, top_k=5).blanks[0]
                self._check_finite(best[0].probability)
                fills.append((sentence, tuple((each.word, round(each.probability, 5)) for each in best)))
        self.loaded.model.train()
        self._say(Probed(step=self.step, seconds=self._seconds(), fills=tuple(fills)))


def _training_arguments(config: RunConfig, hardware: Hardware) -> TrainingArguments:
    """The run's settings in transformers' own terms. What is scored and saved when, the session decides."""
    settings = config.optimization
    args = TrainingArguments(
        output_dir="unused",
        num_train_epochs=settings.num_train_epochs,
        max_steps=settings.max_steps or -1,
        per_device_train_batch_size=settings.per_device_train_batch_size,
        per_device_eval_batch_size=settings.per_device_eval_batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        lr_scheduler_type=settings.lr_scheduler_type,
        warmup_steps=settings.warmup_steps,
        max_grad_norm=settings.max_grad_norm,
        seed=config.seed,
        use_cpu=hardware.device == "cpu",
        fp16=hardware.precision == "fp16",
        bf16=hardware.precision == "bf16",
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would hide a divergence
        eval_strategy="no",
        eval_on_start=True,
        save_strategy="no",
        report_to=config.report_to,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
    )
    args._n_gpu = min(args.n_gpu, 1)  # several GPUs go through `accelerate launch`, a process each, never DataParallel
    return args


def _check_tracker(name: str) -> None:
    packages = {"tensorboard": ("tensorboard", "tensorboardX")}.get(name, (name,))
    require(
        name == "none" or any(map(find_spec, packages)),
        f"report_to is {name!r}, but that is not installed here. Run `pip install {name}`, or leave report_to at none.",
    )


def _is_due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0
