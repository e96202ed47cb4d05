"""Which module of a model runs at the moment."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from nfenergy.ground.errors import InputError


class ModuleStack:
    """The modules that run, outermost first, kept by hooks while `watch` is open.

    Attributes:
        failed: path of the innermost module that an exception ended, if nothing ran after it.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._stack: list[tuple[str, nn.Module, int]] = []
        self._calls = 0
        self.failed = ""

    @property
    def running(self) -> str:
        """Dotted path of the innermost module that runs; ``model`` for the model itself."""
        return (self._stack[-1][0] if self._stack else "") or "model"

    @property
    def module(self) -> nn.Module:
        return self._stack[-1][1] if self._stack else self._model

    @property
    def call(self) -> int:
        """Number of the innermost module's call: two calls of a module differ in it."""
        return self._stack[-1][2] if self._stack else 0

    @property
    def in_parametrization(self) -> bool:
        """Whether weights are made from weights, which an accelerator is given ready-made."""
        return any("parametrizations" in path.split(".") for path, _, _ in self._stack)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Hooks on every module that takes them; gone afterwards."""
        hooks = []
        for path, module in self._model.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            hooks.append(module.register_forward_pre_hook(self._entering(path)))
            hooks.append(module.register_forward_hook(self._leave, always_call=True))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self._stack.clear()

    def _entering(self, path: str) -> Any:
        thread = threading.get_ident()

        def enter(module: nn.Module, args: object) -> None:
            if threading.get_ident() != thread:
                raise InputError(
                    f"layer {path!r} runs in a thread of its own, where no operation is seen; call it "
                    "directly"
                )
            self._calls += 1
            self._stack.append((path, module, self._calls))

        return enter

    def _leave(self, module: nn.Module, args: object, out: object) -> None:
        if not self._stack:
            return
        path, _, _ = self._stack.pop()
        if sys.exc_info()[0] is None:
            self.failed = ""
        else:
            self.failed = self.failed or path
