"""Users, passwords and tokens."""

import pytest
from sqlalchemy import select

from dimgs.common.errors import InputError
from dimgs.hub import Hub, accounts
from dimgs.hub.schema import tokens, users


def test_passwords_are_kept_as_argon2id(hub: Hub) -> None:
    accounts.set_user(hub.database, "bob", "reviewer", "correct horse battery")
    assert accounts.check_password(hub.database, "bob", "correct horse battery")
    assert not accounts.check_password(hub.database, "bob", "correct horse")
    assert not accounts.check_password(hub.database, "eve", "correct horse battery")
    with hub.database.transaction(read=True) as connection:
        (kept,) = connection.execute(select(users.c.password)).scalars()
    assert kept.startswith("$argon2id$")
    with pytest.raises(InputError, match="A password has 10 to"):
        accounts.set_user(hub.database, "bob", "reviewer", "short")
    # another role leaves the password
    accounts.set_user(hub.database, "bob", "reader")
    assert accounts.check_password(hub.database, "bob", "correct horse battery")
    assert accounts.role_of(hub.database, "bob") == "reader"


def test_a_token_stands_for_its_user_until_it_is_revoked_or_ends(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.set_user(hub.database, "bob", "reviewer")
    token = accounts.new_token(hub.database, "bob", 30, "write")
    id, secret = token.split(".")
    assert len(secret) >= 43
    assert accounts.bearer(hub.database, token) == accounts.Bearer("bob", "write")
    for wrong in ("", ".", id, f"{id}.", f"{id}.{secret[:-1]}", f"{id[:-1]}.{secret}", secret):
        assert accounts.bearer(hub.database, wrong) is None
    with hub.database.transaction(read=True) as connection:
        row = connection.execute(select(tokens)).one()
    assert secret not in str(row)
    with monkeypatch.context() as later:
        later.setattr(accounts, "now", lambda: row.expires)
        assert accounts.bearer(hub.database, token) is None
    assert accounts.revoke(hub.database, token)
    assert accounts.bearer(hub.database, token) is None
    assert not accounts.revoke(hub.database, "nothing")


@pytest.mark.parametrize(
    ("days", "scope", "name", "message"),
    [
        (0, "read", "bob", "lasts for up to"),
        (1e9, "read", "bob", "lasts for up to"),
        (float("nan"), "read", "bob", "lasts for up to"),
        (1, "everything", "bob", "There is no scope"),
        (1, "read", "eve", "There is no user 'eve'"),
    ],
)
def test_a_token_that_cannot_be_made_is_reported(
    hub: Hub, days: float, scope: str, name: str, message: str
) -> None:
    accounts.set_user(hub.database, "bob", "reader")
    with pytest.raises(InputError, match=message):
        accounts.new_token(hub.database, name, days, scope)


@pytest.mark.parametrize("name", ["", " a", "a/b", "<b>", "a\nb", "x" * 101, "a\u202eb"])
def test_names_that_would_mislead_are_refused(hub: Hub, name: str) -> None:
    with pytest.raises(InputError, match="is not a name of a user"):
        accounts.set_user(hub.database, name, "reader")
