/* What a network's step calls: tables, random numbers, spikes on their way, inputs and samples. `bioasm/vm/kernels` has the
   same functions under the same names, and their order of operations is the same, because results must be. */

static inline int64_t *block_row(int64_t *ctx, int64_t b) {
    return (int64_t *)(intptr_t)ctx[BLOCK_AT] + BLOCK_COLUMNS * b;
}

#define AT(type, address, first) ((type *)(intptr_t)(address) + (first))

static inline uint8_t *fired_cells(int64_t *ctx, int64_t *block) {
    return AT(uint8_t, ctx[FIRED_AT], 2 * ctx[N] * block[BLOCK_LANE0]);
}

static inline float *normals_of(int64_t *ctx, int64_t b, int64_t chunks) {
    return AT(float, ctx[DRAWN_AT], 2 * DRAWN * chunks * b);
}

/* --- random numbers (bioasm/runtime/random.py) ---------------------------------------------------- */

static inline uint32_t bio_rotated(uint32_t x, int by) { return x << by | x >> (32 - by); }

/* Threefry-2x32 with 20 rounds (Salmon et al., SC 2011). */
BIO_UNUSED static void threefry(uint32_t k0, uint32_t k1, uint32_t c0, uint32_t c1, uint32_t *even, uint32_t *odd) {
    const uint32_t keys[3] = {k0, k1, k0 ^ k1 ^ PARITY};
    uint32_t x0 = c0 + k0, x1 = c1 + k1;
    for (int r = 0; r < 20; r++) {
        x0 += x1;
        x1 = bio_rotated(x1, ROTATIONS[r % 8]) ^ x0;
        if (r % 4 == 3) {
            const uint32_t turn = (uint32_t)(r / 4 + 1);
            x0 += keys[turn % 3];
            x1 += keys[(turn + 1) % 3] + turn;
        }
    }
    *even = x0, *odd = x1;
}

static inline uint32_t bio_bits_of_single(float x) {
    union { float number; uint32_t bits; } same = {x};
    return same.bits;
}

static inline float bio_single(uint32_t bits) {
    union { uint32_t bits; float number; } same = {bits};
    return same.number;
}

