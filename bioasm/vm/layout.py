"""Layout of the two tables that kernels are given: `ctx` of int64 (numbers and addresses), `real` of float64.

Arrays of cells (one cell is one neuron of one lane) are cut into blocks of lanes, all 1 or all WIDE lanes wide. Block b
holds the lanes from `lane0[b]`, and its cells stand together as [neuron][lane], at offset n * lane0[b]. So a block is one
contiguous piece that one thread advances, with the lanes along the vector units. The last block may be padded with places
without a lane, which are advanced like the others and ignored.
"""

from __future__ import annotations

from enum import IntEnum, auto


class Ctx(IntEnum):
    """Indices of the table `ctx`. Names that end in _AT are addresses of arrays; the comment gives dtype and shape."""

    N = 0
    IDS = auto()  # the ids that spikes are noted by: those of neurons, then of neurons in which recorded events happen
    PLACES = auto()
    BLOCKS = auto()
    PC = auto()
    CODE_LENGTH = auto()
    FUEL = auto()
    BUDGET = auto()  # remaining steps of this slice
    STEP = auto()  # steps done by all blocks
    TARGET = auto()  # the step at which the present part of a run ends
    RUN_END = auto()
    RUNNING = auto()  # 1 within a RUN
    PARALLEL = auto()  # 1: blocks are advanced by the host's threads
    FAULT = auto()
    MAX_STEPS = auto()
    OUT_COUNT = auto()
    OUT_CAPACITY = auto()
    DIRTY = auto()  # 1: energies and fields must be recomputed
    COUPLED = auto()  # 1: J, h or terms were loaded
    RULE = auto()
    SYMMETRIC = auto()
    FOLLOWED = auto()  # 1: J s is exact in any order of summation, and s is 0 or 1: it is updated by the neurons that flip
    TERMS = auto()  # number of terms
    FEEDBACK_EVERY = auto()  # steps
    RECORDERS = auto()
    CLAMPED = auto()  # 1: some neuron is clamped
    BY_LANE = auto()  # 1: LEVEL holds the noise, else NOISE does
    PEEKED_VARIABLE = auto()  # the argument of PEEK_MEAN
    PEEKED_NEURON = auto()
    DYNAMICS_AT = auto()  # the kernel of the dynamics, not an array
    CODE_AT = auto()  # int64 (length, 4): opcode, three operands
    VALUES_AT = auto()  # float64: registers, then constants
    OUT_VALUE_AT = auto()  # float64
    OUT_PC_AT = auto()  # int64
    BLOCK_AT = auto()  # int64 (blocks, size of Block)
    RECORDER_AT = auto()  # int64 (recorders, size of Recorder)
    KEY0_AT = auto()  # uint32 (lanes): key of the dynamics' noise
    KEY1_AT = auto()
    J_AT = auto()  # dense (n, n), or values of the rows' entries
    J_TAIL_AT = auto()  # float64 (n, 8): the last n mod 8 columns; of a J of bytes the last row; in single precision tiles
    LIMB_AT = auto()  # int16 (lanes, LIMBS, columns), for J of bytes; in wide blocks (LIMBS, columns / 2, WIDE, 2)
    J_STRIDE = auto()  # entries from a row of a J in single precision to the next
    SINGLE_AT = auto()  # float32 (lanes, 2, n padded), s and J s of a J in single precision, or s in float64; wide s (n, WIDE)
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
    LEVEL_AT = auto()  # float64 (lanes): the level of noise, where lanes have their own
    # spins
    SPIN_AT = auto()  # int8 (cells)
    FIELD_AT = auto()  # int32 or float64 (cells)
    THRESHOLD_AT = auto()  # like fields (2, cells of a block): a sweep's, the odd one's numbers; behind all int64 (blocks)
    DELTA_AT = auto()  # like fields (lanes)
    NARROW = auto()  # 1: a lane's fields beside a J of bytes fit 16 bits; 2: they do, and J_BITS holds J
    NARROW_COLUMNS = auto()  # neurons and room behind them: whole vectors of NARROW_ROW
    NARROW_AT = auto()  # int16 (blocks, 3, columns), scratch: fields, spins, thresholds
    NARROW_LOW = auto()  # the lower one of J's two values where J_BITS holds them, else 0
    NARROW_STEP = auto()  # by how much the other one is higher
    J_BITS_AT = auto()  # uint32 (n, columns / 32): bits of the entries off the diagonal that have the higher value
    CHANGE_AT = auto()  # int64 or float64 (lanes)
    PRODUCT_AT = auto()  # int8 (terms of a lane block)
    HOLD_AT = auto()  # uint8 (n): 1 for a clamped neuron
    PACK = auto()  # how many wide blocks are swept together as packed spins, 0 where none are
    REACH = auto()  # bound of |s f| of packed spins
    LINK_AT = auto()  # int32 (fours, LINKS, 2): a neighbour of a packed spin, minus twice its weight's byte four times
    LINK_ROW_AT = auto()  # int32 (n + 1, 2): a field's byte, four times, where all neighbours are +1; the first four of links
    PACKED_AT = auto()  # uint8 (packs, room of one, PACK_HEAD + (n + 1) PACK_NEURON), from a multiple of 64 on: scratch
    MERGE_SIGN = auto()  # MERGE uses the other state: 0 as it is, 1 as it is or mirrored, whichever is nearer, 2 both
    MERGE_OTHER_AT = auto()  # int8 (cells): the states that MERGE takes components from
    MERGE_LABEL_AT = auto()  # int32 (blocks, n): scratch
    MERGE_QUEUE_AT = auto()  # int32 (blocks, n): scratch
    MERGE_KEY_AT = auto()  # uint32 (2, places): keys of MERGE's coins
    EXCHANGES = auto()  # the number of CXCH so far
    EXCHANGE_LANES = auto()  # lanes, without padding
    EXCHANGE_MIRRORED = auto()  # 1: a coin for each pair decides whether the upper lane is mirrored
    EXCHANGE_ROW_AT = auto()  # int8 (places, n): the spins of each lane
    EXCHANGE_LEVEL_AT = auto()  # float64 (lanes): temperatures
    EXCHANGE_KEY_AT = auto()  # uint32 (2, places): keys of the random numbers of decisions
    PLAN_COUNT = auto()  # spins of the block that BLK resamples
    PLAN_WIDTH = auto()  # slots of its tables
    PLAN_WHOLE = auto()  # 1: fields are whole numbers
    PLAN_MOVES = auto()  # blocks resampled so far: the counter of their random numbers
    PLAN_ORDER_AT = auto()  # int32 (spins of the block): the order in which they are visited
    PLAN_ROW_AT = auto()  # int64 (n + 1): where the rows of J start, without entries that are 0
    PLAN_COLUMN_AT = auto()  # int32
    PLAN_J_AT = auto()  # float64, in units of fields
    PLAN_H_AT = auto()  # float64 (n)
    PLAN_KEY_AT = auto()  # uint32 (2, places): keys of the blocks' random words
    PLAN_KNOWN_AT = auto()  # int32 (n, 3): scratch, and so are all below
    PLAN_MET_AT = auto()  # int32 (2, n + 1)
    PLAN_COST_AT = auto()  # float64 (n + 1)
    PLAN_WORD_AT = auto()  # uint32 (2, n + WIDE)
    PLAN_JOIN_AT = auto()  # int32 (2 spins of the block, 2): slots and the spins put there
    PLAN_TABLE_AT = auto()  # bytes or float64 (2^width)
    PLAN_CHOICE_AT = auto()  # bits (2 spins of the block, 2^width)
    # membranes
    POPULATION_AT = auto()  # int64 (populations, 2): the first neuron and the size
    VARIABLE_N_AT = auto()  # int64: the number of neurons of each variable
    COUPLED_N = auto()  # neurons of the population with the feedback J s + h
    ADDRESS_AT = auto()  # int64: addresses of the arrays that generated source reads
    NUMBER_AT = auto()  # float64
    WHOLE_AT = auto()  # int64
    NOISE_KEY_AT = auto()  # uint32 (white noises beside the first, 2, places): their keys
    FEEDBACK_CURRENT_AT = auto()  # float64 (cells), as are all below without a comment
    S_AT = auto()
    Y_AT = auto()
    ONE_AT = auto()  # int8: s > 0.5
    ONE_FIELD_AT = auto()
    ONE_ENERGY_AT = auto()  # (lanes)
    DRAWN_AT = auto()  # float32 (blocks, chunks, 2, DRAWN): normal numbers of the two steps of a pair
    FIRED_AT = auto()  # uint8 (2, cells of a block)
    SPIKE_COUNT_AT = auto()  # int64
    PARTIAL_AT = auto()  # scratch of LANE_SCRATCH a lane


