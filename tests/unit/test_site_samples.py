"""The sample sites that come with the kit are in order, and look like what the tools write."""

import pytest

from localcloud import paths
from localcloud.site import load_site


@pytest.mark.parametrize("name", sorted(path.name for path in paths.samples_dir().iterdir()))
def test_samples_load_and_stay_as_they_are(name):
    directory = paths.samples_dir() / name
    before = sorted(directory.rglob("*"))
    site = load_site(directory, need_secrets=False)
    assert site.hosts and site.endpoints()[0].url
    assert sorted(directory.rglob("*")) == before


def test_urls_of_the_samples():
    urls = {
        name: load_site(paths.samples_dir() / name, need_secrets=False).endpoints()[0].url
        for name in ("one-server", "lab")
    }
    assert urls == {"one-server": "https://hub.example.edu", "lab": "http://127.0.0.1:8001"}
