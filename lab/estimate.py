"""Estimate: how long a run will take, from what was measured on this computer, and how that is known.

A kind of model that was never measured is reckoned from one that was, by the arithmetic that a token costs in each.
"""

import math
from dataclasses import dataclass

from lab.config import RunConfig
from lab.sizes import size_of
from lab.speeds import Speed, cost, shape_of, speeds


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run will take."""

    seconds: float
    steps: int
    train_chunks: int
    tokens_per_second: float  # while it trains
    basis: str  # how that is known
    train_tokens: int  # over all epochs
    counted: bool  # the corpus was counted piece by piece, not guessed at by its size


def estimate(config: RunConfig) -> Estimate:
    """How long a run of this configuration will take here. Loads no model and no torch.

    >>> found = estimate(RunConfig(max_train_chunks=64))
    >>> found.train_chunks, found.steps, found.counted
    (64, 6, True)
    """
    shape = shape_of(config.model)
    speed, basis = _speed_for(config, shape)
    relative = speed.cost / cost(config, shape)
    size = size_of(config.data)
    train = _chunks(size.train_tokens, size.train_documents, config, config.max_train_chunks)
    test = _chunks(size.test_tokens, size.test_documents, config, config.max_test_chunks)
    chosen = config.optimization
    batches = math.ceil(train / chosen.per_device_train_batch_size)
    steps_an_epoch = math.ceil(batches / chosen.gradient_accumulation_steps)
    steps = chosen.max_steps or math.ceil(chosen.num_train_epochs * steps_an_epoch)
    tokens = round(train * config.chunking.chunk_size * steps / steps_an_epoch)
    evaluations = 1 + math.ceil(steps / steps_an_epoch) + _times(steps, config.eval_steps)
    probes = 1 + _times(steps, config.probe_steps or max(1, steps // 20)) if config.probes else 0
    saves = math.ceil(steps / steps_an_epoch) - 1 + _times(steps, config.save_steps)
    training = speed.training * relative
    seconds = _START + tokens / training + probes * speed.probe + (saves + 1) * speed.save
    seconds += evaluations * test * config.chunking.chunk_size / (speed.scoring * relative)
    said = basis if size.counted else f"{basis}; the corpus is not counted yet, and its length guessed from its size"
    return Estimate(seconds, steps, train, training, said, tokens, size.counted)


def _chunks(tokens: int, documents: int, config: RunConfig, most: int | None) -> int:
    """How many chunks so many tokens make; at least one, for a run without would not begin."""
    room = config.chunking.chunk_size
    if config.chunking.special_tokens == "chunk":
        room -= 2
    else:
        tokens += 2 * documents
    chunks = math.ceil(tokens / room) if config.chunking.remainder == "pad" else tokens // room
    return max(1, min(chunks, most or chunks))


def _times(steps: int, every: int | None) -> int:
    return steps // every if every else 0


def _speed_for(config: RunConfig, shape: tuple[int, int, int, int]) -> tuple[Speed, str]:
    """The measured speed that says most about this run, and in words how it is known."""
    known = speeds()
    if not known:
        return _GUESS, "a guess: nothing has been measured on this computer yet"
    wanted = (config.device, config.precision)

    def distance(speed: Speed) -> tuple[bool, bool, bool, float]:
        device, precision = speed.device != wanted[0], speed.precision != wanted[1]
        return device, speed.shape != shape, precision, abs(math.log(speed.cost / cost(config, shape)))

    best = min(known, key=distance)
    if (best.device, best.precision) == wanted and best.shape == shape:
        return best, "measured on this computer while it was idle" if best.idle else "measured on the last run like this"
    if best.shape == shape:
        return best, "measured on this computer with another precision or device"
    return best, "reckoned from the speed of a model of another size on this computer"


_START = 1.0  # seconds from the start of a run to its first event

# Two cores with AVX-512 and the bundled model, until something has been measured.
_GUESS = Speed(
    device="auto", precision="auto", shape=(384, 6, 1536, 30_522), cost=1.3e7, training=2500, scoring=5000, idle=True
)
