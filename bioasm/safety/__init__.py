"""The interlock: which stimulation is allowed. The verifier, the driver and the emulated board all ask here.

It knows nothing of programs, links or chips. Whatever is asked, it answers with refusals, each of which names the limit.
"""

from bioasm.safety.check import check, check_quantised
from bioasm.safety.guard import Guard
from bioasm.safety.history import DISCHARGE, History
from bioasm.safety.limits import DEFAULT_LIMITS, Electrode, Limits
from bioasm.safety.materials import MATERIALS, Material
from bioasm.safety.pulse import Phase, Pulse, QuantisedPulse, biphasic, quantise
from bioasm.safety.refusal import Refusal, Rule
from bioasm.safety.table import LimitsTable

__all__ = [
    "DEFAULT_LIMITS",
    "DISCHARGE",
    "MATERIALS",
    "Electrode",
    "Guard",
    "History",
    "Limits",
    "LimitsTable",
    "Material",
    "Phase",
    "Pulse",
    "QuantisedPulse",
    "Refusal",
    "Rule",
    "biphasic",
    "check",
    "check_quantised",
    "quantise",
]
