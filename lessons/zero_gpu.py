"""ZeroGPU: what a Space of that kind asks of an app before it lets it start. Imported there only, before anything heavy.

The lab trains in a worker process, for longer than ZeroGPU lends a GPU, and so on the CPU: `lab.hardware` says so.
"""

import spaces  # comes with the Space

from lab.config import Device


@spaces.GPU
def asks_for_a_gpu() -> Device:
    """ZeroGPU starts no app in which no function asks for its GPU."""
    return "cuda"
