"""A student's journey through a live hub, by its public address, as a browser would go.

:func:`journey` sends throw-away users through the real login form, starts their servers, runs a
cell in each, checks that they are private from each other, and cleans up.
"""

from localcloud.journey.accounts import Account, Accounts, Login
from localcloud.journey.load import journey
from localcloud.journey.report import JourneyReport, Step

__all__ = ["Account", "Accounts", "JourneyReport", "Login", "Step", "journey"]
