"""What holds for all tests: none fails because the machine was slow, or because it was started by nohup."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # commands that tests start would inherit that it is ignored
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of what a shell without job control starts behind `&`
    signal.signal(signal.SIGINT, signal.default_int_handler)
