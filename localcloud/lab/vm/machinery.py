"""Virtual machines: not yet."""

from localcloud.errors import UsageError
from localcloud.lab.machinery import Machinery


class VirtualMachines(Machinery):
    @classmethod
    def detect(cls) -> "VirtualMachines":
        raise UsageError("-", "-")
