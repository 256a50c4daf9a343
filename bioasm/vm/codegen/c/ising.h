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

static FIELD bio_threshold(double value) {
#if WHOLE_FIELDS
    return (FIELD)bio_ceil(bio_min(bio_max(value, -(double)FARTHEST), (double)FARTHEST));
#else
    return value;
#endif
}

static void bio_thresholds(int64_t *ctx, double *real, int64_t b, FIELD *limit, int64_t step, int64_t n, int64_t width) {
    const int64_t *block = block_row(ctx, b), cells = n * width;
    const uint32_t *key0 = AT(const uint32_t, ctx[KEY0_AT], block[BLOCK_LANE0]);
    const uint32_t *key1 = AT(const uint32_t, ctx[KEY1_AT], block[BLOCK_LANE0]);
    float *drawn = AT(float, ctx[DRAWN_AT], 2 * DRAWN * b);
    const double half = bio_max(real[REAL_NOISE], COLDEST) / (2.0 * real[REAL_SCALE]);
    for (int64_t first = 0; first < cells; first += CHUNK) {
        const int64_t count = bio_min_whole(CHUNK, cells - first);
        bio_draw(block, key0, key1, drawn, first, count, step >> 1, ctx[RULE] == 0 ? bio_logistics : bio_exponentials);
        for (int64_t k = 0; k < count; k++) {
            limit[first + k] = bio_threshold(half * (double)drawn[k]);
            limit[cells + first + k] = bio_threshold(half * (double)drawn[DRAWN + k]);
        }
    }
    const uint8_t *hold = AT(const uint8_t, ctx[HOLD_AT], 0);
    for (int64_t k = 0; ctx[CLAMPED] == 1 && k < cells; k++)
        if (hold[k / width] == 1) limit[k] = limit[cells + k] = NEVER;
}

/* --- higher-order terms ---------------------------------------------------------------------------- */

static TOTAL bio_around(int64_t *ctx, const int8_t *product, int64_t i, int64_t width, int64_t lane) {
    const int64_t *start = AT(const int64_t, ctx[OF_START_AT], 0);
    const int32_t *of = AT(const int32_t, ctx[OF_TERM_AT], 0);
    const FIELD *weight = AT(const FIELD, ctx[TERM_VALUE_AT], 0);
    TOTAL sum = 0;
    for (int64_t e = start[i]; e < start[i + 1]; e++) sum += (TOTAL)weight[of[e]] * product[of[e] * width + lane];
    return sum;
}

static void bio_turn_products(int64_t *ctx, int8_t *product, int64_t i, int64_t width, int64_t lane) {
    const int64_t *start = AT(const int64_t, ctx[OF_START_AT], 0);
    const int32_t *of = AT(const int32_t, ctx[OF_TERM_AT], 0);
    for (int64_t e = start[i]; e < start[i + 1]; e++) product[of[e] * width + lane] = (int8_t)-product[of[e] * width + lane];
}

static void bio_compute_terms(int64_t *ctx, double *real, int64_t *block, const int8_t *spin, double *energy, int64_t width) {
    const int64_t terms = ctx[TERMS], *start = AT(const int64_t, ctx[TERM_START_AT], 0);
    const int32_t *index = AT(const int32_t, ctx[TERM_INDEX_AT], 0);
    const FIELD *weight = AT(const FIELD, ctx[TERM_VALUE_AT], 0);
    int8_t *product = AT(int8_t, ctx[PRODUCT_AT], terms * block[BLOCK_LANE0]);
    for (int64_t lane = 0; lane < width; lane++) {
        TOTAL sum = 0;
        for (int64_t t = 0; t < terms; t++) {
            int sign = 1;
            for (int64_t a = start[t]; a < start[t + 1]; a++) sign *= spin[index[a] * width + lane];
            product[t * width + lane] = (int8_t)sign;
            sum += (TOTAL)weight[t] * sign;
        }
        energy[lane] -= real[REAL_SCALE] * (double)sum;
    }
}

/* --- fields and flips ------------------------------------------------------------------------------ */

static void bio_fields(int64_t *ctx, const int8_t *spin, FIELD *field, int64_t n, int64_t width) {
    (void)ctx, (void)spin, (void)field, (void)n, (void)width;
#if J_KIND == 2
    for (int64_t i = 0; i < n; i++)
        for (int64_t e = J_ROWS[i]; e < J_ROWS[i + 1]; e++)
            for (int64_t lane = 0; lane < width; lane++)
                field[i * width + lane] += (FIELD)J_ENTRIES[e] * spin[J_COLUMNS[e] * width + lane];
#elif J_KIND
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++)
            for (int64_t lane = 0; lane < width; lane++)
                field[i * width + lane] += (FIELD)J_ENTRIES[i * n + k] * spin[k * width + lane];
#endif
}

/* What a change of spin i in each lane does to the fields of its neighbours. */
static void bio_spread(int64_t *ctx, FIELD *field, const FIELD *delta, int64_t i, int64_t n, int64_t width) {
    (void)ctx, (void)field, (void)delta, (void)i, (void)n, (void)width;
#if J_KIND == 2
    for (int64_t e = J_ROWS[i]; e < J_ROWS[i + 1]; e++)
        for (int64_t lane = 0; lane < width; lane++) field[J_COLUMNS[e] * width + lane] += delta[lane] * (FIELD)J_ENTRIES[e];
#elif J_KIND
    for (int64_t k = 0; k < n; k++)
        for (int64_t lane = 0; lane < width; lane++) field[k * width + lane] += delta[lane] * (FIELD)J_ENTRIES[i * n + k];
#endif
}

