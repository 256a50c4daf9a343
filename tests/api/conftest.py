"""The folder and the fake driver of the tests of the command line serve those of the Python API too."""

from tests.cli.conftest import fake, folder

__all__ = ["fake", "folder"]
