/* What a network's step calls: tables, random numbers, spikes on their way, inputs and samples. `bioasm/vm/kernels` has the
   same functions under the same names, and their order of operations is the same, because results must be. */

#define AT(type, address, first) ((GLOBAL type *)(intptr_t)(address) + (first))

static inline GLOBAL int64_t *block_row(GLOBAL int64_t *ctx, int64_t b) { return AT(int64_t, ctx[BLOCK_AT], BLOCK_COLUMNS * b); }

static inline GLOBAL uint8_t *fired_cells(GLOBAL int64_t *ctx, GLOBAL int64_t *block) {
    return AT(uint8_t, ctx[FIRED_AT], 2 * ctx[N] * block[BLOCK_LANE0]);
}

static inline GLOBAL float *normals_of(GLOBAL int64_t *ctx, int64_t b, int64_t chunks) {
    return AT(float, ctx[DRAWN_AT], 2 * DRAWN * chunks * BUFFER_OF(b));
}

/* --- random numbers (bioasm/runtime/random.py) ---------------------------------------------------- */

static inline uint32_t bio_bits_of_single(float x) {
    union { float number; uint32_t bits; } same = {x};
    return same.bits;
}

static inline float bio_single(uint32_t bits) {
    union { uint32_t bits; float number; } same = {bits};
    return same.number;
}

static float bio_horner_single(float x, OF_TABLE float *coefficients, int count) {
    float result = coefficients[count - 1];
    for (int k = count - 2; k >= 0; k--) {
        const float product = result * x;
        result = product + coefficients[k];
    }
    return result;
}

static float bio_log_single(float x) {
    const uint32_t bits = bio_bits_of_single(x);
    const int32_t exponent = (int32_t)(bits - SQRT_HALF_BITS) >> 23;
    const float mantissa = bio_single(bits - ((uint32_t)exponent << 23));
    const float t = (mantissa - 1.0f) / (mantissa + 1.0f);
    const float square = t * t;
    const float series = t * bio_horner_single(square, LOG_SERIES, 5);
    const float whole = (float)exponent * LN2;
    return whole + series;
}

static float bio_open_unit(uint32_t word) {
    const float shifted = (float)word + 0.5f;
    return shifted * 0x1p-32f;
}

static inline float bio_signed(float x, uint32_t on) { return bio_single(bio_bits_of_single(x) ^ on << 30); }

/* Box-Muller of two words; a quarter turn is taken off the angle exactly, in whole numbers. */
BIO_UNUSED static void bio_normals(uint32_t x0, uint32_t x1, float *even, float *odd) {
    const float radius = BIO_SQRT_SINGLE(-2.0f * bio_log_single(bio_open_unit(x0)));
    const uint32_t quarter = (x1 + (UINT32_C(1) << 29)) >> 30;
    const float angle = (float)(int32_t)(x1 - (quarter << 30)) * TAU_OVER_2_32;
    const float square = angle * angle;
    const float sine = angle * bio_horner_single(square, SIN, 5), cosine = bio_horner_single(square, COS, 5);
    const float c = quarter & 1 ? sine : cosine, s = quarter & 1 ? cosine : sine;
    *even = radius * bio_signed(c, (quarter + 1) & 2);
    *odd = radius * bio_signed(s, quarter & 2);
}

/* Numbers for `count` cells from cell `first` of a block, for the even and the odd step of a pair; as many more as whole
   vectors of the compiled kernels have, which nothing reads. */
#define BIO_DRAW(numbers)                                                                              \
    const int64_t width = WIDTH_OF(block);                                                             \
    FOR_OWN_DRAWN(k, count) {                                                                          \
        uint32_t x0, x1;                                                                               \
        float even, odd;                                                                               \
        const int64_t lane = (first + k) % width, neuron = (first + k) / width;                        \
        threefry(key0[lane], key1[lane], (uint32_t)neuron, (uint32_t)pair, &x0, &x1);                  \
        numbers(x0, x1, &even, &odd);                                                                  \
        buffer[k] = even, buffer[DRAWN + k] = odd;                                                     \
        SERVE(1);                                                                                      \
    }

