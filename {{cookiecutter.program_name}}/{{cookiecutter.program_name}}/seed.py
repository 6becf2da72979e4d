"""Friends to develop with: `flask seed` adds those that are missing.

What production needs too, such as a list of countries, is a data migration instead.
"""

from sqlalchemy import func, select

from .db import db
from .fields import NewFriend
from .models import Friend
from .store import add_friend

EXAMPLES = (
    NewFriend("Amina Yusuf", "Nairobi", ["chess", "running"]),
    NewFriend("Bruno Keller", "Bern", ["climbing"]),
    NewFriend("Chiara Rossi", "Torino", ["chess", "cooking"]),
    NewFriend("Dai Nakamura", None, ["cooking", "running"]),
)
NAMES = [friend.name for friend in EXAMPLES]


def seed() -> int:
    """Add the examples that are missing, by name, and return how many they were."""
    there = set(db.session.scalars(select(Friend.name).where(Friend.name.in_(NAMES))))
    missing = [friend for friend in EXAMPLES if friend.name not in there]
    for friend in missing:
        add_friend(friend)
    return len(missing)


def count_others() -> int:
    """Return how many friends are no examples: somebody uses this database."""
    others = select(func.count()).select_from(Friend).where(Friend.name.not_in(NAMES))
    return db.session.scalar(others) or 0
