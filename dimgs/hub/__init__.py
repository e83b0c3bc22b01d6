"""The store of runs: write-once, failures kept, exported as tables."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dimgs.hub.store import RunStore

__all__ = ["RunStore"]


def __getattr__(name: str) -> Any:
    if name == "RunStore":
        # SQLAlchemy is loaded with the first store, not with the package
        from dimgs.hub.store import RunStore

        return RunStore
    raise AttributeError(f"module 'dimgs.hub' has no attribute '{name}'")
