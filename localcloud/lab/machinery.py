"""What makes and runs a lab's machines: containers, or virtual machines. One interface for both.

:class:`~localcloud.lab.lab.Lab` and the verbs know machines only by it, so what differs between
the two kinds stands in :mod:`localcloud.lab.containers` and :mod:`localcloud.lab.vm`, nowhere else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from localcloud.lab.distributions import Distribution
from localcloud.lab.state import LabState, Machine

Say = Callable[[str], None]


@dataclass(frozen=True)
class Silence:
    """What can be told of a machine that does not answer: where to look, and its last words."""

    remedy: str
    words: str


@dataclass
class Owned:
    """What a kind of machines holds of one lab: names of machines, number of saved states."""

    machines: list[str] = field(default_factory=list)
    saved: int = 0


class Machinery(ABC):
    """``directory`` is the lab's site, ``lab`` its record. Failures are LocalcloudErrors.

    A machine's status is ``running``, ``exited``, ``absent`` or a rarer word of the engine's own.
    """

    patience: ClassVar[float] = 90  # seconds that a started machine may take to answer over SSH
    waiting: ClassVar[float] = 60  # seconds that it may take to shut down in order
    loopback: ClassVar[str] = ""  # a machine's address for this computer's 127.0.0.1, if any

    @property
    @abstractmethod
    def kind(self) -> str:
        """``podman``, ``docker`` or ``qemu``."""

    def refuse(self, distribution: Distribution) -> None:  # noqa: B027 nothing to refuse is fine
        """UsageError if this computer cannot run that system in this way."""

    def ends_at_logout(self) -> bool:
        """Whether machines end with their user's last session."""
        return False

    @abstractmethod
    def ensure_system(self, distribution: Distribution, say: Say) -> str:
        """Have the system that machines start from; return its name."""

    @abstractmethod
    def ensure_network(self, directory: Path, lab: LabState) -> str:
        """Have the lab's private network; return its subnet (``a.b.c.d/n``)."""

    @abstractmethod
    def statuses(self, directory: Path, lab: LabState) -> dict[str, str]:
        """Status of each machine of the record, by name."""

    @abstractmethod
    def require(
        self, directory: Path, lab: LabState, machine: Machine, state: str, say: Say
    ) -> None:
        """UsageError unless the machine can be made from that state; a lost bare one is remade."""

    @abstractmethod
    def create(self, directory: Path, lab: LabState, machine: Machine, state: str) -> None:
        """Make the machine from a state and start it; PortTaken if one of its ports is in use."""

    @abstractmethod
    def start(self, directory: Path, lab: LabState, machine: Machine) -> None:
        """Start a machine that is there and stopped."""

    @abstractmethod
    def stop(self, directory: Path, lab: LabState, machine: Machine) -> None:
        """Shut down in order, as the power button does."""

    @abstractmethod
    def cut(self, directory: Path, lab: LabState, machine: Machine) -> None:
        """End the machine at once, as a power cut does."""

    @abstractmethod
    def remove(self, directory: Path, lab: LabState, hosts: Sequence[str]) -> None:
        """Remove machines, running or not, with all but their saved states."""

    @abstractmethod
    def save(self, directory: Path, lab: LabState, machine: Machine, name: str) -> None:
        """Keep the state of a stopped machine under a name."""

    @abstractmethod
    def saved(self, directory: Path, lab: LabState) -> list[str]:
        """Names of saved states, each as often as there are machines that have it."""

    @abstractmethod
    def refresh(self, directory: Path, lab: LabState, machine: Machine) -> None:
        """Let a running machine read the lab's files about it again."""

    @abstractmethod
    def silence(self, directory: Path, lab: LabState, machine: Machine) -> Silence:
        """What to say of a machine that does not answer."""

    def has_died(self, directory: Path, lab: LabState, machine: Machine) -> bool:
        """Whether waiting is in vain; asked often, so False where the answer is dear."""
        return False

    @abstractmethod
    def labs(self) -> set[tuple[Path, str]]:
        """Site directory and id of each lab that has machines of this kind."""

    @abstractmethod
    def owned(self, directory: Path, lab_id: str) -> Owned:
        """What there is of a lab, also if its directory and record are gone."""

    @abstractmethod
    def clear(self, directory: Path, lab_id: str) -> None:
        """Remove all of that."""

    @abstractmethod
    def forget_systems(self) -> None:
        """Remove the cached systems of all labs."""
