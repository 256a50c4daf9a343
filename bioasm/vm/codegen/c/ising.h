/* Ising spins: sequential single-spin sweeps with local fields kept up to date (`bioasm/vm/kernels/ising.py`). FIELD is the
   type of fields and couplings' products, TOTAL that of sums of them; WHOLE_FIELDS is 1 where both are whole numbers. */

static void bio_logistics(uint32_t x0, uint32_t x1, float *even, float *odd) {
    *even = bio_log_single(bio_open_unit(~x0) / bio_open_unit(x0));
    *odd = bio_log_single(bio_open_unit(~x1) / bio_open_unit(x1));
}

static void bio_exponentials(uint32_t x0, uint32_t x1, float *even, float *odd) {
    *even = -bio_log_single(bio_open_unit(x0));
    *odd = -bio_log_single(bio_open_unit(x1));
}

static void bio_draw_spins(
    GLOBAL const int64_t *block, GLOBAL const uint32_t *key0, GLOBAL const uint32_t *key1, GLOBAL float *buffer, int64_t first,
    int64_t count, int64_t pair, int64_t rule) {
    if (rule == 0) {
        BIO_DRAW(bio_logistics)
    } else {
        BIO_DRAW(bio_exponentials)
    }
}

static FIELD bio_threshold(double value) {
#if WHOLE_FIELDS
    return (FIELD)bio_ceil(bio_min(bio_max(value, -(double)FARTHEST), (double)FARTHEST));
#else
    return value;
#endif
}

static void bio_thresholds(
    GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b, GLOBAL FIELD *limit, int64_t step, int64_t n, int64_t width) {
    GLOBAL const int64_t *block = block_row(ctx, b);
    const int64_t cells = n * width;
    GLOBAL const uint32_t *key0 = AT(const uint32_t, ctx[KEY0_AT], block[BLOCK_LANE0]);
    GLOBAL const uint32_t *key1 = AT(const uint32_t, ctx[KEY1_AT], block[BLOCK_LANE0]);
    GLOBAL float *drawn = AT(float, ctx[DRAWN_AT], 2 * DRAWN * BUFFER_OF(b));
    GLOBAL const double *levels = AT(const double, ctx[LEVEL_AT], block[BLOCK_LANE0] * ctx[BY_LANE]);
    for (int64_t first = 0; first < cells; first += CHUNK) {
        const int64_t count = bio_min_whole(CHUNK, cells - first);
        bio_draw_spins(block, key0, key1, drawn, first, count, step >> 1, ctx[RULE]);
        FOR_OWN(k, first, count) {
            const double level = ctx[BY_LANE] == 1 ? levels[(first + k) % width] : real[REAL_NOISE];
            const double half = bio_max(level, COLDEST) / (2.0 * real[REAL_SCALE]);
            limit[first + k] = bio_threshold(half * (double)drawn[k]);
            limit[cells + first + k] = bio_threshold(half * (double)drawn[DRAWN + k]);
            SERVE(1);
        }
    }
    GLOBAL const uint8_t *hold = AT(const uint8_t, ctx[HOLD_AT], 0);
    FOR_OWN(k, 0, ctx[CLAMPED] == 1 ? cells : 0)
        if (hold[k / width] == 1) limit[k] = limit[cells + k] = NEVER;
}

/* --- higher-order terms ---------------------------------------------------------------------------- */

static TOTAL bio_around(GLOBAL int64_t *ctx, GLOBAL const int8_t *product, int64_t i, int64_t width, int64_t lane) {
    GLOBAL const int64_t *start = AT(const int64_t, ctx[OF_START_AT], 0);
    GLOBAL const int32_t *of = AT(const int32_t, ctx[OF_TERM_AT], 0);
    GLOBAL const FIELD *weight = AT(const FIELD, ctx[TERM_VALUE_AT], 0);
    TOTAL sum = 0;
    for (int64_t e = start[i]; e < start[i + 1]; SERVE(1), e++) sum += (TOTAL)weight[of[e]] * product[of[e] * width + lane];
    return sum;
}

static void bio_turn_products(GLOBAL int64_t *ctx, GLOBAL int8_t *product, int64_t i, int64_t width, int64_t lane) {
    GLOBAL const int64_t *start = AT(const int64_t, ctx[OF_START_AT], 0);
    GLOBAL const int32_t *of = AT(const int32_t, ctx[OF_TERM_AT], 0);
    for (int64_t e = start[i]; e < start[i + 1]; SERVE(1), e++) product[of[e] * width + lane] = (int8_t)-product[of[e] * width + lane];
}

