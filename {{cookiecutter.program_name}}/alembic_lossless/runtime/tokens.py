"""How Alembic calls the part of a revision that is for one of several databases."""


def database_in(upgrade_token: str) -> str:
    """Return the name of a database: "auth" of "auth_upgrades".

    :param upgrade_token: what env.py called the part; the only database of a project
        has Alembic's own word, "upgrades", and no name.
    """
    return upgrade_token.removesuffix("upgrades").removesuffix("_")