BIO_UNUSED static void draw(
    GLOBAL int64_t *ctx, int64_t b, GLOBAL float *buffer, int64_t first, int64_t count, int64_t pair, int64_t stream) {
    GLOBAL const int64_t *block = block_row(ctx, b);
    GLOBAL const uint32_t *key0 = AT(const uint32_t, ctx[KEY0_AT], block[BLOCK_LANE0]);
    GLOBAL const uint32_t *key1 = AT(const uint32_t, ctx[KEY1_AT], block[BLOCK_LANE0]);
    if (stream > 0) {
        key0 = AT(const uint32_t, ctx[NOISE_KEY_AT], (2 * stream - 2) * ctx[PLACES] + block[BLOCK_LANE0]);
        key1 = key0 + ctx[PLACES];
    }
    BIO_DRAW(bio_normals)
}

/* --- spikes --------------------------------------------------------------------------------------- */

static inline int room_for_spikes(GLOBAL int64_t *ctx, GLOBAL int64_t *block) {
    return block[BLOCK_SPIKES] + 2 * SPIKES_OF_STEP(ctx, block) <= block[BLOCK_SPIKE_CAPACITY];
}

static void bio_note_some(
    GLOBAL int64_t *ctx, GLOBAL int64_t *block, GLOBAL uint8_t *fired, int64_t step, int64_t first, int64_t neurons) {
    const int64_t width = WIDTH_OF(block);
    GLOBAL int64_t *steps = AT(int64_t, block[BLOCK_SPIKE_STEP_AT], 0), *ids = AT(int64_t, block[BLOCK_SPIKE_ID_AT], 0);
    GLOBAL int64_t *counted = AT(int64_t, ctx[SPIKE_COUNT_AT], ctx[N] * block[BLOCK_LANE0] + first * width);
    int64_t at = block[BLOCK_SPIKES];
    FOR_OWN(k, 0, neurons * width) {
        if (fired[first * width + k] != 0 && k % width < block[BLOCK_LANES]) {
            steps[SPIKE_PLACE(at)] = step;
            ids[SPIKE_PLACE(at)] = (block[BLOCK_LANE0] + k % width) * ctx[IDS] + first + k / width;
            counted[k] += 1;
            at += 1;
        }
    }
    block[BLOCK_SPIKES] = at;
}

BIO_UNUSED static void note_spikes(GLOBAL int64_t *ctx, GLOBAL int64_t *block, GLOBAL uint8_t *fired, int64_t step) {
#if PARTS == 1
    bio_note_some(ctx, block, fired, step, 0, ctx[N]);
#else
    GLOBAL const int64_t *population = AT(const int64_t, ctx[POPULATION_AT], 0);
    for (; population[0] + population[1] < ctx[N]; population += 2)
        bio_note_some(ctx, block, fired, step, population[0], population[1]);
    bio_note_some(ctx, block, fired, step, population[0], population[1]);
#endif
}

BIO_UNUSED static int64_t note_events(
    GLOBAL int64_t *ctx, GLOBAL int64_t *block, int64_t flags_at, int64_t n, int64_t step, int64_t first_id, int64_t recorded) {
    const int64_t width = WIDTH_OF(block);
    GLOBAL const uint8_t *flags = AT(uint8_t, flags_at, n * block[BLOCK_LANE0]);
    GLOBAL int64_t *steps = AT(int64_t, block[BLOCK_SPIKE_STEP_AT], 0), *ids = AT(int64_t, block[BLOCK_SPIKE_ID_AT], 0);
    int64_t at = block[BLOCK_SPIKES], found = 0;
    FOR_OWN(k, 0, n * width) {
        if (flags[k] != 0 && k % width < block[BLOCK_LANES]) {
            found += 1;
            if (recorded) {
                steps[SPIKE_PLACE(at)] = step;
                ids[SPIKE_PLACE(at)] = (block[BLOCK_LANE0] + k % width) * ctx[IDS] + first_id + k / width;
                at += 1;
            }
        }
    }
    block[BLOCK_SPIKES] = at;
    return found;
}