static float bio_horner_single(float x, const float *coefficients, int count) {
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
    const float radius = __builtin_sqrtf(-2.0f * bio_log_single(bio_open_unit(x0)));
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
typedef void bio_numbers(uint32_t x0, uint32_t x1, float *even, float *odd);

static void bio_draw(
    const int64_t *block, const uint32_t *key0, const uint32_t *key1, float *buffer, int64_t first, int64_t count,
    int64_t pair, bio_numbers *numbers) {
    const int64_t width = block[BLOCK_WIDTH];
    for (int64_t k = 0; k < count; k++) {
        uint32_t even, odd;
        const int64_t lane = (first + k) % width, neuron = (first + k) / width;
        threefry(key0[lane], key1[lane], (uint32_t)neuron, (uint32_t)pair, &even, &odd);
        numbers(even, odd, buffer + k, buffer + DRAWN + k);
    }
}

BIO_UNUSED static void draw(
    int64_t *ctx, int64_t b, float *buffer, int64_t first, int64_t count, int64_t pair, int64_t stream) {
    const int64_t *block = block_row(ctx, b);
    const uint32_t *key0 = AT(const uint32_t, ctx[KEY0_AT], block[BLOCK_LANE0]);
    const uint32_t *key1 = AT(const uint32_t, ctx[KEY1_AT], block[BLOCK_LANE0]);
    if (stream > 0) {
        key0 = AT(const uint32_t, ctx[NOISE_KEY_AT], (2 * stream - 2) * ctx[PLACES] + block[BLOCK_LANE0]);
        key1 = key0 + ctx[PLACES];
    }
    bio_draw(block, key0, key1, buffer, first, count, pair, bio_normals);
}

/* --- spikes --------------------------------------------------------------------------------------- */

static inline int room_for_spikes(int64_t *ctx, int64_t *block) {
    return block[BLOCK_SPIKES] + 2 * ctx[N] * block[BLOCK_WIDTH] <= block[BLOCK_SPIKE_CAPACITY];
}

BIO_UNUSED static void note_spikes(int64_t *ctx, int64_t *block, uint8_t *fired, int64_t step) {
    const int64_t n = ctx[N], width = block[BLOCK_WIDTH];
    int64_t *steps = AT(int64_t, block[BLOCK_SPIKE_STEP_AT], 0), *ids = AT(int64_t, block[BLOCK_SPIKE_ID_AT], 0);
    int64_t *counted = AT(int64_t, ctx[SPIKE_COUNT_AT], n * block[BLOCK_LANE0]);
    int64_t at = block[BLOCK_SPIKES];
    for (int64_t k = 0; k < n * width; k++) {
        if (fired[k] != 0 && k % width < block[BLOCK_LANES]) {
            steps[at] = step;
            ids[at] = (block[BLOCK_LANE0] + k % width) * n + k / width;
            counted[k] += 1;
            at += 1;
        }
    }
    block[BLOCK_SPIKES] = at;
}

BIO_UNUSED static double spike_count(int64_t *ctx, int64_t at) { return (double)AT(int64_t, ctx[SPIKE_COUNT_AT], 0)[at]; }

BIO_UNUSED static int64_t *marks(int64_t address, int64_t b, int64_t slots) { return AT(int64_t, address, b * slots); }

static int64_t bio_train(
    int64_t b, int64_t step, int64_t length, int64_t step_at, int64_t neuron_at, int64_t jump_at, int64_t position_at,
    double *coming, int64_t width) {
    const int64_t *when = AT(int64_t, step_at, 0), *whom = AT(int64_t, neuron_at, 0);
    const double *jump = AT(double, jump_at, 0);
    int64_t *position = AT(int64_t, position_at, b), at = *position;
    while (at < length && when[at] <= step) {
        for (int64_t k = whom[at] * width; k < (whom[at] + 1) * width; k++) coming[k] += jump[whom[at]];
        at += 1;
    }
    const int64_t some = at - *position;
    *position = at;
    return some;
}

/* Poisson counts: how many of the limits from `at` to `end`, which fall, a word does not pass. */
static int64_t bio_count_below(const uint32_t *limit, int64_t at, int64_t end, uint32_t word) {
    int64_t low = at, high = end;
    while (low < high) {
        const int64_t middle = (low + high) >> 1;
        if (word <= limit[middle]) low = middle + 1;
        else high = middle;
    }
    return low - at;
}

/* What the random spikes to a port are drawn from (`bioasm/runtime/poisson.py`). */
typedef struct { int64_t first_at, end_at, top_at, limit_at, jump_at, key0_at, key1_at; } bio_rates;

static int64_t bio_random_spikes(int64_t *block, int64_t step, bio_rates from, double *coming, int64_t n) {
    const int64_t *first = AT(int64_t, from.first_at, 0), *end = AT(int64_t, from.end_at, 0), *top = AT(int64_t, from.top_at, 0);
    const uint32_t *limit = AT(uint32_t, from.limit_at, 0), *key0 = AT(uint32_t, from.key0_at, block[BLOCK_LANE0]);
    const uint32_t *key1 = AT(uint32_t, from.key1_at, block[BLOCK_LANE0]);
    const double *jump = AT(double, from.jump_at, 0);
    const int64_t width = block[BLOCK_WIDTH];
    int64_t some = 0;
    for (int64_t k = 0; k < n * width; k++) {
        uint32_t even, odd;
        const int64_t i = k / width, lane = k % width;
        threefry(key0[lane], key1[lane], (uint32_t)i, (uint32_t)(step >> 1), &even, &odd);
        const uint32_t word = step & 1 ? odd : even;
        if ((int64_t)word > top[i]) continue;
        coming[k] += jump[i] * (double)bio_count_below(limit, first[i], end[i], word);
        some += 1;
    }
    return some;
}

BIO_UNUSED static void take_events(
    int64_t *block, int64_t b, int64_t step, int64_t step_at, int64_t neuron_at, int64_t jump_at, int64_t position_at,
    int64_t first_at, int64_t end_at, int64_t top_at, int64_t limit_at, int64_t rate_jump_at, int64_t key0_at,
    int64_t key1_at, int64_t word_at, int64_t coming_at, int64_t mark_at, int64_t length, int64_t rates, int64_t n) {
    const bio_rates from = {first_at, end_at, top_at, limit_at, rate_jump_at, key0_at, key1_at};
    double *coming = AT(double, coming_at, n * block[BLOCK_LANE0]);
    (void)word_at;
    int64_t some = bio_train(b, step, length, step_at, neuron_at, jump_at, position_at, coming, block[BLOCK_WIDTH]);
    if (rates == 1) some += bio_random_spikes(block, step, from, coming, n);
    if (some > 0) *marks(mark_at, b, 1) = 1;
}

BIO_UNUSED static void count_events(
    int64_t *block, int64_t b, int64_t step, int64_t step_at, int64_t neuron_at, int64_t one_at, int64_t position_at,
    int64_t first_at, int64_t end_at, int64_t top_at, int64_t limit_at, int64_t one_again_at, int64_t key0_at,
    int64_t key1_at, int64_t word_at, int64_t given_at, int64_t given_mark_at, int64_t random_at, int64_t random_mark_at,
    int64_t length, int64_t rates, int64_t n) {
    const bio_rates from = {first_at, end_at, top_at, limit_at, one_again_at, key0_at, key1_at};
    double *given = AT(double, given_at, n * block[BLOCK_LANE0]), *random = AT(double, random_at, n * block[BLOCK_LANE0]);
    (void)word_at;
    if (bio_train(b, step, length, step_at, neuron_at, one_at, position_at, given, block[BLOCK_WIDTH]) > 0)
        *marks(given_mark_at, b, 1) = 1;
    if (rates == 1 && bio_random_spikes(block, step, from, random, n) > 0) *marks(random_mark_at, b, 1) = 1;
}

BIO_UNUSED static int64_t next_event(int64_t b, int64_t step_at, int64_t position_at, int64_t length, int64_t rates) {
    if (rates == 1) return 0;
    const int64_t at = AT(int64_t, position_at, b)[0];
    return at < length ? AT(int64_t, step_at, at)[0] : FAR;
}

BIO_UNUSED static void deliver(
    int64_t *block, int64_t b, uint8_t *fired, int64_t step, int64_t start_at, int64_t post_at, int64_t weight_at,
    int64_t ring_at, int64_t mark_at, int64_t n_pre, int64_t n, int64_t slots, int64_t late) {
    const int64_t width = block[BLOCK_WIDTH], slot = (step + late) % slots;
    double *ring = AT(double, ring_at, slots * n * block[BLOCK_LANE0] + slot * n * width);
    const int64_t *start = AT(int64_t, start_at, 0);
    const int32_t *post = AT(int32_t, post_at, 0);
    const double *weight = AT(double, weight_at, 0);
    int some = 0;
    for (int64_t k = 0; k < n_pre * width; k++) {
        if (fired[k] == 0) continue;
        some = 1;
        for (int64_t e = start[k / width]; e < start[k / width + 1]; e++) ring[post[e] * width + k % width] += weight[e];
    }
    if (some) marks(mark_at, b, slots)[slot] = 1;
}

BIO_UNUSED static void depart(
    int64_t *block, int64_t b, uint8_t *fired, int64_t step, int64_t ring_at, int64_t mark_at, int64_t n_pre, int64_t slots,
    int64_t late) {
    const int64_t width = block[BLOCK_WIDTH], slot = (step + late) % slots;
    uint8_t *ring = AT(uint8_t, ring_at, slots * n_pre * block[BLOCK_LANE0] + slot * n_pre * width);
    int some = 0;
    for (int64_t k = 0; k < n_pre * width; k++) {
        ring[k] = fired[k];
        some |= fired[k];
    }
    if (some) marks(mark_at, b, slots)[slot] = 1;
}

/* Add up the weights of the spikes that arrive in a step, from who fired when they set out. */
BIO_UNUSED static void arrive(
    int64_t *block, int64_t b, int64_t step, int64_t start_at, int64_t post_at, int64_t weight_at, int64_t ring_at,
    int64_t mark_at, int64_t arrived_at, int64_t arrived_mark_at, int64_t n_pre, int64_t n, int64_t slots) {
    const int64_t width = block[BLOCK_WIDTH], slot = step % slots;
    int64_t *mark = marks(mark_at, b, slots) + slot;
    if (*mark == 0) return;
    *mark = 0;
    uint8_t *sent = AT(uint8_t, ring_at, slots * n_pre * block[BLOCK_LANE0] + slot * n_pre * width);
    deliver(block, b, sent, 0, start_at, post_at, weight_at, arrived_at, arrived_mark_at, n_pre, n, 1, 0);
}

/* --- inputs --------------------------------------------------------------------------------------- */

BIO_UNUSED static void copy_cells(int64_t to_at, int64_t from_at, int64_t offset, int64_t cells) {
    double *to = AT(double, to_at, offset);
    const double *from = AT(double, from_at, offset);
    for (int64_t k = 0; k < cells; k++) to[k] = from[k];
}

BIO_UNUSED static void add_feedback(int64_t *ctx, int64_t to_at, int64_t offset, int64_t cells) {
    double *to = AT(double, to_at, offset);
    const double *current = AT(double, ctx[FEEDBACK_CURRENT_AT], offset);
    for (int64_t k = 0; k < cells; k++) to[k] += current[k];
}

BIO_UNUSED static double feedback_of(int64_t *ctx, int64_t b, int64_t k, int64_t n) {
    return AT(double, ctx[FEEDBACK_CURRENT_AT], n * block_row(ctx, b)[BLOCK_LANE0])[k];
}

static int64_t bio_wave_row(int64_t step, int64_t rows, int64_t period, int64_t start) {
    if (rows == 0) return -1;
    const int64_t row = (step - start) / period;
    return row < rows ? row : -1;
}

BIO_UNUSED static void add_wave(
    int64_t to_at, int64_t offset, int64_t cells, int64_t width, int64_t step, int64_t wave_at, int64_t rows,
    int64_t columns, int64_t period, int64_t start) {
    const int64_t row = bio_wave_row(step, rows, period, start);
    if (row < 0) return;
    double *to = AT(double, to_at, offset);
    const double *wave = AT(double, wave_at, row * columns);
    for (int64_t k = 0; k < cells; k++) to[k] += wave[columns > 1 ? k / width : 0];
}

BIO_UNUSED static int64_t next_wave_change(int64_t step, int64_t rows, int64_t columns, int64_t period, int64_t start) {
    (void)columns;
    const int64_t row = bio_wave_row(step, rows, period, start);
    return row < 0 ? FAR : start + (row + 1) * period;
}

/* --- samples -------------------------------------------------------------------------------------- */

static inline int64_t *bio_recorder(int64_t *ctx, int64_t r, int64_t b) {
    return AT(int64_t, ctx[RECORDER_AT], RECORDER_COLUMNS * (r * ctx[BLOCKS] + b));
}

static inline int room_for_trace(int64_t *block) { return block[BLOCK_TRACE] < block[BLOCK_TRACE_CAPACITY]; }

static int room_for_samples(int64_t *ctx, int64_t b) {
    for (int64_t r = 0; r < ctx[RECORDERS]; r++) {
        const int64_t *row = bio_recorder(ctx, r, b);
        if (row[RECORDER_COUNT] >= row[RECORDER_CAPACITY]) return 0;
    }
    return 1;
}

static double value_of(int64_t *ctx, double *real, int64_t variable, int64_t b, int64_t k);

static int64_t take_samples(int64_t *ctx, double *real, int64_t b, int64_t step) {
    const int64_t width = block_row(ctx, b)[BLOCK_WIDTH];
    int64_t nearest = FAR;
    for (int64_t r = 0; r < ctx[RECORDERS]; r++) {
        int64_t *row = bio_recorder(ctx, r, b);
        if (step >= row[RECORDER_NEXT]) {
            row[RECORDER_NEXT] += row[RECORDER_EVERY];
            const int64_t count = row[RECORDER_NEURONS], *neurons = AT(int64_t, row[RECORDER_NEURON_AT], 0);
            double *values = AT(double, row[RECORDER_VALUE_AT], row[RECORDER_COUNT] * count * width);
            const double *source = AT(double, row[RECORDER_SOURCE_AT], 0);
            for (int64_t k = 0; k < count * width; k++) {
                const int64_t cell = neurons[k / width] * width + k % width;
                values[k] = row[RECORDER_SOURCE_AT] ? source[cell] : value_of(ctx, real, row[RECORDER_VARIABLE], b, cell);
            }
            row[RECORDER_COUNT] += 1;
        }
        nearest = bio_min_whole(nearest, row[RECORDER_NEXT]);
    }
    return nearest;
}
