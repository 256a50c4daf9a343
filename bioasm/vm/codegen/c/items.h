/* A work item has a row of its own in the tables of blocks and recorders, and cells of its own. Of the cells of its block, which
   stand as [neuron][lane] in each population, these are one in SHARE: those of its lane and, where PARTS is not 1, of one in
   PARTS neurons. Both are powers of 2. */
#define SHARE (LANES * PARTS)
#define IS_OWN(cell) (((cell) & (SHARE - 1)) == (ITEM & (SHARE - 1)))
#define OWN(first) ((ITEM - (first)) & (SHARE - 1))
#define FOR_OWN(k, first, end) for (int64_t k = OWN(first); k < (end); k += SHARE)
#define FOR_CELLS(k, first, end) FOR_OWN(k, first, end)
#define SERVE(work) ((void)0) /* the host waits anyway */
/* Chunks that have own cells; random numbers of a chunk have a buffer that its work items share. */
#define OF_CHUNK (SHARE < CHUNK ? SHARE : CHUNK)
#define FOR_CHUNKS(first, end)                                                                        \
    for (int64_t first = (ITEM & (SHARE - 1)) / CHUNK * CHUNK; first < (end);                          \
         first += SHARE < CHUNK ? CHUNK : SHARE)
#define FOR_OWN_DRAWN(k, end) for (int64_t k = ITEM & (OF_CHUNK - 1); k < (end); k += OF_CHUNK)
#define BUFFER_OF(b) ((b) / OF_CHUNK)
#define PREPARE(ctx, real) /* was done before, in a launch of its own */
#define WIDTH_OF(block) ((int64_t)LANES)
#define SPIKES_OF_STEP(ctx, block) (((ctx)[IDS] + SPIKE_LISTS * (PARTS - 1)) / PARTS)
#define SPIKE_PLACE(at) ((at) * ctx[BLOCKS])
#define LISTED(spike) ((spike) * LANES + OWN_LANE)
#define SIDE 1
#define HERE(lane) 0
