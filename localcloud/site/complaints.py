"""Everything that is wrong with a site, collected first and reported together."""

from dataclasses import dataclass, field
from pathlib import Path

from localcloud.errors import UsageError
from localcloud.i18n import _, ngettext


@dataclass(frozen=True)
class Complaint:
    """One problem. ``line`` and ``column`` count from 1; 0 means unknown."""

    message: str
    remedy: str = ""
    file: Path | None = None
    line: int = 0
    column: int = 0
    quote: str = ""

    def where(self, directory: Path) -> str:
        if self.file is None:
            return ""
        file = (
            self.file.relative_to(directory) if self.file.is_relative_to(directory) else self.file
        )
        numbers = [str(number) for number in (self.line, self.column) if number]
        return ":".join([str(file), *numbers])


@dataclass
class Complaints:
    """A list of complaints about one site directory; the same complaint counts once."""

    directory: Path
    found: list[Complaint] = field(default_factory=list)

    def add(self, complaint: Complaint) -> None:
        if complaint not in self.found:
            self.found.append(complaint)

    def raise_if_any(self) -> None:
        """Raise one UsageError that names every problem with its file and line."""
        if not self.found:
            return
        if len(self.found) == 1:
            only = self.found[0]
            details = "\n".join(part for part in (only.where(self.directory), only.quote) if part)
            raise UsageError(only.message, only.remedy, details)
        number = len(self.found)
        message = ngettext(
            "The site {directory} has {number} problem.",
            "The site {directory} has {number} problems.",
            number,
        ).format(directory=self.directory, number=number)
        remedy = _("Correct them in the files named; no host was touched.")
        raise UsageError(message, remedy, "\n".join(self._lines()))

    def _lines(self) -> list[str]:
        def order(complaint: Complaint) -> tuple[str, int]:
            return str(complaint.file or ""), complaint.line

        lines: list[str] = []
        for complaint in sorted(self.found, key=order):
            where = complaint.where(self.directory)
            lines.append(f"{where}: {complaint.message}" if where else complaint.message)
            lines += [f"    {line}" for line in complaint.quote.splitlines()]
            if complaint.remedy:
                lines.append(f"    {complaint.remedy}")
        return lines
