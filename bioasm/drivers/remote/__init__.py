"""The driver `remote`: runs programs as jobs of `bioasm serve` on another machine. docs/remote.md specifies the protocol."""
