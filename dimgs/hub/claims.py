"""What became of a job: waiting, running, done or failed."""

import time
from typing import Any

from sqlalchemy import Connection, select

from dimgs.hub.tables import claims

# a job whose worker died may have been what killed it
MOST_ATTEMPTS = 3


def status_of(connection: Connection, id: str) -> dict[str, Any]:
    """State of a job: waiting, running, done or failed."""
    row = connection.execute(select(claims).where(claims.c.job == id)).first()
    if row is None:
        return {"state": "waiting", "attempts": 0, "reason": ""}
    if row.state == "running" and row.until < time.time():
        over = row.attempts >= MOST_ATTEMPTS
        reason = "Its worker died."
        state = "failed" if over else "waiting"
        return {"state": state, "attempts": row.attempts, "reason": reason}
    return {"state": row.state, "attempts": row.attempts, "reason": row.reason}