BIO_UNUSED static double spike_count(GLOBAL int64_t *ctx, int64_t at) { return (double)AT(int64_t, ctx[SPIKE_COUNT_AT], 0)[at]; }

BIO_UNUSED static GLOBAL int64_t *marks(int64_t address, int64_t b, int64_t slots) { return AT(int64_t, address, b * slots); }

/* Values of a port's spikes from outside: one a neuron, which all lanes share, or with `own` one a cell. */
static int64_t bio_from(GLOBAL const int64_t *block, int64_t own, int64_t n) { return own ? n * block[BLOCK_LANE0] : 0; }

static int64_t bio_each(GLOBAL const int64_t *block, int64_t own) { return own ? 1 : WIDTH_OF(block); }

static int64_t bio_train(
    GLOBAL const int64_t *block, int64_t b, int64_t step, int64_t length, int64_t step_at, int64_t neuron_at, int64_t jump_at,
    int64_t position_at, GLOBAL double *coming, int64_t own, int64_t n) {
    GLOBAL const int64_t *when = AT(int64_t, step_at, 0), *whom = AT(int64_t, neuron_at, 0);
    const int64_t width = WIDTH_OF(block), each = bio_each(block, own);
    GLOBAL const double *jump = AT(double, jump_at, bio_from(block, own, n));
    GLOBAL int64_t *position = AT(int64_t, position_at, b);
    int64_t at = *position;
    while (at < length && when[at] <= step) {
        FOR_OWN(lane, whom[at] * width, width) coming[whom[at] * width + lane] += jump[(whom[at] * width + lane) / each];
        at += 1;
    }
    const int64_t some = at - *position;
    *position = at;
    return some;
}

/* Poisson counts: how many of the limits from `at` to `end`, which fall, a word does not pass. */
static int64_t bio_count_below(GLOBAL const uint32_t *limit, int64_t at, int64_t end, uint32_t word) {
    int64_t low = at, high = end;
    while (low < high) {
        const int64_t middle = (low + high) >> 1;
        if (word <= limit[middle]) low = middle + 1;
        else high = middle;
    }
    return low - at;
}

/* What the random spikes to a port are drawn from (`bioasm/runtime/poisson.py`). */
typedef struct { int64_t first_at, end_at, top_at, limit_at, jump_at, key0_at, key1_at, own; } bio_rates;

static int64_t bio_random_spikes(GLOBAL int64_t *block, int64_t step, bio_rates from, GLOBAL double *coming, int64_t n) {
    const int64_t at = bio_from(block, from.own, n), each = bio_each(block, from.own);
    GLOBAL const int64_t *first = AT(int64_t, from.first_at, at), *end = AT(int64_t, from.end_at, at);
    GLOBAL const int64_t *top = AT(int64_t, from.top_at, at);
    GLOBAL const uint32_t *limit = AT(uint32_t, from.limit_at, 0), *key0 = AT(uint32_t, from.key0_at, block[BLOCK_LANE0]);
    GLOBAL const uint32_t *key1 = AT(uint32_t, from.key1_at, block[BLOCK_LANE0]);
    GLOBAL const double *jump = AT(double, from.jump_at, at);
    const int64_t width = WIDTH_OF(block);
    int64_t some = 0;
    FOR_OWN(k, 0, n * width) {
        uint32_t even, odd;
        const int64_t i = k / each, lane = k % width;
        threefry(key0[lane], key1[lane], (uint32_t)(k / width), (uint32_t)(step >> 1), &even, &odd);
        const uint32_t word = step & 1 ? odd : even;
        if ((int64_t)word > top[i]) continue;
        coming[k] += jump[i] * (double)bio_count_below(limit, first[i], end[i], word);
        some += 1;
    }
    return some;
}

