"""localcloud: a university's own servers, made into its own JupyterHub cloud."""

__version__ = "0.1.0"
