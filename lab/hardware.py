"""Hardware: on what device a model computes and in which number format, chosen by what is there, and said in words."""

import os
import time
from dataclasses import dataclass
from functools import cache

import torch

from lab.config import Device, Precision
from lab.errors import require

_WORTH_IT = 1.15  # a narrower number format must be so many times faster before it is chosen


@dataclass(frozen=True, slots=True)
class Hardware:
    """A choice of device and precision, and the sentence that says why."""

    device: str  # "cpu", "cuda" or "mps"
    precision: str  # "fp32", "bf16" or "fp16"
    said: str


def choose(device: Device = "auto", precision: Precision = "auto", width: int = 384) -> Hardware:
    """Choose by what is there; what is given is taken, or refused with a reason. `width` is the model's hidden size.

    fp16 on CUDA (with gradient scaling in training); bf16 on a CPU that has it in hardware and measures faster with it;
    else fp32.

    >>> choose("cpu", "fp32").said.endswith("in fp32, as asked.")
    True
    """
    chosen = choose_device(device)
    where = describe(chosen)
    if precision != "auto":
        require(
            not (precision == "fp16" and chosen != "cuda"),
            f"precision fp16 needs a CUDA GPU, and this run is on {where}. Use bf16, fp32 or auto.",
        )
        return Hardware(chosen, precision, f"Computing on {where} in {precision}, as asked.")
    if chosen == "cuda":
        return Hardware(chosen, "fp16", f"Computing on {where} in fp16, with gradient scaling in training.")
    if chosen == "cpu" and bf16_in_hardware():
        gain = bf16_gain(width)
        if gain >= _WORTH_IT:
            return Hardware(chosen, "bf16", f"Computing on {where} in bf16: {gain:.1f} times as fast as fp32 here.")
        return Hardware(chosen, "fp32", f"Computing on {where} in fp32: bf16 gains nothing here ({gain:.1f} times).")
    return Hardware(chosen, "fp32", f"Computing on {where} in fp32.")


def on_zero_gpu() -> bool:
    """Whether this is a Space with ZeroGPU, whose GPU is there for one function and about a minute at a time."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


ZERO_GPU = (
    "This Space has ZeroGPU, which lends a GPU to one function for a minute at a time. Training takes longer, so the lab "
    "computes on the CPU. For a GPU of its own, choose other hardware in the Space's settings."
)


def choose_device(device: Device = "auto") -> str:
    """The device asked for, or the best there is. Raises SettingError if it isn't there."""
    require(device != "cuda" or not on_zero_gpu(), ZERO_GPU)
    # What ZeroGPU shows of a GPU is gone as soon as it is used outside the function that it was lent to.
    there = {"cpu": True, "cuda": torch.cuda.is_available() and not on_zero_gpu(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    require(
        there.get(device, False),
        f"device is {device!r}, which this computer doesn't have. It has: {', '.join(d for d in there if there[d])}.",
    )
    return device


def describe(device: str) -> str:
    """A device in words: "a GPU (NVIDIA H200)", "2 CPU cores"."""
    if device == "cuda":
        return f"a GPU ({torch.cuda.get_device_name()})"
    if device == "mps":
        return "an Apple GPU"
    return f"{torch.get_num_threads()} CPU core{'s' if torch.get_num_threads() > 1 else ''}"


def bf16_in_hardware() -> bool:
    """Whether this CPU multiplies bf16 natively (AVX512-BF16 or AMX)."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@cache
def bf16_gain(width: int) -> float:
    """How many times faster a layer of this width trains in bf16 autocast than in fp32, measured here in about 0.1 s."""
    layer = torch.nn.Sequential(torch.nn.Linear(width, 4 * width), torch.nn.GELU(), torch.nn.Linear(4 * width, width))
    x = torch.randn(1024, width)

    def seconds(narrow: bool) -> float:
        best = float("inf")
        for _ in range(4):
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
                loss = layer(x).float().square().mean()
            loss.backward()
            best = min(best, time.perf_counter() - start)
        return best

    return seconds(False) / seconds(True)


def cpu_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
