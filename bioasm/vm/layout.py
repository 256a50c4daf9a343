"""Layout of the two tables that kernels are given: `ctx` of int64 (numbers and addresses), `real` of float64.

Arrays of cells (one cell is one neuron of one lane) are cut into blocks of lanes, all 1 or all WIDE lanes wide. Block b
holds the lanes from `lane0[b]`, and its cells stand together as [neuron][lane], at offset n * lane0[b]. So a block is one
contiguous piece that one thread advances, with the lanes along the vector units. A last block may have places without a
lane; they are advanced like the others and nobody looks at them.
"""

from __future__ import annotations

from enum import IntEnum, auto


class Ctx(IntEnum):
    """Indices of the table `ctx`. Names that end in _AT are addresses of arrays; the comment gives dtype and shape."""

    N = 0
    PLACES = auto()
    BLOCKS = auto()
    PC = auto()
    CODE_LENGTH = auto()
    FUEL = auto()
    BUDGET = auto()  # steps that may still be run in this slice
    STEP = auto()  # steps done by all blocks
    TARGET = auto()  # where the present piece of a run ends
    RUN_END = auto()
    RUNNING = auto()  # 1 within a RUN
    PARALLEL = auto()  # 1: blocks are advanced by the host's threads
    FAULT = auto()
    MAX_STEPS = auto()
    OUT_COUNT = auto()
    OUT_CAPACITY = auto()
    DIRTY = auto()  # 1: energies and fields must be computed anew
    COUPLED = auto()  # 1: J, h or terms were loaded
    RULE = auto()
    SYMMETRIC = auto()
    TERMS = auto()  # number of terms
    FEEDBACK_EVERY = auto()  # steps
    RECORDERS = auto()
    CLAMPED = auto()  # 1: some neuron is clamped
    PEEKED_VARIABLE = auto()  # what PEEK_MEAN is asked about
    PEEKED_NEURON = auto()
    DYNAMICS_AT = auto()  # the kernel of the dynamics, no array
    CODE_AT = auto()  # int64 (length, 4): opcode, three operands
    VALUES_AT = auto()  # float64: registers, then constants
    OUT_VALUE_AT = auto()  # float64
    OUT_PC_AT = auto()  # int64
    BLOCK_AT = auto()  # int64 (blocks, size of Block)
    RECORDER_AT = auto()  # int64 (recorders, size of Recorder)
    KEY0_AT = auto()  # uint32 (lanes): key of the dynamics' noise
    KEY1_AT = auto()
    J_AT = auto()  # dense (n, n), or values of the rows' entries
    J_TAIL_AT = auto()  # float64 (n, 8): the last n mod 8 columns of a dense J; of a J of bytes the last row
    LIMB_AT = auto()  # int16 (lanes, LIMBS, columns), for J of bytes
    J_ROW_AT = auto()  # int64 (n + 1): where rows start, sparse only
    J_COLUMN_AT = auto()  # int32, sparse only
    H_AT = auto()  # float64 or int32 (n)
    TERM_START_AT = auto()  # int64 (terms + 1)
    TERM_INDEX_AT = auto()  # int32
    TERM_VALUE_AT = auto()  # float64 or int32 (terms)
    OF_START_AT = auto()  # int64 (n + 1): the terms of each neuron
    OF_TERM_AT = auto()  # int32
    BEST_AT = auto()  # int8 (cells)
    BEST_ENERGY_AT = auto()  # float64 (lanes), without the offset
    ENERGY_AT = auto()  # float64 (lanes), without the offset
    # spins
    SPIN_AT = auto()  # int8 (cells)
    FIELD_AT = auto()  # int32 or float64 (cells)
    THRESHOLD_AT = auto()  # like fields (2, cells of a block)
    DELTA_AT = auto()  # like fields (lanes)
    CHANGE_AT = auto()  # int64 or float64 (lanes)
    PRODUCT_AT = auto()  # int8 (terms of a lane block)
    HOLD_AT = auto()  # uint8 (n): 1 for a clamped neuron
    # membranes
    POPULATION_AT = auto()  # int64 (populations, 2): the first neuron and how many there are
    VARIABLE_N_AT = auto()  # int64: how many neurons have each variable
    COUPLED_N = auto()  # neurons of the population with the feedback J s + h
    ADDRESS_AT = auto()  # int64: addresses of the arrays that generated source reads
    NUMBER_AT = auto()  # float64
    WHOLE_AT = auto()  # int64
    NOISE_KEY_AT = auto()  # uint32 (white noises beside the first, 2, places): their keys
    FEEDBACK_CURRENT_AT = auto()  # float64 (cells), and so are all below unless it is said
    S_AT = auto()
    Y_AT = auto()
    ONE_AT = auto()  # int8: s > 0.5
    ONE_FIELD_AT = auto()
    ONE_ENERGY_AT = auto()  # (lanes)
    DRAWN_AT = auto()  # float32 (blocks, chunks, 2, DRAWN): normal numbers of the two steps of a pair
    FIRED_AT = auto()  # uint8 (2, cells of a block)
    SPIKE_COUNT_AT = auto()  # int64
    PARTIAL_AT = auto()  # scratch of 64 + 8 * lanes a block