static void bio_compute_anew(int64_t *ctx, double *real, int64_t *block, int64_t offset, int64_t n, int64_t width) {
    const int8_t *spin = AT(const int8_t, ctx[SPIN_AT], offset);
    FIELD *field = AT(FIELD, ctx[FIELD_AT], offset);
    const FIELD *h = AT(const FIELD, ctx[H_AT], 0);
    double *energy = AT(double, ctx[ENERGY_AT], block[BLOCK_LANE0]);
    for (int64_t k = 0; k < n * width; k++) field[k] = 0;
    bio_fields(ctx, spin, field, n, width);
    for (int64_t lane = 0; lane < width; lane++) {
        TOTAL twice = 0;
        for (int64_t i = 0; i < n; i++) {
            const int64_t k = i * width + lane;
            twice += spin[k] * ((TOTAL)field[k] + 2 * (TOTAL)h[i]);
        }
        energy[lane] = real[REAL_CONSTANT] - 0.5 * real[REAL_SCALE] * (double)twice;
    }
    for (int64_t k = 0; k < n * width; k++) field[k] += h[k / width];
    if (ctx[TERMS] > 0) bio_compute_terms(ctx, real, block, spin, energy, width);
}

static void bio_keep_best(int64_t *ctx, int64_t *block, int64_t offset, int64_t n, int64_t width) {
    const int8_t *spin = AT(const int8_t, ctx[SPIN_AT], offset);
    int8_t *best = AT(int8_t, ctx[BEST_AT], offset);
    const double *energy = AT(const double, ctx[ENERGY_AT], block[BLOCK_LANE0]);
    double *best_energy = AT(double, ctx[BEST_ENERGY_AT], block[BLOCK_LANE0]);
    for (int64_t lane = 0; lane < width; lane++) {
        if (!(energy[lane] < best_energy[lane])) continue;
        best_energy[lane] = energy[lane];
        for (int64_t k = lane; k < n * width; k += width) best[k] = spin[k];
    }
}

static void bio_sweep(int64_t *ctx, double *real, int64_t *block, int64_t offset, const FIELD *limit) {
    const int64_t n = ctx[N], width = block[BLOCK_WIDTH], terms = ctx[TERMS];
    int8_t *spin = AT(int8_t, ctx[SPIN_AT], offset), *product = AT(int8_t, ctx[PRODUCT_AT], terms * block[BLOCK_LANE0]);
    FIELD *field = AT(FIELD, ctx[FIELD_AT], offset);
    double *energy = AT(double, ctx[ENERGY_AT], block[BLOCK_LANE0]);
    TOTAL change[WIDE] = {0};
    for (int64_t i = 0; i < n; i++) {
        FIELD delta[WIDE] = {0};
        int flips = 0;
        for (int64_t lane = 0; lane < width; lane++) {
            const int64_t k = i * width + lane;
            TOTAL x = spin[k] * (TOTAL)field[k];
            if (terms > 0) x += bio_around(ctx, product, i, width, lane);
            if (!(x < (TOTAL)limit[k])) continue;
            flips += 1;
            change[lane] += x;
            delta[lane] = (FIELD)(-2 * spin[k]);
            spin[k] = (int8_t)-spin[k];
            if (terms > 0) bio_turn_products(ctx, product, i, width, lane);
        }
        if (flips > 0) bio_spread(ctx, field, delta, i, n, width);
    }
    for (int64_t lane = 0; lane < width; lane++) energy[lane] += 2.0 * real[REAL_SCALE] * (double)change[lane];
}

/* --- sweeps ---------------------------------------------------------------------------------------- */

static double value_of(int64_t *ctx, double *real, int64_t variable, int64_t b, int64_t k) {
    (void)real, (void)variable;
    return AT(const int8_t, ctx[SPIN_AT], ctx[N] * block_row(ctx, b)[BLOCK_LANE0])[k];
}

static double peek(int64_t *ctx, double *real, int64_t variable, int64_t b, int64_t k) {
    return value_of(ctx, real, variable, b, k);
}

static int64_t advance(int64_t *ctx, double *real, int64_t b) {
    int64_t *block = block_row(ctx, b);
    const int64_t n = ctx[N], width = block[BLOCK_WIDTH], offset = n * block[BLOCK_LANE0], cells = n * width;
    FIELD *limit = AT(FIELD, ctx[THRESHOLD_AT], 2 * offset);
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
        const double *energy = AT(const double, ctx[ENERGY_AT], block[BLOCK_LANE0]);
        double *trace = AT(double, block[BLOCK_TRACE_AT], block[BLOCK_TRACE] * width);
        for (int64_t lane = 0; lane < width; lane++) trace[lane] = energy[lane] + real[REAL_OFFSET];
        block[BLOCK_TRACE] += 1;
        block[BLOCK_STEP] = step + 1;
    }
    return STATUS_DONE;
}

static void refresh(int64_t *ctx, double *real) {
    if (ctx[DIRTY] == 0) return;
    for (int64_t b = 0; b < ctx[BLOCKS]; b++) {
        int64_t *block = block_row(ctx, b);
        const int64_t offset = ctx[N] * block[BLOCK_LANE0];
        bio_compute_anew(ctx, real, block, offset, ctx[N], block[BLOCK_WIDTH]);
        bio_keep_best(ctx, block, offset, ctx[N], block[BLOCK_WIDTH]);
    }
    ctx[DIRTY] = 0;
}
