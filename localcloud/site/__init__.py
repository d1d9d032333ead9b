"""A site: the directory that says which servers there are and what they shall be."""

from localcloud.site.endpoints import Endpoint
from localcloud.site.load import load_site
from localcloud.site.model import Host, Site

__all__ = ["Endpoint", "Host", "Site", "load_site"]