BIO_UNUSED static void take_events(
    GLOBAL int64_t *block, int64_t b, int64_t step, int64_t step_at, int64_t neuron_at, int64_t jump_at, int64_t position_at,
    int64_t first_at, int64_t end_at, int64_t top_at, int64_t limit_at, int64_t rate_jump_at, int64_t key0_at,
    int64_t key1_at, int64_t word_at, int64_t pair_at, int64_t coming_at, int64_t mark_at, int64_t length, int64_t alike,
    int64_t rates, int64_t own, int64_t n) {
    const bio_rates from = {first_at, end_at, top_at, limit_at, rate_jump_at, key0_at, key1_at, own};
    GLOBAL double *coming = AT(double, coming_at, n * block[BLOCK_LANE0]);
    (void)word_at, (void)pair_at, (void)alike; /* for vectors of the compiled kernels */
    int64_t some = bio_train(block, b, step, length, step_at, neuron_at, jump_at, position_at, coming, own, n);
    if (rates == 1) some += bio_random_spikes(block, step, from, coming, n);
    if (some > 0) *marks(mark_at, b, 1) = 1;
}

BIO_UNUSED static void count_events(
    GLOBAL int64_t *block, int64_t b, int64_t step, int64_t step_at, int64_t neuron_at, int64_t one_at, int64_t position_at,
    int64_t first_at, int64_t end_at, int64_t top_at, int64_t limit_at, int64_t one_again_at, int64_t key0_at,
    int64_t key1_at, int64_t word_at, int64_t pair_at, int64_t given_at, int64_t given_mark_at, int64_t random_at,
    int64_t random_mark_at, int64_t length, int64_t alike, int64_t rates, int64_t own, int64_t n) {
    const bio_rates from = {first_at, end_at, top_at, limit_at, one_again_at, key0_at, key1_at, own};
    GLOBAL double *given = AT(double, given_at, n * block[BLOCK_LANE0]), *random = AT(double, random_at, n * block[BLOCK_LANE0]);
    (void)word_at, (void)pair_at, (void)alike;
    if (bio_train(block, b, step, length, step_at, neuron_at, one_at, position_at, given, own, n) > 0)
        *marks(given_mark_at, b, 1) = 1;
    if (rates == 1 && bio_random_spikes(block, step, from, random, n) > 0) *marks(random_mark_at, b, 1) = 1;
}

BIO_UNUSED static int64_t next_event(int64_t b, int64_t step_at, int64_t position_at, int64_t length, int64_t rates) {
    if (rates == 1) return 0;
    const int64_t at = AT(int64_t, position_at, b)[0];
    return at < length ? AT(int64_t, step_at, at)[0] : FAR;
}

/* Let a line of the cache be fetched: microcontrollers have none, and on devices other threads go on meanwhile. */
BIO_UNUSED static void prefetch(int64_t at) {
    (void)at;
}

/* The neuron at an end of a connection, its weight and its delay, by the bytes that each takes; with 0 one weight is that of all. */
BIO_UNUSED static int64_t neuron_of(int64_t at, int64_t size, int64_t e) {
    return size == 2 ? *AT(uint16_t, at, e) : *AT(int32_t, at, e);
}

BIO_UNUSED static double weight_of(int64_t at, int64_t size, int64_t e) {
    switch (size) {
    case 0: return *AT(double, at, 0);
    case 1: return *AT(int8_t, at, e);
    case 2: return *AT(int16_t, at, e);
    case 4: return *AT(float, at, e);
    default: return *AT(double, at, e);
    }
}

BIO_UNUSED static int64_t delay_of(int64_t at, int64_t size, int64_t e) {
    if (size == 1) return *AT(uint8_t, at, e);
    return size == 2 ? *AT(uint16_t, at, e) : *AT(int32_t, at, e);
}