class Real(IntEnum):
    """Indices of the table `real`."""

    DT = 0  # the length of a step in the model's clock: seconds, or 1 sweep
    CLOCK = auto()  # the end of all RUNs so far, in the model's clock
    NOISE = auto()
    OFFSET = auto()
    SCALE = auto()  # energy of one unit of an integer field
    I_MAX = auto()
    CONSTANT = auto()  # energy of the diagonal of J, for spins
    PEEKED = auto()  # the result of PEEK_MEAN
    PLAN_SPREAD = auto()  # bound of the entries of a block's table that can matter, in units of fields (`Measure.spread`)
    NOISE_SET = auto()  # 1: SIG has set NOISE; before that every model has its default level


class Block(IntEnum):
    """Columns of the table of blocks."""

    LANE0 = 0
    WIDTH = auto()
    LANES = auto()  # the number of places with a lane
    STEP = auto()
    DUE = auto()  # the step of the next sample
    SPIKES = auto()
    SPIKE_CAPACITY = auto()
    SPIKE_STEP_AT = auto()  # int64
    SPIKE_ID_AT = auto()  # int64: lane * ids + id
    TRACE = auto()
    TRACE_CAPACITY = auto()
    TRACE_AT = auto()  # float64 (entries, width)
    DRAWN_PAIR = auto()  # the pair of steps whose random numbers are in the buffer, -1 for none
    SYNCED = auto()  # 1: ONE, ONE_FIELD and ONE_ENERGY are consistent


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


