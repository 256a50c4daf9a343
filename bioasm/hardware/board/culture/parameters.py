"""All parameters of the simulated culture, with their units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CultureParameters:
    """Parameters of the neurons, the electrodes and the tissue between them. Voltages of membranes count from rest.

    The values are plain choices of the usual size for a planar array of 200 um pitch, not a fit to one preparation.
    """

    # electrodes and geometry
    units_per_electrode: int = 4  # neurons near enough to one electrode to be seen by it
    pitch_um: float = 200.0  # distance of neighbouring electrodes on their square grid, um
    nearest_um: float = 15.0  # distance at which the weight 1/r of a neuron is 1, um
    farthest_um: float = 30.0  # the farthest that a neuron of an electrode lies from it, um

    # neurons: leaky integrate-and-fire, one step a millisecond
    tau_ms: float = 20.0  # membrane time constant, ms
    threshold_mv: float = 10.0  # spike threshold above rest, mV
    noise_mv: float = 4.0  # standard deviation of the membrane without a threshold, mV
    refractory_ms: int = 3  # no spike for so long after one, ms
    partners: int = 6  # neurons that each neuron has synapses on
    excitatory_share: float = 0.8  # share of neurons whose synapses excite; the others inhibit
    excitation_mv: float = 0.4  # jump of the membrane from one exciting spike, mV
    inhibition_mv: float = 1.6  # the same from an inhibiting one, downwards, mV

    # what electrodes see, microvolts
    smallest_spike_uv: float = 120.0  # the smallest trough of a spike at weight 1, uV; drawn evenly up to the next
    largest_spike_uv: float = 260.0  # the largest trough at weight 1, uV
    noise_uv: float = 4.5  # noise of electrode, tissue and amplifier together, uVrms
    field_uv: float = 20.0  # slow field potential, uVrms
    field_tau_ms: float = 50.0  # its correlation time, ms

    # what stimulation does
    excitation_mv_per_nc: float = 14.0  # what 1 nC of cathodic charge adds to a membrane at weight 1, mV; falls as 1/r^2
    excitation_tau_ms: float = 5.0  # over which it is added, ms
    access_kohm: float = 10.0  # resistance of electrode and tissue, kilohm: what neighbours see of a current while it flows
    artefact_uv_per_nc: float = 200.0  # what is left after a pulse of 1 nC a phase, uV
    artefact_tau_ms: float = 1.2  # how fast that decays, ms
    crosstalk: float = 0.02  # share of an electrode's artefact that its neighbour sees; falls as 1/r