BIO_UNUSED static void deliver(
    GLOBAL int64_t *block, int64_t b, GLOBAL uint8_t *fired, int64_t step, int64_t start_at, int64_t post_at, int64_t weight_at,
    int64_t scale_at, int64_t ring_at, int64_t mark_at, int64_t post_size, int64_t weight_size, int64_t n_pre, int64_t n,
    int64_t slots, int64_t late) {
    const int64_t width = WIDTH_OF(block), slot = (step + late) % slots;
    GLOBAL double *ring = AT(double, ring_at, slots * n * block[BLOCK_LANE0] + slot * n * width);
    GLOBAL const int64_t *start = AT(int64_t, start_at, 0);
    GLOBAL const double *scale = AT(double, scale_at, block[BLOCK_LANE0]);
    int some = 0;
    FOR_OWN(k, 0, n_pre * width) {
        if (fired[k] == 0) continue;
        some = 1;
        for (int64_t e = start[k / width]; e < start[k / width + 1]; e++)
            ring[neuron_of(post_at, post_size, e) * width + k % width] +=
                weight_of(weight_at, weight_size, e) * scale[k % width];
    }
    if (some) marks(mark_at, b, slots)[slot] = 1;
}

BIO_UNUSED static void depart(
    GLOBAL int64_t *block, int64_t b, GLOBAL uint8_t *fired, int64_t step, int64_t ring_at, int64_t mark_at, int64_t n_pre,
    int64_t slots, int64_t late) {
    const int64_t width = WIDTH_OF(block), slot = (step + late) % slots;
    GLOBAL uint8_t *ring = AT(uint8_t, ring_at, slots * n_pre * block[BLOCK_LANE0] + slot * n_pre * width);
    int some = 0;
    FOR_OWN(k, 0, n_pre * width) {
        ring[k] = fired[k];
        some |= fired[k];
    }
    if (some) marks(mark_at, b, slots)[slot] = 1;
}

/* Add up the weights of the spikes that arrive in a step, from who fired when they set out. */
BIO_UNUSED static void arrive(
    GLOBAL int64_t *block, int64_t b, int64_t step, int64_t start_at, int64_t post_at, int64_t weight_at, int64_t scale_at,
    int64_t ring_at, int64_t mark_at, int64_t arrived_at, int64_t arrived_mark_at, int64_t post_size, int64_t weight_size,
    int64_t n_pre, int64_t n, int64_t slots) {
    const int64_t width = WIDTH_OF(block), slot = step % slots;
    GLOBAL int64_t *mark = marks(mark_at, b, slots) + slot;
    if (*mark == 0) return;
    *mark = 0;
    GLOBAL uint8_t *sent = AT(uint8_t, ring_at, slots * n_pre * block[BLOCK_LANE0] + slot * n_pre * width);
    deliver(
        block, b, sent, 0, start_at, post_at, weight_at, scale_at, arrived_at, arrived_mark_at, post_size, weight_size, n_pre,
        n, 1, 0);
}

/* Lists of spikes, and the connections of one delay among those of a neuron. */
BIO_UNUSED static void list_spikes(
    GLOBAL int64_t *block, int64_t b, GLOBAL uint8_t *fired, int64_t step, int64_t listed_at, int64_t count_at, int64_t n,
    int64_t slots) {
    const int64_t width = WIDTH_OF(block), lanes = block[BLOCK_LANES], slot = step % slots;
    GLOBAL int32_t *listed = AT(int32_t, listed_at, slots * n * block[BLOCK_LANE0] + slot * n * width);
    int64_t some = 0;
    FOR_OWN(k, 0, n * width)
        if (fired[k] != 0 && k % width < lanes) listed[LISTED(some++)] = (int32_t)k;
    AT(int64_t, count_at, b * slots)[slot] = some;
}

