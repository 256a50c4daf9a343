/* The feedback J s + h of a population, its energies, and the best 0/1 state seen (`bioasm/vm/kernels/feedback.py`, `best.py`,
   `energy.py`). */

#define TERM_STARTS AT(const int64_t, ctx[TERM_START_AT], 0)
#define TERM_INDICES AT(const int32_t, ctx[TERM_INDEX_AT], 0)
#define TERM_VALUES AT(const double, ctx[TERM_VALUE_AT], 0)
#define BIASES AT(const double, ctx[H_AT], 0)

static double bio_terms_sum(GLOBAL int64_t *ctx, GLOBAL const double *s, int64_t lane, int64_t width) {
    double total = 0.0;
    for (int64_t t = 0; t < ctx[TERMS]; t++) {
        double product = TERM_VALUES[t];
        for (int64_t a = TERM_STARTS[t]; a < TERM_STARTS[t + 1]; a++) product *= s[TERM_INDICES[a] * width + lane];
        total += product;
        SERVE(8);
    }
    return total;
}

static double bio_lane_energy(
    GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL const double *js, int64_t n, int64_t width, int64_t lane) {
    double e[4] = {0.0, 0.0, 0.0, 0.0};
    const int64_t whole = n - n % 4;
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = i * width + lane;
        e[i < whole ? i % 4 : 0] += s[k] * (0.5 * js[k] + BIASES[i]);
        SERVE(1);
    }
    const double energy = -((e[0] + e[2]) + (e[1] + e[3]));
    return ctx[TERMS] > 0 ? energy - bio_terms_sum(ctx, s, lane, width) : energy;
}

static void bio_add_terms(GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL double *y, int64_t width) {
    for (int64_t t = 0; t < ctx[TERMS]; t++) {
        const int64_t first = TERM_STARTS[t], end = TERM_STARTS[t + 1];
        for (int64_t a = first; a < end; a++) {
            FOR_OWN(lane, 0, width) {
                double others = TERM_VALUES[t];
                for (int64_t b = first; b < end; b++)
                    if (b != a) others *= s[TERM_INDICES[b] * width + lane];
                y[TERM_INDICES[a] * width + lane] += others;
            }
            SERVE(8);
        }
    }
}

static void bio_rescale(GLOBAL double *current, int64_t cells, int64_t width, int64_t lane, double limit) {
    double largest = 0.0;
    for (int64_t k = lane; k < cells; SERVE(1), k += width) largest = bio_max(largest, bio_abs(current[k]));
    if (!(largest > limit)) return;
    const double factor = limit / largest;
    for (int64_t k = lane; k < cells; SERVE(1), k += width) current[k] *= factor;
}

/* --- the best 0/1 state --------------------------------------------------------------------------- */

static double bio_terms_around(GLOBAL int64_t *ctx, GLOBAL const int8_t *one, int64_t i, int64_t lane, int64_t width) {
    GLOBAL const int64_t *start = AT(const int64_t, ctx[OF_START_AT], 0);
    GLOBAL const int32_t *of = AT(const int32_t, ctx[OF_TERM_AT], 0);
    double total = 0.0;
    for (int64_t e = start[i]; e < start[i + 1]; e++) {
        int others = 1;
        for (int64_t a = TERM_STARTS[of[e]]; a < TERM_STARTS[of[e] + 1]; a++)
            others = others && (TERM_INDICES[a] == i || one[TERM_INDICES[a] * width + lane] == 1);
        if (others) total += TERM_VALUES[of[e]];
        SERVE(1);
    }
    return total;
}

static double bio_flip_one(
    GLOBAL int64_t *ctx, GLOBAL int8_t *one, GLOBAL double *field, int64_t n, int64_t width, int64_t i, int64_t lane) {
    const int64_t k = i * width + lane;
    const double sign = one[k] == 0 ? 1.0 : -1.0;
    double change = -sign * (field[k] + BIASES[i]);
    if (ctx[TERMS] > 0) change -= sign * bio_terms_around(ctx, one, i, lane, width);
    change -= 0.5 * add_column(ctx, field, n, width, i, lane, sign);
    one[k] = (int8_t)(1 - one[k]);
    return change;
}

