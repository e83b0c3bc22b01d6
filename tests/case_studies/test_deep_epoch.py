"""All pairs of a batch cost hardly more numbers than its runs: none of the pairs is formed."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")


@pytest.mark.slow
def test_all_pairs_cost_hardly_more_than_plain_regression() -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    from case_studies.benchmarks.deep_epoch import epochs

    class Numbers(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """How many numbers all operations inside the block make."""

        made = 0

        def __torch_dispatch__(
            self, function: Any, types: Any, args: Any = (), kw: Any = None
        ) -> Any:
            out = function(*args, **(kw or {}))
            parts = out if isinstance(out, (tuple, list)) else (out,)
            self.made += sum(x.numel() for x in parts if isinstance(x, torch.Tensor))
            return out

    cost = {}
    for name, epoch in epochs(10_000).items():
        with Numbers() as numbers:  # type: ignore[no-untyped-call]
            epoch()
        cost[name] = numbers.made
    for kind in set(cost) - {"plain", "sampled pairs"}:
        assert cost["plain"] < cost[kind] < 1.3 * cost["plain"]
    assert cost["sampled pairs"] > 1.5 * cost["plain"]