static void bio_compute_terms(
    GLOBAL int64_t *ctx, GLOBAL double *real, GLOBAL int64_t *block, GLOBAL const int8_t *spin, GLOBAL double *energy,
    int64_t width) {
    const int64_t terms = ctx[TERMS];
    GLOBAL const int64_t *start = AT(const int64_t, ctx[TERM_START_AT], 0);
    GLOBAL const int32_t *index = AT(const int32_t, ctx[TERM_INDEX_AT], 0);
    GLOBAL const FIELD *weight = AT(const FIELD, ctx[TERM_VALUE_AT], 0);
    GLOBAL int8_t *product = AT(int8_t, ctx[PRODUCT_AT], terms * block[BLOCK_LANE0]);
    FOR_OWN(lane, 0, width) {
        TOTAL sum = 0;
        for (int64_t t = 0; t < terms; t++) {
            int sign = 1;
            for (int64_t a = start[t]; a < start[t + 1]; a++) sign *= spin[index[a] * width + lane];
            product[t * width + lane] = (int8_t)sign;
            sum += (TOTAL)weight[t] * sign;
            SERVE(1);
        }
        energy[lane] -= real[REAL_SCALE] * (double)sum;
    }
}

/* --- fields and flips ------------------------------------------------------------------------------ */

static void bio_fields(GLOBAL int64_t *ctx, GLOBAL const int8_t *spin, GLOBAL FIELD *field, int64_t n, int64_t width) {
    (void)ctx, (void)spin, (void)field, (void)n, (void)width;
#if J_KIND == 2 || J_KIND == 4
    for (int64_t i = 0; J_IS(2) && i < n; i++)
        for (int64_t e = J_ROWS[i]; e < J_ROWS[i + 1]; SERVE(1), e++)
            FOR_OWN(lane, 0, width)
                field[i * width + lane] += (FIELD)J_ENTRY(e) * spin[J_COLUMNS[e] * width + lane];
#endif
#if J_KIND && J_KIND != 2
    for (int64_t i = 0; (J_IS(1) || J_IS(3)) && i < n; i++)
        for (int64_t k = 0; k < n; SERVE(1), k++)
            FOR_OWN(lane, 0, width)
                field[i * width + lane] += (FIELD)J_DENSE(i, k) * spin[k * width + lane];
#endif
}

/* What a change of spin i in each lane does to the fields of its neighbours. */
static void bio_spread(GLOBAL int64_t *ctx, GLOBAL FIELD *field, const FIELD *delta, int64_t i, int64_t n, int64_t width) {
    (void)ctx, (void)field, (void)delta, (void)i, (void)n, (void)width;
#if J_KIND == 2 || J_KIND == 4
    for (int64_t e = J_IS(2) ? J_ROWS[i] : 0; J_IS(2) && e < J_ROWS[i + 1]; e++)
        FOR_OWN(lane, 0, width) field[J_COLUMNS[e] * width + lane] += delta[HERE(lane)] * (FIELD)J_ENTRY(e);
    if (J_IS(2)) SERVE((J_ROWS[i + 1] - J_ROWS[i]) / 8);
#endif
#if J_KIND && J_KIND != 2
    for (int64_t k = 0; (J_IS(1) || J_IS(3)) && k < n; k++)
        FOR_OWN(lane, 0, width) field[k * width + lane] += delta[HERE(lane)] * (FIELD)J_DENSE(i, k);
    if (J_IS(1) || J_IS(3)) SERVE(n / 8);
#endif
}

static void bio_compute_anew(
    GLOBAL int64_t *ctx, GLOBAL double *real, GLOBAL int64_t *block, int64_t offset, int64_t n, int64_t width) {
    GLOBAL const int8_t *spin = AT(const int8_t, ctx[SPIN_AT], offset);
    GLOBAL FIELD *field = AT(FIELD, ctx[FIELD_AT], offset);
    GLOBAL const FIELD *h = AT(const FIELD, ctx[H_AT], 0);
    GLOBAL double *energy = AT(double, ctx[ENERGY_AT], block[BLOCK_LANE0]);
    FOR_OWN(k, 0, n * width) field[k] = 0;
    bio_fields(ctx, spin, field, n, width);
    FOR_OWN(lane, 0, width) {
        TOTAL twice = 0;
        for (int64_t i = 0; i < n; i++) {
            const int64_t k = i * width + lane;
            twice += spin[k] * ((TOTAL)field[k] + 2 * (TOTAL)h[i]);
            SERVE(1);
        }
        energy[lane] = real[REAL_CONSTANT] - 0.5 * real[REAL_SCALE] * (double)twice;
    }
    FOR_OWN(k, 0, n * width) field[k] += h[k / width];
    if (ctx[TERMS] > 0) bio_compute_terms(ctx, real, block, spin, energy, width);
}