class Wave(IntEnum):
    """Columns of the table of waveforms into parts of a population; one row a part."""

    FIRST = 0  # neuron
    NEURONS = auto()
    BEGIN = auto()  # offset of its numbers among those of all
    ROWS = auto()
    WIDTH = auto()  # columns: 1, or one a neuron
    PERIOD = auto()  # steps
    START = auto()  # step of the first row


class Micro(IntEnum):
    """Kinds of micro-operations; the columns of their table are the kind, to, from, base (addresses) and a size."""

    FINITE = 0  # where the float64 `from` is not finite, the host executes the instruction
    COPY = 1  # `size` bytes
    ADD = 2  # `size` float64 become base + from, two numbers
    NOTE = 3  # the index of the instruction and the step go to two int64
    LEAVE = 4  # the present state counts for the best energy, and energies are computed anew later
    PUT = 5  # `size` bytes are read by RD; `to` is the header of their buffer: bytes taken, capacity, address


class Status(IntEnum):
    """Reasons for a kernel to return."""

    HALT = 0
    SLICE = 1  # the budget of steps is used up
    DRAIN = 2  # a buffer is full
    HOST = 3  # the instruction at PC is executed by the host
    FAULT = 4
    FUEL = 5
    PARALLEL = 6  # the host has to advance the blocks to TARGET
    DONE = 7  # a block reached TARGET


class Fault(IntEnum):
    """Faults of values that are detected at run time."""

    DURATION = 1
    STEPS = 2
    NOISE = 3
    INDEX = 4
    OFFSET = 5


class Scalar(IntEnum):
    """Scalars that GET can read."""

    ENERGY = 0
    BEST_ENERGY = 1
    TIME = 2
    STEPS = 3
    NOISE = 4
    SPIKE_COUNT = 5


MICRO = -1  # the opcode of an instruction with micro-operations; its operands are their address and number
OF_POPULATION = 64  # from here on GET reads spikes of the first population, of the second, ...
REFRESH = -1  # the block number with which the dynamics computes ENERGY of the present state
PEEK_MEAN = -2  # the block number with which it computes the mean of a neuron's variable over all lanes
PEEK_NEXT = -3  # the same in C, right after it: for another neuron at the same moment
CHUNK = 1024  # cells whose noise is drawn at a time, to stay in the first-level cache
LIMBS = 4  # integers (limbs) that a state s is split into, for products with a J of bytes
LIMB_BITS = 14
LIMB_COLUMNS = 32  # columns are padded to a multiple of this
SINGLE_ROWS = 8  # a J in single precision is padded to whole blocks of so many rows and columns
RESYNC = 1024  # sweeps or feedback steps after which sums of floats are recomputed
LANE_SCRATCH = 128  # float64 a lane, for products of lanes side by side
PAST_THE_END = 16  # entries of padding behind arrays of cells, which vectors may read
WIDE = 16  # lanes of a block, where there are enough of them
DRAWN = CHUNK + WIDE  # numbers of one step in a block's buffer: whole vectors are drawn
HALVED_FROM = 384  # neurons from which reading half of a symmetric J, no longer in the nearest caches, is worth more work
NARROW_ROW = 32  # fields of 16 bits side by side
NARROW_BOUND = (1 << 15) - 1  # all fields of 16 bits are nearer to 0
NARROW_BYTES, NARROW_BITS = 1, 2  # what NARROW says
NARROW_OF_A_LANE = 3  # rows of scratch of NARROW_COLUMNS: fields, spins, thresholds
NARROW_ARRAYS = ("NARROW", "J_BITS")  # scratch and copies of sweeps in 16 bits, for compiled kernels alone
FARTHEST = 1 << 30  # bound of the magnitude of thresholds for integer fields
COLDEST = 1e-300  # in place of a temperature of 0, at which only the sign of the random number matters
PACK_BLOCKS = 4  # wide blocks of lanes that a register of bytes holds
PACK_LANES = PACK_BLOCKS * WIDE
PACK_REACH = 126  # bound of |s f|, in bytes with room for thresholds on both sides
LINKS = 4  # of packed spins to neighbours that are read at a time
PACK_HEAD = 1664  # bytes of a pack before those of its neurons
PACK_NEURON = 5 * PACK_LANES  # bytes of a spin and of its random numbers for two sweeps, two each
LEAST_WIDTH = 6  # a table of BLK fills a vector of bytes
WITHIN_BYTES = 255.0  # costs of a block below this are exact in saturating bytes
IN_WEIGHTS = 500.0  # temperatures: with a smaller spread all relevant Boltzmann weights are within the range of float64
FORCED = 1e300  # the field of a clamped spin
