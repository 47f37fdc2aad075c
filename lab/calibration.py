"""Calibration: what a spare worker does while it is idle, so that the first learner is told how long a run will take."""

import time
from collections.abc import Callable, Iterator

import torch
from torch import nn

from lab.batches import ChunkRows
from lab.config import RunConfig
from lab.evaluation import score
from lab.hardware import choose
from lab.masking import IGNORE_INDEX, mask
from lab.model import load_model, logits_at
from lab.preparation import prepare
from lab.speeds import Speed, cost, learn, shape_of, speeds

_CHUNKS = 8  # a pass: so few, that a run never waits half a second for it to end
_STEPS = 4


def calibrate() -> Iterator[None]:
    """Measure how fast the bundled model trains and scores here, unless that is known. In pieces: the caller may leave."""
    config = RunConfig(max_train_chunks=_CHUNKS, max_test_chunks=_CHUNKS)
    shape = shape_of(config.model)
    if any((known.device, known.precision, known.shape) == (config.device, config.precision, shape) for known in speeds()):
        return
    model = load_model(config.model)
    hardware = choose(config.device, config.precision, model.config.hidden_size)
    device = torch.device(hardware.device)
    model.to(device)  # type: ignore[arg-type]  # its decorator hides the signature
    narrow = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(hardware.precision)
    computing = torch.autocast(hardware.device, narrow, enabled=narrow is not None)
    prepared = prepare(config.model, config.data, config.chunking, max_train_chunks=_CHUNKS, max_test_chunks=_CHUNKS)
    batch = ChunkRows(prepared.train).__getitems__(list(range(len(prepared.train))))
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    optimizer = torch.optim.AdamW(model.parameters())
    held_out = prepared.held_out(config.scoring)
    tokens = batch["input_ids"].numel()
    clock = _clock(device)
    passing, stepping, scoring = [], [], []
    for draw in range(_STEPS):
        yield
        began = clock()
        masked = mask(
            batch["input_ids"],
            batch["word_starts"],
            batch["special_tokens_mask"],
            config.masking,
            prepared.vocabulary.to(device),
            seed=0,
            draw=draw,
            rows=batch["rows"],
        )
        where = masked.labels != IGNORE_INDEX
        model.train()
        with computing:
            logits = logits_at(model, masked.input_ids, where)
        nn.functional.cross_entropy(logits.float(), masked.labels[where]).backward()
        float(logits.detach().flatten()[0])  # a GPU is waited for
        passing.append(clock() - began)
        began = clock()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        float(next(model.parameters()).detach().flatten()[0])
        stepping.append(clock() - began)
        yield
        began = clock()
        list(score(model, held_out, range(len(held_out.chunks))))
        scoring.append(held_out.chunks.input_ids.size / (clock() - began))
    passes = max(1, config.optimization.per_device_train_batch_size // _CHUNKS)  # a step of a real run is as long as these
    learn(
        Speed(
            device=config.device,
            precision=config.precision,
            shape=shape,
            cost=cost(config, shape),
            training=tokens * passes / (min(passing) * passes + min(stepping)),
            scoring=max(scoring),
            idle=True,
        )
    )


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds that go by for the work alone: on a CPU other programs' turns don't count, so a busy hour measures as an idle
    one would."""
    if device.type == "cpu":
        return lambda: time.process_time() / torch.get_num_threads()
    return time.monotonic
