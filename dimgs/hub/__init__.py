"""The hub: questions, runs, laws and answers of a group; and the store of a campaign's runs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dimgs.hub.hub import Hub
    from dimgs.hub.store import RunStore

__all__ = ["Hub", "RunStore"]


def __getattr__(name: str) -> Any:
    # SQLAlchemy is loaded with the first hub or store, not with the package
    if name == "Hub":
        from dimgs.hub.hub import Hub

        return Hub
    if name == "RunStore":
        from dimgs.hub.store import RunStore

        return RunStore
    raise AttributeError(f"module 'dimgs.hub' has no attribute '{name}'")
