"""The journey, as a sysadmin runs it."""


def test_localcloud_verify_passes(localcloud):
    localcloud("verify")
