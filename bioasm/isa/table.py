"""The instruction table: one row an instruction, from which everything else about instructions derives.

Opcode numbers are written down here and never given to another instruction. Numbers from 0xE0 up are left to
experiments outside of this table. Its parts `control_rows.py` and `spin_rows.py` hold registers and jumps, and what is for
spins alone.
"""

from __future__ import annotations

from bioasm.isa import kinds as k
from bioasm.isa.control_rows import CONTROL_ROWS
from bioasm.isa.rows import TO, Row, Slot, Trait, network
from bioasm.isa.spin_rows import ISING3, SPIN_ROWS

__all__ = [
    "BY_MNEMONIC",
    "BY_OPCODE",
    "GROUPS",
    "ISA_VERSION",
    "MAX_OPERANDS",
    "OPCODES",
    "ROWS",
    "Row",
    "Slot",
    "Trait",
    "group_of",
]

ISA_VERSION = 3

_T = Trait
_CELLS = "POP cells, lif_critical, 2\n"
_LEAK = """\
.mechanism leak {
  "a leak of potassium"
  parameters:
    g = 1 nS >= 0  "conductance"
    E = -77 mV  "reversal potential"
  uses:
    v : V
  adds:
    I += -g*(held(v) - E)
}
"""

ROWS: tuple[Row, ...] = (
    # --- the core, as pykoppu named it ----------------------------------------------------------------
    Row(
        "ALC",
        0x01,
        (Slot("n", k.COUNT),),
        "allocate n neurons",
        "Allocates n neurons of the chosen model (`lif_critical` without a MODEL before it) in their initial state. "
        "A program allocates once. Couplings and biases start at zero.",
        "ALC 4\nRUN 10 ms\nRD\n",
        _T.HOST,
    ),
    Row(
        "LDJ",
        0x02,
        (Slot("couplings", k.MATRIX),),
        "load the couplings J",
        "Sets the couplings of the energy E(s) = -1/2 s'Js - h's + offset. The matrix is n x n, dense or sparse, "
        "symmetric or not. In the LIF twin the feedback current is J s + h with J as given; a model of spins follows "
        "the energy and therefore uses (J + J')/2.",
        "ALC 2\nLDJ [[0, -1], [-1, 0]]\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
    ),
    Row(
        "LDH",
        0x03,
        (Slot("biases", k.VECTOR),),
        "load the biases h",
        "Sets the biases of the energy E(s) = -1/2 s'Js - h's + offset, one for each neuron.",
        "ALC 2\nLDH [0.5, -0.5]\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
    ),
    Row(
        "SIG",
        0x04,
        (Slot("level", k.NOISE),),
        "set the noise",
        "Sets the noise strength from now on: for the LIF twin sigma in volts, the standard deviation that the "
        "membrane would have without a threshold; for Ising models the temperature, in units of energy.",
        "ALC 4\nSIG 2 mV\nRUN 10 ms\nRD\n",
    ),
    Row(
        "RUN",
        0x05,
        (Slot("duration", k.DURATION),),
        "run the dynamics",
        "Runs for a time, or for a number of sweeps if the model's clock counts sweeps. A run ends at the first step at or "
        "after the requested time; the fraction of a step is carried over, so that three thirds of a second make one second.",
        "ALC 4\nRUN 10 ms\nRD\n",
        _T.NEURONS,
    ),
    Row(
        "RST",
        0x06,
        (),
        "back to the initial state",
        "Resets all neurons to their initial state, except clamped ones. The clock is not reset, so that new noise follows; "
        "couplings, inputs, clamps, parameters, recordings and the best state seen are kept.",
        "ALC 4\nRUN 10 ms\nRST\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
    ),
    Row(
        "RD",
        0x07,
        (Slot("what", k.OBSERVABLE_NAME, optional=True),),
        "emit a result",
        "Appends an observable to the results of the run; the default is the state. `bioasm models NAME` lists the "
        "observables of a model. `RD cells[0:800].v` reads a part of the neurons.",
        "ALC 4\nRUN 10 ms\nRD energy\n",
        _T.NEURONS | _T.HOST,
    ),
    Row(
        "LDT",
        0x08,
        (Slot("terms", k.TERMS),),
        "load couplings of order 3 and higher",
        "Adds the terms -sum_t w_t prod_{i in t} s_i to the energy, as needed for k-PUBO (HUBO) or k-SAT problems. The terms "
        "replace those of an earlier LDT.",
        "MODEL ising\nALC 3\nLDT terms(3) { 0 1 2 -1.0 }\nSIG 0.5\nRUN 10 sweeps\nRD best_energy\n",
        _T.NEURONS | _T.HOST,
        "kbody",
    ),
    Row(
        "LDO",
        0x09,
        (Slot("offset", k.SCALAR),),
        "load the offset of the energy",
        "Sets the constant that is added to every reported energy, so that it equals the objective of the original problem.",
        "MODEL ising\nALC 2\nLDO -3\nRD energy\n",
    ),
    Row(
        "LDS",
        0x0A,
        (Slot("states", k.STATES),),
        "load the states of neurons",
        "Sets the state variable of every neuron, the one that CLAMP holds: a spin to -1 or +1, a membrane to a voltage. A "
        "vector applies to all lanes; with a matrix lane k takes row k, cyclically if there are fewer rows. Clamped neurons "
        "do not change, nor do clocks, inputs and the best state so far; states to which spins are set are considered for it. "
        "RST goes back to the model's own initial state.",
        ISING3 + "SIG 0.1\nLDS [[1, 1, -1], [-1, 1, 1]]\nRD\nRUN 5 sweeps\nRD\n",
        _T.NEURONS | _T.HOST,
        "start",
        since=2,
    ),
    *SPIN_ROWS,
    # --- model and parameters -------------------------------------------------------------------------
    Row(
        "MODEL",
        0x10,
        (Slot("name", k.MODEL_NAME),),
        "choose the neuron model",
        "Chooses the model of the neurons that ALC allocates. It precedes ALC, at most once. `bioasm models` lists the models.",
        "MODEL ising\nALC 4\nSIG 1\nRUN 5\nRD\n",
        _T.HOST,
    ),
    Row(
        "SET",
        0x11,
        (Slot("parameter", k.PARAMETER_NAME), Slot("value", k.VALUE)),
        "set a parameter or a state",
        "Sets a parameter for all neurons, or for each if the value is a vector or drawn from a distribution: "
        "`SET tau, normal(20 ms, 2 ms)`, `uniform(low, high)`, `lognormal(mean, sd)`, `choice(a, b)`. Parameters of time "
        "stepping (such as `dt`) and words can only be set before ALC. Until the first RUN initial values are recomputed, "
        "except for states set by LDS, CLAMP or SET. A state is set likewise, in all lanes, at the current time: the next "
        "step starts from it. Clamped neurons do not change, refractory ones remain refractory, and RST restores the model's "
        "own initial value. `SET cells[0:800].tau` sets a part of the neurons, and the others keep their values; later "
        "settings override earlier ones.",
        "ALC 2\nSET I_offset, 0.39 nA\nSET tau, [20e-3, 25e-3]\nRUN 10 ms\nSET v, -60 mV\nRUN 10 ms\nRD v\n",
        _T.HOST,
    ),
    # --- networks -------------------------------------------------------------------------------------
    network(
        "POP",
        0x12,
        (Slot("name", k.INSTANCE_NAME), Slot("model", k.MODEL_NAME), Slot("n", k.COUNT)),
        "add a population of neurons",
        "Adds n neurons of a model under a name, instead of MODEL and ALC, or n multicompartment cells (`.cell`) with their "
        "control volumes under the name with the suffix `_cv`; neurons are numbered consecutively in the order of the POPs. "
        "POP, MECH, SYN, CON, VIA and POS define the network, and must precede the first RUN, jump and jump target.",
        "POP cells, lif_critical, 2\nRUN 10 ms\nRD cells.v\n",
    ),
    network(
        "MECH",
        0x13,
        (Slot("name", k.INSTANCE_NAME), Slot("mechanism", k.MECHANISM_NAME), Slot("population", k.POPULATION_NAME)),
        "insert a mechanism into a population",
        "Inserts a channel, synapse or pump under a name into every neuron of a population. It uses variables and adds to "
        "inputs of the population's model, or of the other mechanisms on it. `cells.soma` is a region of multicompartment "
        "cells, on which it is painted, or a place on them.",
        _LEAK + _CELLS + "MECH k, leak, cells\nRUN 10 ms\nRD v\n",
    ),
    network(
        "SYN",
        0x14,
        (Slot("name", k.INSTANCE_NAME), Slot("pre", k.SENDERS), Slot("target", k.TARGET_NAME)),
        "add a projection",
        "Sends the spikes of the population `pre` to a port of a population or mechanism, or those of a part of it to a part: "
        "`cells[0:800]` are the neurons 0 to 799, indexed from 0 in CON. CON defines which neurons are connected. "
        "`SET name.weight` sets the weight of the connections, or a factor for those of a matrix (default 1 in the port's SI "
        "unit); `SET name.delay` the transmission delay. Both take one number or one for each connection, also by a formula: "
        '`SET name.delay, "0.5 ms + d/(0.3 m/s)"`.',
        _CELLS + "SYN loop, cells, cells\nCON loop, others\nSET loop.weight, 5 mV\nSET loop.delay, 1 ms\nRUN 10 ms\nRD v\n",
    ),
    network(
        "CON",
        0x15,
        (Slot("name", k.PROJECTION_NAME), Slot("rule", k.WIRING), Slot("number", k.DEGREE, optional=True)),
        "connect a projection",
        "Defines which neurons a projection connects: `all` with all, `others` (all but the neuron itself), `one_to_one`, "
        "each pair with a `probability`, a number of neurons drawn for each target (`indegree`) or for each source "
        "(`outdegree`), a number of pairs in `total`, or the weights of a matrix with a row for each source and a column for "
        "each target. In quotes, a rule may be followed by `with multapses` (a pair may be connected several times; not so by "
        "default in `indegree`, `outdegree` and `total`) and by `without autapses` (no neuron connects to itself): "
        '`CON loop, "indegree without autapses", 100`. A condition in quotes connects the pairs for which it holds, such as '
        '`"i != j and exp(-d/(200 um)) > u"`: `i` and `j` are the indices of source and target, `u` is a random number for '
        "the pair from 0 to 1, and `d` is their distance, if POS gives positions. Each SYN has one CON.",
        _CELLS + "SYN loop, cells, cells\nCON loop, [[0, 2e-3], [1e-3, 0]]\nRUN 10 ms\nRD v\n",
    ),
    Row(
        "VIA",
        0x16,
        (Slot("projection", k.PROJECTION_NAME), Slot("synapse", k.SYNAPSE_NAME)),
        "attach a synapse model to a projection",
        "Makes every connection of a projection a synapse with its own parameters, states and statements for pre- and "
        "postsynaptic spikes. `SET projection.name` sets a parameter or state, one value or one for each connection, and a "
        "delay: that of "
        "`on pre:` is `delay`, that of `on post:` `post_delay`, that of a named pathway `NAME_delay`. REC, PEEK and RD read "
        "states; RD reads `pre` and `post`, the neurons of each connection. Connections are ordered by source, then by target.",
        _CELLS + "SYN loop, cells, cells\nCON loop, others\nVIA loop, stdp_pair\nSET loop.w, 0.2\n"
        "SET loop.weight, 1 mV\nRUN 10 ms\nRD loop.w\n",
        _T.HOST,
        "synapses",
        since=3,
    ),
    Row(
        "POS",
        0x17,
        (Slot("name", k.POPULATION_NAME), Slot("places", k.PLACES), Slot("length", k.LENGTH, optional=True)),
        "place a population",
        "Gives the neurons of a population positions, for conditions of a later CON. `grid` fills a square row by row (in "
        "quotes also `grid 20 x 30` or `grid 4 x 4 x 4`), `length` between neighbours; `random` draws them from a square of the "
        "side `length` (`random 1d`, `random 3d`). With `periodic` as the last word the boundaries are periodic. A matrix has "
        "a row "
        "of 1 to 3 metres for each neuron; `length` is then the side of the periodic box, and without it there is none.",
        _CELLS + 'POS cells, grid, 50 um\nSYN loop, cells, cells\nCON loop, "i != j and d < 60 um"\nRUN 10 ms\nRD v\n',
        _T.HOST,
        "network",
        since=3,
    ),
    # --- inputs ---------------------------------------------------------------------------------------
    Row(
        "CUR",
        0x18,
        (Slot("current", k.CURRENT),),
        "set a constant input current",
        "Injects a constant current into every neuron from now on, the same for all or one for each; it replaces that of an "
        "earlier CUR.",
        "ALC 2\nCUR [0.1e-9, -0.1e-9]\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
        "inputs",
    ),
    Row(
        "WAVE",
        0x19,
        (Slot("currents", k.TABLE), Slot("period", k.PERIOD)),
        "play a current into the neurons",
        "Plays the rows of a matrix, one every `period`, starting now: one column for all neurons or one for each, in "
        "amperes. It ends with the last row and replaces an earlier WAVE.",
        "ALC 2\nWAVE [[1e-9, 0], [0, 1e-9]], 5 ms\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
        "inputs",
    ),
    Row(
        "SPK",
        0x1A,
        (Slot("train", k.TABLE), Slot("jump", k.JUMP)),
        "send spike trains",
        "Rows of `train` are (time in seconds from now, neuron). At each time the neuron's membrane jumps by `jump`, after "
        "the threshold was tested and before the reset of that step. It replaces an earlier SPK.",
        "ALC 2\nSPK [[1e-3, 0], [2e-3, 1]], 5 mV\nRUN 10 ms\nRD v\n",
        _T.NEURONS | _T.HOST,
        "inputs",
    ),
    Row(
        "POI",
        0x1B,
        (Slot("rate", k.RATE), Slot("jump", k.JUMP)),
        "send Poisson spikes",
        "Gives every neuron an independent Poisson spike train: in each step of length dt the number of spikes is Poisson "
        "distributed with mean rate * dt. Each makes the membrane jump, after the threshold was tested and before the reset "
        "of that step. A rate of 0 ends it.",
        "ALC 2\nPOI 100 Hz, 2 mV\nRUN 10 ms\nRD v\n",
        _T.NEURONS | _T.HOST,
        "inputs",
    ),
    network(
        "INP",
        0x1C,
        (Slot("input", k.INPUT_NAME), Slot("value", k.INPUT_VALUE), Slot("how", k.HOW, optional=True)),
        "set a constant input",
        "Sets a constant value of an input of every neuron from now on, the same for all or one for each. With `add`, the "
        "default, it is added to the other contributions and replaces the value of an earlier INP; with `set` the input is "
        "this value only; with `scale` the sum of the other contributions is multiplied by it. `INP cells[0:10].I` sets that "
        "of a part of the neurons.",
        "ALC 2\nINP I, 0.1 nA\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
    ),
    network(
        "PLAY",
        0x1D,
        (Slot("input", k.INPUT_NAME), Slot("table", k.TABLE_OF_INPUT), Slot("period", k.PERIOD)),
        "play a table into an input",
        "Plays the rows of a matrix into an input, one every `period`, starting now: one column for all neurons or one for "
        "each, in SI units. It ends with the last row and replaces an earlier PLAY into this input. `PLAY cells[0:10].I` "
        "plays into a part of the neurons, a column for each of them, and replaces only what plays there.",
        "ALC 2\nPLAY I, [[1e-9, 0], [0, 1e-9]], 5 ms\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
    ),
    network(
        "EVT",
        0x1E,
        (Slot("target", k.TARGET_NAME), Slot("train", k.TABLE), Slot("weight", k.WEIGHT)),
        "send spike trains to a port",
        "Rows of `train` are (time in seconds from now, neuron of the target). Each arrives at the port with this weight, like "
        "a spike through a projection without delay. It replaces an earlier EVT to this port. `EVT cells[0:10]` sends them to "
        "a part of the neurons, indexed from 0 in the train, and replaces only spikes to these.",
        _CELLS + "EVT cells, [[1e-3, 0], [2e-3, 1]], 5 mV\nRUN 10 ms\nRD v\n",
        _T.NEURONS | _T.HOST,
    ),
    network(
        "RATE",
        0x1F,
        (Slot("target", k.TARGET_NAME), Slot("rate", k.RATE), Slot("weight", k.WEIGHT)),
        "send Poisson spikes to a port",
        "Gives every neuron of the target an independent Poisson spike train at the port: in each step of length dt the "
        "number of spikes is Poisson distributed with mean rate * dt. They arrive together: the weight times their number. A "
        "rate of 0 ends it. `RATE cells[0:10]` changes the trains of a part of the neurons.",
        _CELLS + "RATE cells, 100 Hz, 2 mV\nRUN 10 ms\nRD v\n",
        _T.NEURONS | _T.HOST,
    ),
    # --- recording ------------------------------------------------------------------------------------
    Row(
        "REC",
        0x20,
        (Slot("variable", k.VARIABLE_NAME), Slot("every", k.PERIOD, True), Slot("neurons", k.SUBSET, True)),
        "record a variable",
        "Records a variable from now on, at intervals of `every` (default: every step), for all or the given neurons. A "
        "sample at time t is the value before the step that starts at t. `REC cells[0:5].v` is a separate recording, beside "
        "others of v: it takes neurons indexed from 0 in the part, and its samples are listed with the neuron indices of the "
        "population. For a custom event (`REC cells.warn`) all times are recorded, in all neurons.",
        "ALC 4\nREC v, 1 ms, [0, 2]\nRUN 10 ms\n",
        _T.NEURONS | _T.HOST,
        "record",
    ),
    Row(
        "UNREC",
        0x21,
        (Slot("variable", k.VARIABLE_NAME),),
        "stop recording a variable",
        "Ends the recording of a variable, or with brackets that of a part. Samples recorded so far stay in the result.",
        "ALC 4\nREC v\nRUN 10 ms\nUNREC v\nRUN 10 ms\n",
        _T.NEURONS | _T.HOST,
        "record",
    ),
    # --- clamping -------------------------------------------------------------------------------------
    Row(
        "LDJS",
        0x24,
        (Slot("couplings", k.MATRIX),),
        "load the couplings J for products in single precision",
        "Sets the couplings as LDJ does, and says that the products J s are computed in float32: J and the state s are each "
        "rounded once to float32, and the sums are taken in float32, in the order of [the machine](machine.md). h, energies from "
        "these products, the states of neurons, noise and time remain float64. The matrix is dense, and the model has a feedback; "
        "spins are updated by differences, in which rounding errors would add up, and are loaded by LDJ.",
        "ALC 2\nLDJS [[0, -1], [-1, 0]]\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
        "single",
        since=3,
    ),
    Row(
        "CLAMP",
        0x28,
        (Slot("neurons", k.HELD), Slot("value", k.LEVEL)),
        "hold neurons at a value",
        "Holds the state variable of the neurons at a value until FREE: a spin at -1 or +1, a membrane at a voltage (it "
        "then does not spike). `CLAMP cells[0:3], -70 mV` holds a part of a population. The best state is that of the problem "
        "with its clamps, so CLAMP and FREE reset it.",
        ISING3 + "CLAMP 0, -1\nSIG 0.1\nRUN 20 sweeps\nRD spins\n",
        _T.NEURONS | _T.HOST,
        "clamp",
    ),
    Row(
        "FREE",
        0x29,
        (Slot("neurons", k.HELD, optional=True),),
        "release clamped neurons",
        "Ends the clamping of the given neurons, or of all. They continue from the value at which they were held; the best "
        "state is reset.",
        ISING3 + "CLAMP [0, 1], -1\nRUN 1\nFREE\nRUN 5\nRD\n",
        _T.NEURONS | _T.HOST,
        "clamp",
    ),
    *CONTROL_ROWS,
    # --- reading into registers -----------------------------------------------------------------------
    Row(
        "GET",
        0x50,
        (TO, Slot("what", k.OBSERVABLE_NAME)),
        "read an observable into a register",
        "Writes an observable that is one number into a register: `energy` and `best_energy` (the lowest over all lanes), "
        "`spike_count` (the sum over neurons and lanes, also of a part: `cells[0:800].spike_count`), `time`, `steps`, `noise`.",
        ISING3 + "SIG 1\nRUN 10\nGET r0, best_energy\nOUT r0, best\n",
        _T.NEURONS | _T.WRITES,
        "control",
    ),
    Row(
        "PEEK",
        0x51,
        (TO, Slot("variable", k.VARIABLE_NAME), Slot("neuron", k.INDEX)),
        "read one neuron's variable into a register",
        "Writes the value of a variable of one neuron into a register; with several lanes the mean over the lanes. In a part, "
        "`PEEK r0, cells[100:200].v, r1`, neurons are counted from 0.",
        "ALC 2\nRUN 10 ms\nPEEK r0, v, 1\nOUT r0\n",
        _T.NEURONS | _T.WRITES,
        "control",
    ),
    # --- results --------------------------------------------------------------------------------------
    Row(
        "OUT",
        0x58,
        (Slot("value", k.SOURCE), Slot("name", k.OUTPUT_NAME, optional=True)),
        "emit a number",
        "Appends a number to the results of the run, under a name (default `value`).",
        "MOV r0, 42\nOUT r0, answer\n",
        _T.NONE,
        "control",
    ),
    Row(
        "HLT",
        0x5F,
        (),
        "end the program",
        "Ends the run. The end of the text does the same.",
        "OUT 1\nHLT\n",
        _T.ENDS,
        "control",
    ),
    # --- stimulation ----------------------------------------------------------------------------------
    Row(
        "STIM",
        0x60,
        (Slot("neurons", k.NEURONS), Slot("amplitude", k.AMPLITUDE), Slot("width", k.WIDTH)),
        "stimulate through electrodes",
        "Sends one charge-balanced pulse through the electrodes of the neurons given, at the program's current time: "
        "`amplitude` amperes for `width` seconds, cathodic first, then the same with opposite sign. An amplitude of 0 sends "
        "nothing. Pulses of constants are checked against the limits of docs/safety.md before the run, by the verifier and the "
        "driver, and every pulse is checked on the board.",
        "ALC 2\nRUN 10 ms\nSTIM [0, 1], 2 uA, 100 us\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
        "stimulation",
        since=2,
    ),
)

BY_MNEMONIC: dict[str, Row] = {row.mnemonic: row for row in ROWS}
BY_OPCODE: dict[int, Row] = {row.opcode: row for row in ROWS}
OPCODES: dict[str, int] = {row.mnemonic: row.opcode for row in ROWS}
MAX_OPERANDS = 3
SINGLE = "LDJS"  # loads J for products in single precision

# The group of a row is the last one that starts at or below its opcode.
GROUPS: dict[int, str] = {
    0x01: "the core",
    0x10: "model and parameters",
    0x12: "networks",
    0x18: "inputs",
    0x20: "recording",
    0x24: "products in single precision",
    0x28: "clamping",
    0x30: "registers",
    0x40: "control",
    0x50: "reading into registers",
    0x58: "results and end",
    0x60: "stimulation",
}


def group_of(row: Row) -> str:
    """The group of a row in lists and in the reference."""
    return GROUPS[max(start for start in GROUPS if start <= row.opcode)]
