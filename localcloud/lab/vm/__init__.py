"""Practice machines as virtual machines of QEMU: no libvirt, no root, no image download."""

KIND = "qemu"