static void bio_update_best(
    GLOBAL int64_t *ctx, GLOBAL int64_t *block, int64_t offset, GLOBAL double *s, int anew, int64_t n, int64_t width) {
    GLOBAL int8_t *one = AT(int8_t, ctx[ONE_AT], offset), *best = AT(int8_t, ctx[BEST_AT], offset);
    GLOBAL double *field = AT(double, ctx[ONE_FIELD_AT], offset);
    GLOBAL double *energy = AT(double, ctx[ONE_ENERGY_AT], block[BLOCK_LANE0]);
    GLOBAL double *best_energy = AT(double, ctx[BEST_ENERGY_AT], block[BLOCK_LANE0]);
    if (anew || block[BLOCK_SYNCED] == 0 || ctx[SYMMETRIC] == 0) {
        FOR_CELLS(k, 0, n * width) {
            one[k] = s[k] > 0.5;
            s[k] = one[k];
        }
        product(ctx, s, field, n, width, block[BLOCK_LANE0]);
        FOR_OWN(lane, 0, width) energy[lane] = bio_lane_energy(ctx, s, field, n, width, lane);
        block[BLOCK_SYNCED] = 1;
    } else {
        FOR_CELLS(k, 0, n * width)
            if (one[k] != (s[k] > 0.5)) energy[k % width] += bio_flip_one(ctx, one, field, n, width, k / width, k % width);
    }
    FOR_OWN(lane, 0, width) {
        if (!(energy[lane] < best_energy[lane])) continue;
        best_energy[lane] = energy[lane];
        for (int64_t k = lane; k < n * width; k += width) best[k] = one[k];
    }
}

/* --- once every few steps ------------------------------------------------------------------------- */

static void feedback(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b, int64_t step) {
    GLOBAL int64_t *block = block_row(ctx, b);
    const int64_t n = ctx[COUPLED_N], width = WIDTH_OF(block), cells = n * width, offset = n * block[BLOCK_LANE0];
    GLOBAL double *s = AT(double, ctx[S_AT], offset), *current = AT(double, ctx[FEEDBACK_CURRENT_AT], offset);
    GLOBAL double *trace = AT(double, block[BLOCK_TRACE_AT], block[BLOCK_TRACE] * width);
    feedback_source(ctx, real, b, s, 0, cells, step);
    product(ctx, s, current, n, width, block[BLOCK_LANE0]);
    FOR_OWN(lane, 0, width)
        trace[lane] = bio_lane_energy(ctx, s, current, n, width, lane) + real[REAL_OFFSET];
    block[BLOCK_TRACE] += 1;
    FOR_CELLS(k, 0, cells) current[k] += BIASES[k / width];
    if (ctx[TERMS] > 0) bio_add_terms(ctx, s, current, width);
    FOR_OWN(lane, 0, width) bio_rescale(current, cells, width, lane, real[REAL_I_MAX]);
    bio_update_best(ctx, block, offset, s, step / ctx[FEEDBACK_EVERY] % RESYNC == 0, n, width);
}

static void energies(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b) {
    GLOBAL int64_t *block = block_row(ctx, b);
    const int64_t n = ctx[COUPLED_N], width = WIDTH_OF(block), lane0 = block[BLOCK_LANE0];
    GLOBAL double *s = AT(double, ctx[S_AT], n * lane0), *y = AT(double, ctx[Y_AT], n * lane0);
    GLOBAL double *energy = AT(double, ctx[ENERGY_AT], lane0);
    feedback_source(ctx, real, b, s, 0, n * width, block[BLOCK_STEP]);
    product(ctx, s, y, n, width, lane0);
    FOR_OWN(lane, 0, width) energy[lane] = bio_lane_energy(ctx, s, y, n, width, lane);
}
