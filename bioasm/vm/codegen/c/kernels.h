/* What is launched on a device. `memory` holds all arrays, the table `ctx` first and `real` after it. Addresses in the tables
   are those of the launch in which `where` was asked; a device that has moved its memory since then does nothing. */
#define TABLES(memory)                                                                                \
    GLOBAL int64_t *ctx = (GLOBAL int64_t *)(memory);                                                 \
    GLOBAL double *real = (GLOBAL double *)(ctx + CTX_SIZE);                                          \
    if (ctx[DYNAMICS_AT] != (int64_t)(intptr_t)(memory)) return;

KERNEL where(GLOBAL char *memory) { ((GLOBAL int64_t *)memory)[DYNAMICS_AT] = (int64_t)(intptr_t)memory; }

/* One item: what follows from parameters alone. */
KERNEL ready(GLOBAL char *memory) {
    TABLES(memory)
    prepare(ctx, real);
}

/* Each item, which is a lane or some cells of it: steps until TARGET or until a buffer is full. */
KERNEL go_on(GLOBAL char *memory) {
    TABLES(memory)
    if (ITEM < ctx[BLOCKS]) advance(ctx, real, ITEM);
}

/* One item a lane: energies of the present state. */
KERNEL refresh(GLOBAL char *memory) {
    TABLES(memory)
    if (ITEM < ctx[PLACES]) refresh_block(ctx, real, ITEM);
}

/* The item whose the cell is: a lane's value of a variable at a neuron, into the numbers at byte `at`. */
KERNEL peek(GLOBAL char *memory, int64_t at, int64_t variable, int64_t neuron) {
    TABLES(memory)
    const int64_t cell = neuron * LANES + OWN_LANE;
    if (ITEM >= ctx[BLOCKS] || !IS_OWN(cell)) return;
    before_peek(ctx, real, ITEM);
    ((GLOBAL double *)(memory + at))[block_row(ctx, ITEM)[BLOCK_LANE0] + OWN_LANE] = value_of(ctx, real, variable, ITEM, cell);
}
