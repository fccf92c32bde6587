"""A ring of experience on disk: several environments under one clock, windows that never cross the write head."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from hrssm.replay.samplers import Law, Uniform

__all__ = ["Field", "ReplayBuffer"]


class Field(NamedTuple):
    """What one environment writes at one step: the shape and type of its array."""

    shape: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32


class ReplayBuffer:
    """The last ``capacity`` steps of ``environments`` environments that are stepped together.

    One write counter n is the clock. Step k is kept in slot k modulo the ring's length, so that the entries stay in
    the order of their age whatever has been evicted: the one of age rank k, 0 the oldest, is in slot
    (n - min(n, capacity) + k) modulo the length. A window may cross the end of an episode (store a flag, and reset
    where it is set), but not the write head: it is ``length`` steps that followed each other in one environment.

    fields: what a step holds, by name. directory: where the ring is kept, a file per field, through NumPy's memory
    maps; None keeps it in memory. law: by which a window's start is drawn among those that are there (environments are
    drawn uniformly). generator: what draws, a torch.Generator on the CPU. spare: how many steps may be written after a
    checkpoint before the ring overwrites what that checkpoint shows; the ring is that much longer than its capacity.

    Raises ValueError for a capacity or a number of environments below one, a negative ``spare``, and a directory that
    holds a ring of other fields or of another length.
    """

    def __init__(
        self,
        fields: Mapping[str, Field],
        capacity: int,
        generator: torch.Generator,
        *,
        environments: int = 1,
        law: Law | None = None,
        directory: Path | None = None,
        spare: int = 0,
    ) -> None:
        if capacity < 1 or environments < 1 or spare < 0:
            raise ValueError(
                f"capacity = {capacity}, environments = {environments}, spare = {spare}: a ring needs room for one "
                "step of one environment, and its spare steps cannot be negative."
            )
        self.fields, self.capacity, self.environments = dict(fields), capacity, environments
        self.law, self.generator, self.directory = law or Uniform(), generator, directory
        self.count = 0
        self._slots = capacity + spare
        self._files: list[np.memmap] = []
        self._ring = {name: self._open(name, field) for name, field in self.fields.items()}
        self._rows = {name: torch.from_numpy(ring).flatten(0, 1) for name, ring in self._ring.items()}

    def __len__(self) -> int:
        """How many steps of each environment are there to be drawn."""
        return min(self.count, self.capacity)

    def add(self, **rows: ArrayLike) -> None:
        """One step of every environment: each field's array (environments, *shape).

        Raises ValueError for fields or shapes other than those declared.
        """
        if rows.keys() != self.fields.keys():
            raise ValueError(
                f"fields {sorted(rows)} were given; this ring keeps {sorted(self.fields)}: give each of them."
            )
        slot = self.count % self._slots
        for name, ring in self._ring.items():
            row = np.asarray(rows[name])
            target = ring[:, slot]
            if row.shape != target.shape:
                raise ValueError(
                    f"{name} has shape {row.shape}; a step of this ring has shape {target.shape}, environments first."
                )
            target[...] = row
        self.count += 1

    def sample(self, batch: int, length: int) -> dict[str, Tensor]:
        """``batch`` windows of ``length`` steps: each field (batch, length, *shape), copied out of the ring.

        Raises ValueError while the ring holds fewer steps than a window.
        """
        starts = len(self) - length + 1
        if length < 1 or starts < 1:
            raise ValueError(
                f"a window of {length} steps was asked for and the ring holds {len(self)} of at most {self.capacity}: "
                "fill it further before the first draw, or ask for shorter windows."
            )
        s = 1 - torch.rand(2, batch, generator=self.generator, dtype=torch.float64)
        environment = (self.environments * (1 - s[1])).long()
        return self.windows(self.law.place(s[0], starts), environment, length)

    def windows(self, starts: Tensor, environments: Tensor, length: int) -> dict[str, Tensor]:
        """The windows that begin at the age ranks ``starts`` (batch,) of these environments (batch,)."""
        slots = (self.count - len(self) + starts[:, None] + torch.arange(length)) % self._slots
        rows = (environments[:, None] * self._slots + slots).flatten()
        found = {name: ring.index_select(0, rows) for name, ring in self._rows.items()}
        return {name: row.unflatten(0, (len(starts), length)) for name, row in found.items()}

    def state_dict(self) -> dict[str, Any]:
        """The counter, the generator and the ring: in memory its arrays, on disk what recognises its files, which are
        flushed."""
        state = {"count": self.count, "generator": self.generator.get_state(), "ends": self._ends()}
        if self.directory is None:
            written = min(self.count, self._slots)
            return state | {
                "ring": {name: torch.from_numpy(ring[:, :written].copy()) for name, ring in self._ring.items()}
            }
        for file in self._files:
            file.flush()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to ``state``: whatever was written after it is forgotten.

        Raises ValueError if the ring is not the one of this state: no files, another run's, or steps overwritten since.
        """
        for name, ring in state.get("ring", {}).items():
            self._ring[name][:, : ring.shape[1]] = ring.cpu().numpy()
        self.count = state["count"]
        if self._ends() != state["ends"]:
            where = f"the files in {self.directory}" if self.directory else "this ring in memory"
            raise ValueError(
                f"the checkpoint belongs to a ring of {self.count} steps, and {where} hold other steps: the ring was "
                f"moved, replaced, or overwritten more than {self._slots - self.capacity} steps past the checkpoint. "
                "Put the ring's files back beside the checkpoint, or start the run over; a larger spare, or "
                "checkpoints more often, keep the ring intact."
            )
        self.generator.set_state(state["generator"])

    def _ends(self) -> list[int]:
        """Checksums of the oldest and the newest step: what is overwritten first, and what is written last."""
        if self.count == 0:
            return []
        ends = (self.count - len(self)) % self._slots, (self.count - 1) % self._slots
        sums = []
        for slot in ends:
            checksum = 0
            for ring in self._ring.values():
                checksum = zlib.crc32(np.ascontiguousarray(ring[:, slot]).tobytes(), checksum)
            sums.append(checksum)
        return sums

    def _open(self, name: str, field: Field) -> np.ndarray:
        shape = (self.environments, self._slots, *field.shape)
        dtype = torch.empty((), dtype=field.dtype).numpy().dtype
        if self.directory is None:
            return np.zeros(shape, dtype)
        path = self.directory / f"{name}.npy"
        if not path.exists():
            self.directory.mkdir(parents=True, exist_ok=True)
            found = np.lib.format.open_memmap(path, "w+", dtype, shape)
        else:
            found = np.lib.format.open_memmap(path, "r+")
        if found.shape != shape or found.dtype != dtype:
            raise ValueError(
                f"{path} holds a ring of shape {found.shape} and type {found.dtype}; this one is of shape {shape} and "
                f"type {dtype}. Give another directory, or delete this one to start afresh."
            )
        self._files.append(found)
        return np.asarray(found)  # a plain array: writing through np.memmap itself is slower