BIO_UNUSED static int64_t listed_at(int64_t first, int64_t spike) { return first + LISTED(spike); }

BIO_UNUSED static int64_t first_not_below(int64_t late_at, int64_t late_size, int64_t first, int64_t end, int64_t delay) {
    while (first < end) {
        const int64_t middle = (first + end) >> 1;
        if (delay_of(late_at, late_size, middle) < delay) first = middle + 1;
        else end = middle;
    }
    return first;
}

/* --- inputs --------------------------------------------------------------------------------------- */

BIO_UNUSED static void copy_cells(int64_t to_at, int64_t from_at, int64_t offset, int64_t cells) {
    GLOBAL double *to = AT(double, to_at, offset);
    GLOBAL const double *from = AT(double, from_at, offset);
    FOR_OWN(k, 0, cells) to[k] = from[k];
}

BIO_UNUSED static void add_feedback(GLOBAL int64_t *ctx, int64_t to_at, int64_t offset, int64_t cells) {
    GLOBAL double *to = AT(double, to_at, offset);
    GLOBAL const double *current = AT(double, ctx[FEEDBACK_CURRENT_AT], offset);
    FOR_OWN(k, 0, cells) to[k] += current[k];
}

BIO_UNUSED static double feedback_of(GLOBAL int64_t *ctx, int64_t b, int64_t k, int64_t n) {
    return AT(double, ctx[FEEDBACK_CURRENT_AT], n * block_row(ctx, b)[BLOCK_LANE0])[k];
}

static int64_t bio_wave_row(int64_t step, int64_t rows, int64_t period, int64_t start) {
    if (rows == 0) return -1;
    const int64_t row = (step - start) / period;
    return row < rows ? row : -1;
}

/* To cells from `first` on, which stands at `to`. */
static void bio_add_wave(
    GLOBAL double *to, int64_t first, int64_t cells, int64_t width, int64_t step, int64_t wave_at, int64_t rows,
    int64_t columns, int64_t period, int64_t start) {
    (void)first; /* only work items that share a lane ask whose a neuron is */
    const int64_t row = bio_wave_row(step, rows, period, start);
    if (row < 0) return;
    GLOBAL const double *wave = AT(double, wave_at, row * columns);
    FOR_OWN(k, first, cells) to[k] += wave[columns > 1 ? k / width : 0];
}

BIO_UNUSED static void add_wave(
    int64_t to_at, int64_t offset, int64_t cells, int64_t width, int64_t step, int64_t wave_at, int64_t rows,
    int64_t columns, int64_t period, int64_t start) {
    bio_add_wave(AT(double, to_at, offset), 0, cells, width, step, wave_at, rows, columns, period, start);
}

BIO_UNUSED static int64_t next_wave_change(int64_t step, int64_t rows, int64_t columns, int64_t period, int64_t start) {
    (void)columns;
    const int64_t row = bio_wave_row(step, rows, period, start);
    return row < 0 ? FAR : start + (row + 1) * period;
}

BIO_UNUSED static void add_waves(
    int64_t to_at, int64_t offset, int64_t width, int64_t step, int64_t waves_at, int64_t count, int64_t rows_at
) {
    for (int64_t k = 0; k < count; k++) {
        GLOBAL const int64_t *wave = AT(int64_t, waves_at, WAVE_COLUMNS * k);
        const int64_t first = wave[WAVE_FIRST] * width;
        bio_add_wave(
            AT(double, to_at, offset + first), first, wave[WAVE_NEURONS] * width, width, step, rows_at + 8 * wave[WAVE_BEGIN],
            wave[WAVE_ROWS], wave[WAVE_WIDTH], wave[WAVE_PERIOD], wave[WAVE_START]
        );
    }
}

