"""Spans of time in words."""

from localcloud.i18n import _, number


def exact(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 9.95:
        return _("{seconds} s").format(seconds=number(seconds, 1))
    whole = round(seconds)
    if whole < 60:
        return _("{seconds} s").format(seconds=whole)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=f"{rest:02}")
    hours, minutes = divmod(minutes, 60)
    return _("{hours} h {minutes} min").format(hours=hours, minutes=f"{minutes:02}")


def clock(seconds: float) -> str:
    """A running time that does not jump in width: ``7 s``, ``3 min 05 s``."""
    return exact(float(int(seconds))) if seconds >= 10 else f"{int(seconds)} s"


def left(seconds: float) -> str:
    """A remaining time, as coarse as it is known."""
    if seconds < 10:
        return _("a few seconds left")
    if seconds < 100:
        return _("about {seconds} s left").format(seconds=round(seconds / 10) * 10)
    return _("about {minutes} min left").format(minutes=round(seconds / 60))
