"""Tiny environments with the gymnasium interface, for tests that need no gymnasium."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


class Line:
    """A walk on whole numbers: action 1 goes right, 0 left. At +3 or -3 it is over; after ``limit`` steps time is up.

    Observations are (position, a random number of this moment); the reward is the new position.
    """

    action_space = SimpleNamespace(n=2)

    def __init__(self, limit: int = 6):
        self.limit, self.calls = limit, 0
        self.held = np.zeros(2)  # the same array every time, as some environments do

    def reset(self, *, seed=None):
        self.random = np.random.default_rng(seed)
        self.position, self.time = 0, 0
        return self.seen(), {}

    def seen(self):
        self.held[:] = self.position, self.random.random()
        return self.held

    def step(self, action):
        assert action in (0, 1)
        self.position += 2 * action - 1
        self.time += 1
        self.calls += 1
        over = abs(self.position) >= 3
        return self.seen(), float(self.position), over, not over and self.time >= self.limit, {}


class Keeper(Line):
    """A line that can say its own state."""

    def state_dict(self):
        return {"position": self.position, "time": self.time, "random": self.random.bit_generator.state}

    def load_state_dict(self, state):
        self.position, self.time = state["position"], state["time"]
        self.random.bit_generator.state = state["random"]


class Drifting(Line):
    """A line whose randomness does not come from the seed."""

    world = np.random.default_rng(0)

    def seen(self):
        self.held[:] = self.position, self.world.random()
        return self.held


class Push:
    """One number, pushed within [-2, 2]; the reward is the push that arrived, time is up after four steps."""

    action_space = SimpleNamespace(low=np.array([-2.0], np.float32), high=np.array([2.0], np.float32), shape=(1,))

    def reset(self, *, seed=None):
        self.place, self.time = np.random.default_rng(seed).normal(size=1).astype(np.float32), 0
        return self.place.copy(), {}

    def step(self, action):
        assert action.shape == (1,) and abs(action[0]) <= 2
        self.place, self.time = self.place + action, self.time + 1
        return self.place.copy(), -abs(float(self.place[0])), False, self.time >= 4, {}