BIO_UNUSED static int64_t next_waves_change(int64_t step, int64_t waves_at, int64_t count) {
    int64_t earliest = FAR;
    for (int64_t k = 0; k < count; k++) {
        GLOBAL const int64_t *wave = AT(int64_t, waves_at, WAVE_COLUMNS * k);
        const int64_t next =
            next_wave_change(step, wave[WAVE_ROWS], wave[WAVE_WIDTH], wave[WAVE_PERIOD], wave[WAVE_START]);
        earliest = next < earliest ? next : earliest;
    }
    return earliest;
}

/* --- samples -------------------------------------------------------------------------------------- */

static inline GLOBAL int64_t *bio_recorder(GLOBAL int64_t *ctx, int64_t r, int64_t b) {
    return AT(int64_t, ctx[RECORDER_AT], RECORDER_COLUMNS * (r * ctx[BLOCKS] + b));
}

static inline int room_for_trace(GLOBAL int64_t *block) { return block[BLOCK_TRACE] < block[BLOCK_TRACE_CAPACITY]; }

static int room_for_samples(GLOBAL int64_t *ctx, int64_t b) {
    for (int64_t r = 0; r < ctx[RECORDERS]; r++) {
        GLOBAL const int64_t *row = bio_recorder(ctx, r, b);
        if (row[RECORDER_COUNT] >= row[RECORDER_CAPACITY]) return 0;
    }
    return 1;
}

BIO_UNUSED static int64_t bio_first_not_below(GLOBAL const int64_t *sorted, int64_t count, int64_t wanted) {
    int64_t first = 0, end = count;
    while (first < end) {
        const int64_t middle = (first + end) >> 1;
        if (sorted[middle] < wanted) first = middle + 1;
        else end = middle;
    }
    return first;
}

static double value_of(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t variable, int64_t b, int64_t k);

static double bio_recorded(GLOBAL int64_t *ctx, GLOBAL double *real, GLOBAL const int64_t *row, int64_t b, int64_t cell) {
    if (row[RECORDER_SOURCE_AT]) return *AT(double, row[RECORDER_SOURCE_AT], cell);
    return value_of(ctx, real, row[RECORDER_VARIABLE], b, cell);
}

/* The sample of one recorder in this step, (neurons, width). Where a lane has several work items the list of neurons is in
   rising order, and their places in the sample follow it; each takes its own cells between the first and the last. */
static void bio_sample(
    GLOBAL int64_t *ctx, GLOBAL double *real, GLOBAL const int64_t *row, int64_t b, GLOBAL double *values, int64_t width) {
    const int64_t count = row[RECORDER_NEURONS];
    GLOBAL const int64_t *neurons = AT(int64_t, row[RECORDER_NEURON_AT], 0);
#if PARTS == 1
    FOR_OWN(k, 0, count * width)
        values[k] = bio_recorded(ctx, real, row, b, neurons[k / width] * width + k % width);
#else
    const int64_t first = neurons[0] * width;
    FOR_OWN(k, first, (neurons[count - 1] + 1) * width - first) {
        const int64_t cell = first + k;
        const int64_t at = bio_first_not_below(neurons, count, cell / width);
        if (neurons[at] == cell / width)
            values[neurons[count + at] * width + cell % width] = bio_recorded(ctx, real, row, b, cell);
    }
#endif
}

static int64_t take_samples(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b, int64_t step) {
    const int64_t width = WIDTH_OF(block_row(ctx, b));
    int64_t nearest = FAR;
    for (int64_t r = 0; r < ctx[RECORDERS]; r++) {
        GLOBAL int64_t *row = bio_recorder(ctx, r, b);
        if (step >= row[RECORDER_NEXT]) {
            row[RECORDER_NEXT] += row[RECORDER_EVERY];
            const int64_t cells = row[RECORDER_NEURONS] * width;
            bio_sample(ctx, real, row, b, AT(double, row[RECORDER_VALUE_AT], row[RECORDER_COUNT] * cells), width);
            row[RECORDER_COUNT] += 1;
        }
        nearest = bio_min_whole(nearest, row[RECORDER_NEXT]);
    }
    return nearest;
}
