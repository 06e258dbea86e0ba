# SPDX-License-Identifier: Apache-2.0
"""A backend in a few lines: rows of three numbers in, their doubles out."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mgn_fast import DeviceError
from mgn_fast.inference.backend import FutureBatch


class FakeLane:
    """Doubles its input."""

    def __init__(self, model):
        self.model = model
        self.input = np.zeros((model.batch_size, 3), np.float32)
        self.thread = ThreadPoolExecutor(1)
        self.batch = None
        self.number = model.num_opened
        model.num_opened += 1

    def submit(self, count):
        self.batch = FutureBatch(self.thread, self.run, count)
        return self.batch

    def idle(self):
        return self.batch is None or self.batch.done()

    def require_alive(self):
        if self.number in self.model.dead:
            raise DeviceError(f"lane {self.number} is dead", call="run", code=7)

    def run(self, count):
        self.model.counts.append(count)
        if self.model.gate is not None:
            assert self.model.gate.wait(10)
        time.sleep(self.model.delay_s)
        if self.model.fail:
            raise DeviceError("the device is lost", call="run", code=7)
        return 2 * self.input[:count]

    def close(self):
        self.thread.shutdown()


class FakeModel:
    """As slow, or as blocked, or as broken, as its attributes say."""

    backend = "fake"
    path = Path("fake")
    contract = None
    input_shape = (3,)
    input_dtype = np.dtype(np.float32)
    embedding_width = 3
    output_widths = (3,)
    num_engines = 1
    device_bytes = None
    simulated = False

    def __init__(self, batch_size=4, *, fixed=False, delay_s=0.0):
        self.batch_size = batch_size
        self.batch_sizes = (batch_size,) if fixed else tuple(range(1, batch_size + 1))
        self.delay_s = delay_s
        self.gate = None
        self.fail = False
        self.dead = set()
        self.num_opened = 0
        self.counts = []

    def open_lane(self):
        return FakeLane(self)

    def close(self):
        self.closed = True


class StallingModel(FakeModel):
    """One batch takes much longer than the others."""

    def __init__(self, *args, stalled_batch, stall_s, **options):
        super().__init__(*args, **options)
        self.stalled_batch = stalled_batch
        self.stall_s = stall_s

    def open_lane(self):
        return StallingLane(self)


class StallingLane(FakeLane):
    def run(self, count):
        if len(self.model.counts) == self.model.stalled_batch:
            time.sleep(self.model.stall_s)
        return super().run(count)
