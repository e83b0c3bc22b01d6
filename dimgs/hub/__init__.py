"""The hub: questions, runs, laws and answers of a group; and the store of a campaign's runs.

SQLAlchemy is loaded with the first hub or store, not with the package.
"""

from typing import TYPE_CHECKING

from dimgs.common.lazy import on_first_use

if TYPE_CHECKING:
    from dimgs.hub.hub import Hub as Hub
    from dimgs.hub.store import RunStore as RunStore

__getattr__, __dir__, __all__ = on_first_use(__name__, {"hub": "Hub", "store": "RunStore"})