class Real(IntEnum):
    """Indices of the table `real`."""

    DT = 0  # what one step is in the model's clock: seconds, or 1 sweep
    CLOCK = auto()  # where all RUNs together should end, in the model's clock
    NOISE = auto()
    OFFSET = auto()
    SCALE = auto()  # energy of one unit of an integer field
    I_MAX = auto()
    CONSTANT = auto()  # energy of the diagonal of J, for spins
    PEEKED = auto()  # what PEEK_MEAN found
    NOISE_SET = auto()  # 1: SIG has set NOISE; before that every model has the level that its text says


class Block(IntEnum):
    """Columns of the table of blocks."""

    LANE0 = 0
    WIDTH = auto()
    LANES = auto()  # how many of the places are lanes of the run
    STEP = auto()
    DUE = auto()  # the step at which the next sample is to be taken
    SPIKES = auto()
    SPIKE_CAPACITY = auto()
    SPIKE_STEP_AT = auto()  # int64
    SPIKE_ID_AT = auto()  # int64: lane * n + neuron
    TRACE = auto()
    TRACE_CAPACITY = auto()
    TRACE_AT = auto()  # float64 (entries, width)
    DRAWN_PAIR = auto()  # the pair of steps whose random numbers the buffer holds, -1 where none
    SYNCED = auto()  # 1: ONE, ONE_FIELD and ONE_ENERGY belong together


class Recorder(IntEnum):
    """Columns of the table of recorders; one row a recorder and block."""

    VARIABLE = 0
    EVERY = auto()  # steps
    NEXT = auto()  # step of the next sample
    NEURONS = auto()
    NEURON_AT = auto()  # int64
    SOURCE_AT = auto()  # float64: the variable's cells in this block, 0 where it must be computed
    COUNT = auto()
    CAPACITY = auto()
    VALUE_AT = auto()  # float64 (samples, neurons, width)


class Status(IntEnum):
    """Why a kernel came back."""

    HALT = 0
    SLICE = 1  # the budget of steps is used up
    DRAIN = 2  # a buffer is full
    HOST = 3  # the instruction at PC is the host's
    FAULT = 4
    FUEL = 5
    PARALLEL = 6  # the host is to advance the blocks to TARGET
    DONE = 7  # a block reached TARGET


class Fault(IntEnum):
    """What was wrong with a value in the run."""

    DURATION = 1
    STEPS = 2
    NOISE = 3
    INDEX = 4
    OFFSET = 5


class Scalar(IntEnum):
    """What GET reads."""

    ENERGY = 0
    BEST_ENERGY = 1
    TIME = 2
    STEPS = 3
    NOISE = 4
    SPIKE_COUNT = 5


OF_POPULATION = 64  # what GET reads from here on: spikes of the first population, of the second, ...
REFRESH = -1  # the block number that asks the dynamics to compute ENERGY of the present state
PEEK_MEAN = -2  # the one that asks for the mean of a neuron's variable over all lanes
CHUNK = 1024  # cells whose noise is drawn at a time, to stay in the first-level cache
LIMBS = 4  # whole numbers that a state s is cut into, for products with a J of bytes
LIMB_BITS = 14
LIMB_COLUMNS = 32  # columns are filled up to a multiple of this
RESYNC = 1024  # after so many sweeps or feedback steps sums of floats are computed anew
PAST_THE_END = 16  # entries that vector units may read behind arrays of cells
WIDE = 16  # lanes side by side, where there are enough of them
DRAWN = CHUNK + WIDE  # numbers of one step that a block's buffer holds: whole vectors are drawn
HALVED_FROM = 384  # neurons from which on a symmetric J lies so far from the processor that reading half is worth more work
FARTHEST = 1 << 30  # thresholds of spins with whole fields are no farther from 0
COLDEST = 1e-300  # stands for a temperature of 0, where only the sign of the random number is left