static void bio_keep_best(GLOBAL int64_t *ctx, GLOBAL int64_t *block, int64_t offset, int64_t n, int64_t width) {
    GLOBAL const int8_t *spin = AT(const int8_t, ctx[SPIN_AT], offset);
    GLOBAL int8_t *best = AT(int8_t, ctx[BEST_AT], offset);
    GLOBAL const double *energy = AT(const double, ctx[ENERGY_AT], block[BLOCK_LANE0]);
    GLOBAL double *best_energy = AT(double, ctx[BEST_ENERGY_AT], block[BLOCK_LANE0]);
    FOR_OWN(lane, 0, width) {
        if (!(energy[lane] < best_energy[lane])) continue;
        best_energy[lane] = energy[lane];
        for (int64_t k = lane; k < n * width; k += width) best[k] = spin[k];
    }
}

static void bio_sweep(
    GLOBAL int64_t *ctx, GLOBAL double *real, GLOBAL int64_t *block, int64_t offset, GLOBAL const FIELD *limit) {
    const int64_t n = ctx[N], width = WIDTH_OF(block), terms = ctx[TERMS];
    GLOBAL int8_t *spin = AT(int8_t, ctx[SPIN_AT], offset);
    GLOBAL int8_t *product = AT(int8_t, ctx[PRODUCT_AT], terms * block[BLOCK_LANE0]);
    GLOBAL FIELD *field = AT(FIELD, ctx[FIELD_AT], offset);
    GLOBAL double *energy = AT(double, ctx[ENERGY_AT], block[BLOCK_LANE0]);
    TOTAL change[SIDE] = {0};
    for (int64_t i = 0; i < n; i++) {
        FIELD delta[SIDE] = {0};
        int flips = 0;
        FOR_OWN(lane, 0, width) {
            const int64_t k = i * width + lane;
            TOTAL x = spin[k] * (TOTAL)field[k];
            if (terms > 0) x += bio_around(ctx, product, i, width, lane);
            if (!(x < (TOTAL)limit[k])) continue;
            flips += 1;
            change[HERE(lane)] += x;
            delta[HERE(lane)] = (FIELD)(-2 * spin[k]);
            spin[k] = (int8_t)-spin[k];
            if (terms > 0) bio_turn_products(ctx, product, i, width, lane);
        }
        if (flips > 0) bio_spread(ctx, field, delta, i, n, width);
        SERVE(1);
    }
    FOR_OWN(lane, 0, width) energy[lane] += 2.0 * real[REAL_SCALE] * (double)change[HERE(lane)];
}

/* --- sweeps ---------------------------------------------------------------------------------------- */

static double value_of(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t variable, int64_t b, int64_t k) {
    (void)real, (void)variable;
    return AT(const int8_t, ctx[SPIN_AT], ctx[N] * block_row(ctx, b)[BLOCK_LANE0])[k];
}

BIO_UNUSED static void before_peek(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b) { (void)ctx, (void)real, (void)b; }

BIO_UNUSED static void prepare(GLOBAL int64_t *ctx, GLOBAL double *real) { (void)ctx, (void)real; }

static int64_t advance(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b) {
    GLOBAL int64_t *block = block_row(ctx, b);
    const int64_t n = ctx[N], width = WIDTH_OF(block), offset = n * block[BLOCK_LANE0], cells = n * width;
    GLOBAL FIELD *limit = AT(FIELD, ctx[THRESHOLD_AT], 2 * offset);
    int drawn = 0;
    while (block[BLOCK_STEP] < ctx[TARGET]) {
        const int64_t step = block[BLOCK_STEP];
        if (!(room_for_trace(block) && room_for_samples(ctx, b))) return STATUS_DRAIN;
        take_samples(ctx, real, b, step);
        if (!WHOLE_FIELDS && step % RESYNC == 0) bio_compute_anew(ctx, real, block, offset, n, width);
        if ((step & 1) == 0 || !drawn) {
            bio_thresholds(ctx, real, b, limit, step, n, width);
            drawn = 1;
        }
        bio_sweep(ctx, real, block, offset, step & 1 ? limit + cells : limit);
        bio_keep_best(ctx, block, offset, n, width);
        GLOBAL const double *energy = AT(const double, ctx[ENERGY_AT], block[BLOCK_LANE0]);
        GLOBAL double *trace = AT(double, block[BLOCK_TRACE_AT], block[BLOCK_TRACE] * width);
        FOR_OWN(lane, 0, width) trace[lane] = energy[lane] + real[REAL_OFFSET];
        block[BLOCK_TRACE] += 1;
        block[BLOCK_STEP] = step + 1;
    }
    return STATUS_DONE;
}

static void refresh_block(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b) {
    GLOBAL int64_t *block = block_row(ctx, b);
    const int64_t offset = ctx[N] * block[BLOCK_LANE0];
    if (ctx[DIRTY] == 0) return;
    bio_compute_anew(ctx, real, block, offset, ctx[N], WIDTH_OF(block));
    bio_keep_best(ctx, block, offset, ctx[N], WIDTH_OF(block));
}
