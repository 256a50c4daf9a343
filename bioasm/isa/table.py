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
        "Sets the strength of the noise from here on: for the LIF twin sigma in volts, the standard deviation that the "
        "membrane would have without a threshold; for Ising models the temperature, in units of energy.",
        "ALC 4\nSIG 2 mV\nRUN 10 ms\nRD\n",
    ),
    Row(
        "RUN",
        0x05,
        (Slot("duration", k.DURATION),),
        "run the dynamics",
        "Runs for a time, or for a number of sweeps where the model counts in sweeps. A run ends at the first step that "
        "is not before the requested time; what remains of a step is carried over, so that three thirds of a second make "
        "one second.",
        "ALC 4\nRUN 10 ms\nRD\n",
        _T.NEURONS,
    ),
    Row(
        "RST",
        0x06,
        (),
        "back to the initial state",
        "Puts all neurons back into their initial state, except clamped ones. The clock goes on, so that new noise follows; "
        "couplings, inputs, clamps, parameters, recordings and the best state seen are kept.",
        "ALC 4\nRUN 10 ms\nRST\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
    ),
    Row(
        "RD",
        0x07,
        (Slot("what", k.OBSERVABLE_NAME, optional=True),),
        "emit a result",
        "Appends an observable to the results of the run; without an operand the state. `bioasm models NAME` lists the "
        "observables of a model. `RD cells[0:800].v` reads a part of the neurons.",
        "ALC 4\nRUN 10 ms\nRD energy\n",
        _T.NEURONS | _T.HOST,
    ),
    Row(
        "LDT",
        0x08,
        (Slot("terms", k.TERMS),),
        "load couplings of order 3 and higher",
        "Adds the terms -sum_t w_t prod_{i in t} s_i to the energy, the way a k-PUBO or a k-SAT problem needs. "
        "The terms replace those of an earlier LDT.",
        "MODEL ising\nALC 3\nLDT terms(3) { 0 1 2 -1.0 }\nSIG 0.5\nRUN 10 sweeps\nRD best_energy\n",
        _T.NEURONS | _T.HOST,
        "kbody",
    ),
    Row(
        "LDO",
        0x09,
        (Slot("offset", k.SCALAR),),
        "load the offset of the energy",
        "Sets the constant that is added to every reported energy, so that it is the objective of the problem that the "
        "couplings came from.",
        "MODEL ising\nALC 2\nLDO -3\nRD energy\n",
    ),
    Row(
        "LDS",
        0x0A,
        (Slot("states", k.STATES),),
        "load the states that neurons go on from",
        "Sets the state variable of every neuron, the one that CLAMP holds: a spin to -1 or +1, a membrane to a voltage. A "
        "vector is for all lanes; of a matrix lane k takes row k, and begins again at the first row where there are fewer. "
        "Clamped neurons stay, and so do clocks, inputs and the best state seen, for which every state that spins are set to "
        "counts. RST goes back to the model's own initial state.",
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
        "Chooses what ALC allocates. It stands before ALC, at most once. `bioasm models` lists the models.",
        "MODEL ising\nALC 4\nSIG 1\nRUN 5\nRD\n",
        _T.HOST,
    ),
    Row(
        "SET",
        0x11,
        (Slot("parameter", k.PARAMETER_NAME), Slot("value", k.VALUE)),
        "set a parameter or a state",
        "Sets a parameter for all neurons, or for each where the value is a vector or drawn from a distribution: "
        "`SET tau, normal(20 ms, 2 ms)`, `uniform(low, high)`, `lognormal(mean, sd)`, `choice(a, b)`. Parameters that divide time (such as "
        "`dt`) and words can be set before ALC only. Until the first RUN initial values follow, but for what LDS, CLAMP or SET "
        "has put in place. A state is set likewise, in all lanes, at the present time: the next step starts from it. Clamped "
        "neurons stay, refractory ones remain refractory, and RST goes back to the model's own initial value. "
        "`SET cells[0:800].tau` sets a part of the neurons, and the others keep what they have; of two the later wins.",
        "ALC 2\nSET I_offset, 0.39 nA\nSET tau, [20e-3, 25e-3]\nRUN 10 ms\nSET v, -60 mV\nRUN 10 ms\nRD v\n",
        _T.HOST,
    ),
    # --- networks -------------------------------------------------------------------------------------
    network(
        "POP",
        0x12,
        (Slot("name", k.INSTANCE_NAME), Slot("model", k.MODEL_NAME), Slot("n", k.COUNT)),
        "add a population of neurons",
        "Adds n neurons of a model under a name, instead of MODEL and ALC, or n cells that are trees (`.cell`), and their "
        "control volumes under the name with `_cv` behind it; neurons are numbered through in the order of the POPs. POP, MECH, SYN, CON, VIA and POS say what the network is, and stand before the first RUN, jump and label that is "
        "jumped to.",
        "POP cells, lif_critical, 2\nRUN 10 ms\nRD cells.v\n",
    ),
    network(
        "MECH",
        0x13,
        (Slot("name", k.INSTANCE_NAME), Slot("mechanism", k.MECHANISM_NAME), Slot("population", k.POPULATION_NAME)),
        "put a mechanism on a population",
        "Puts a channel, synapse or pump under a name on every neuron of a population. What it uses and what it adds to are "
        "variables and inputs of the population's model, or of the other mechanisms on it. `cells.soma` is a region of cells that "
        "are trees, on which it is painted, or a place of theirs.",
        _LEAK + _CELLS + "MECH k, leak, cells\nRUN 10 ms\nRD v\n",
    ),
    network(
        "SYN",
        0x14,
        (Slot("name", k.INSTANCE_NAME), Slot("pre", k.SENDERS), Slot("target", k.TARGET_NAME)),
        "add a projection",
        "Sends the spikes of the population `pre` to a port of a population or mechanism, or those of a part of it to a part: "
        "`cells[0:800]` are the neurons 0 to 799, counted from 0 in CON. CON says which neurons are connected. "
        "`SET name.weight` sets the weight of the connections, or what multiplies those of a matrix (1 in the port's SI unit "
        "without it); `SET name.delay` the time that spikes are on their way. Both take one number or one for each connection, "
        'also by a formula: `SET name.delay, "0.5 ms + d/(0.3 m/s)"`.',
        _CELLS + "SYN loop, cells, cells\nCON loop, others\nSET loop.weight, 5 mV\nSET loop.delay, 1 ms\nRUN 10 ms\nRD v\n",
    ),
    network(
        "CON",
        0x15,
        (Slot("name", k.PROJECTION_NAME), Slot("rule", k.WIRING), Slot("number", k.DEGREE, optional=True)),
        "connect a projection",
        "Says which neurons a projection connects: `all` with all, `others` (all but the neuron itself), `one_to_one`, "
        "each pair with a `probability`, a number of neurons drawn for each target (`indegree`) or for each source "
        "(`outdegree`), a number of pairs in `total`, or the weights of a matrix with a row for each source and a column for "
        "each target. In quotes, a rule may be followed by `with multapses` (a pair may be connected several times, which "
        "`indegree`, `outdegree` and `total` avoid without it) and by `without autapses` (no neuron connects to itself): "
        '`CON loop, "indegree without autapses", 100`. A condition in quotes connects the pairs for which it holds, such as '
        '`"i != j and exp(-d/(200 um)) > u"`: `i` and `j` are the places of source and target, `u` is a random number of the '
        "pair from 0 to 1, and `d` is their distance, where POS gives positions. Each SYN has one CON.",
        _CELLS + "SYN loop, cells, cells\nCON loop, [[0, 2e-3], [1e-3, 0]]\nRUN 10 ms\nRD v\n",
    ),
    Row(
        "VIA",
        0x16,
        (Slot("projection", k.PROJECTION_NAME), Slot("synapse", k.SYNAPSE_NAME)),
        "give the connections of a projection states of their own",
        "Lets every connection of a projection be a synapse, with parameters, states and statements for spikes of both its "
        "ends. `SET projection.name` sets a parameter or state, one value or one for each connection, and a delay: that of "
        "`on pre:` is `delay`, that of `on post:` `post_delay`, that of a named pathway `NAME_delay`. REC, PEEK and RD read "
        "states; RD reads `pre` and `post`, the neurons that each connection joins. Connections are in the order of their "
        "sources, and those of a source in the order of their targets.",
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
        "Gives the neurons of a population positions, for conditions of CON below it. `grid` fills a square row by row (in "
        "quotes also `grid 20 x 30` or `grid 4 x 4 x 4`), `length` between neighbours; `random` draws them from a square of the "
        "side `length` (`random 1d`, `random 3d`). With `periodic` behind it the square closes on itself. A matrix has a row "
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
        "Sets a current into every neuron from here on, the same for all or one for each; it replaces that of an earlier CUR.",
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
        "Gives every neuron independent random spikes: in each step of length dt as many as Poisson's distribution with the "
        "mean rate * dt gives. Each lets the membrane jump, after the threshold was tested and before the reset of that step. "
        "A rate of 0 ends it.",
        "ALC 2\nPOI 100 Hz, 2 mV\nRUN 10 ms\nRD v\n",
        _T.NEURONS | _T.HOST,
        "inputs",
    ),
    network(
        "INP",
        0x1C,
        (Slot("input", k.INPUT_NAME), Slot("value", k.INPUT_VALUE), Slot("how", k.HOW, optional=True)),
        "set a constant input",
        "Sets a number into an input of every neuron from here on, the same for all or one for each. With `add`, as without a "
        "word, it is added to what else arrives there and replaces the number of an earlier INP; with `set` the input is this "
        "number alone; with `scale` the sum of all else is multiplied by it. `INP cells[0:10].I` sets that of a part of the neurons.",
        "ALC 2\nINP I, 0.1 nA\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
    ),
    network(
        "PLAY",
        0x1D,
        (Slot("input", k.INPUT_NAME), Slot("table", k.TABLE_OF_INPUT), Slot("period", k.PERIOD)),
        "play a table into an input",
        "Plays the rows of a matrix into an input, one every `period`, starting now: one column for all neurons or one for "
        "each, in SI units. It ends with the last row and replaces an earlier PLAY into this input. `PLAY cells[0:10].I` plays into "
        "a part of the neurons, a column for each of them, and replaces what plays there alone.",
        "ALC 2\nPLAY I, [[1e-9, 0], [0, 1e-9]], 5 ms\nRUN 10 ms\nRD\n",
        _T.NEURONS | _T.HOST,
    ),
    network(
        "EVT",
        0x1E,
        (Slot("target", k.TARGET_NAME), Slot("train", k.TABLE), Slot("weight", k.WEIGHT)),
        "send spike trains to a port",
        "Rows of `train` are (time in seconds from now, neuron of the target). Each arrives at the port with this weight, like "
        "a spike through a projection without delay. It replaces an earlier EVT to this port. `EVT cells[0:10]` sends them to a part "
        "of the neurons, which the train counts from 0, and replaces spikes to these alone.",
        _CELLS + "EVT cells, [[1e-3, 0], [2e-3, 1]], 5 mV\nRUN 10 ms\nRD v\n",
        _T.NEURONS | _T.HOST,
    ),
    network(
        "RATE",
        0x1F,
        (Slot("target", k.TARGET_NAME), Slot("rate", k.RATE), Slot("weight", k.WEIGHT)),
        "send Poisson spikes to a port",
        "Gives every neuron of the target independent random spikes at the port: in each step of length dt as many as Poisson's "
        "distribution with the mean rate * dt gives. They arrive together: the weight times their number. A rate of 0 ends it. "
        "`RATE cells[0:10]` changes those of a part of the neurons.",
        _CELLS + "RATE cells, 100 Hz, 2 mV\nRUN 10 ms\nRD v\n",
        _T.NEURONS | _T.HOST,
    ),
    # --- recording ------------------------------------------------------------------------------------
    Row(
        "REC",
        0x20,
        (Slot("variable", k.VARIABLE_NAME), Slot("every", k.PERIOD, True), Slot("neurons", k.SUBSET, True)),
        "record a variable",
        "Records a variable from here on, every `every` (every step without it), of all neurons or of those given. A "
        "sample at time t is the value before the step that starts at t. `REC cells[0:5].v` is a recording of its own, beside others "
        "of v: it takes neurons counted from 0 in the part, and its samples are told with the neurons of the population. "
        "Of an event of a model's own (`REC cells.warn`) all times are recorded, in all neurons.",
        "ALC 4\nREC v, 1 ms, [0, 2]\nRUN 10 ms\n",
        _T.NEURONS | _T.HOST,
        "record",
    ),
    Row(
        "UNREC",
        0x21,
        (Slot("variable", k.VARIABLE_NAME),),
        "stop recording a variable",
        "Ends the recording of a variable, or with its brackets that of a part. What was recorded stays in the result.",
        "ALC 4\nREC v\nRUN 10 ms\nUNREC v\nRUN 10 ms\n",
        _T.NEURONS | _T.HOST,
        "record",
    ),
    # --- clamping -------------------------------------------------------------------------------------
    Row(
        "CLAMP",
        0x28,
        (Slot("neurons", k.HELD), Slot("value", k.LEVEL)),
        "hold neurons at a value",
        "Holds the state variable of the neurons at a value until FREE: a spin at -1 or +1, a membrane at a voltage (it "
        "then does not spike). `CLAMP cells[0:3], -70 mV` holds a part of a population. The best state is that of the problem with "
        "its clamps, so CLAMP and FREE start it anew.",
        ISING3 + "CLAMP 0, -1\nSIG 0.1\nRUN 20 sweeps\nRD spins\n",
        _T.NEURONS | _T.HOST,
        "clamp",
    ),
    Row(
        "FREE",
        0x29,
        (Slot("neurons", k.HELD, optional=True),),
        "let clamped neurons go",
        "Ends the clamping of the neurons given, or of all. They go on from the value they were held at; the best state "
        "starts anew.",
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
        "Appends a number to the results of the run, under a name (`value` without one).",
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
        "Sends one charge-balanced pulse through the electrodes of the neurons given, at the program's present time: "
        "`amplitude` amperes for `width` seconds, cathodic first, then as much the other way. An amplitude of 0 sends "
        "nothing. Constants are held to the limits of docs/safety.md here, and everything again before and on the board.",
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

# The group of a row is the last one that starts at or below its opcode.
GROUPS: dict[int, str] = {
    0x01: "the core",
    0x10: "model and parameters",
    0x12: "networks",
    0x18: "inputs",
    0x20: "recording",
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
