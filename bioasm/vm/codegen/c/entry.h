/* The dynamics of a program: block `b` to TARGET; energies for REFRESH; the mean of a variable over all lanes for PEEK_MEAN, and
   for PEEK_NEXT where nothing but the neuron has changed since. */
int64_t bio_dynamics(int64_t *ctx, double *real, int64_t b);

int64_t bio_dynamics(int64_t *ctx, double *real, int64_t b) {
    if (b == REFRESH) {
        for (int64_t at = 0; at < ctx[BLOCKS]; at++) refresh_block(ctx, real, at);
        ctx[DIRTY] = 0;
        return STATUS_DONE;
    }
    if (b != PEEK_MEAN && b != PEEK_NEXT) return advance(ctx, real, b);
    double total = 0.0;
    int64_t lanes = 0;
    for (int64_t at = 0; at < ctx[BLOCKS]; at++) {
        const int64_t *block = block_row(ctx, at);
        if (b == PEEK_MEAN) before_peek(ctx, real, at);
        for (int64_t lane = 0; lane < block[BLOCK_LANES]; lane++)
            total += value_of(ctx, real, ctx[PEEKED_VARIABLE], at, ctx[PEEKED_NEURON] * block[BLOCK_WIDTH] + lane);
        lanes += block[BLOCK_LANES];
    }
    real[REAL_PEEKED] = total / (double)lanes;
    return STATUS_DONE;
}
