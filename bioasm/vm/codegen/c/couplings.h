/* Products of J with states in one order of summation (`bioasm/vm/kernels/product.py`). J_ITEM is the type of its entries;
   J_KIND is 0 without J, 1 for a dense J, 2 for sparse rows, 3 for a dense J of bytes. It is 4 where only the run knows: then
   J_NOW is the kind, and J_ENTRY, J_DENSE and J_LAST read entries, as whoever includes this says. */

#if J_KIND == 4
#define J_IS(kind) (J_NOW == (kind))
#else
#define J_IS(kind) (J_KIND == (kind))
#define J_ENTRY(e) (J_ENTRIES[e])
#define J_DENSE(i, k) (J_ENTRIES[(i) * n + (k)])
#define J_LAST(i, k) (AT(const double, ctx[J_TAIL_AT], 0)[(i) * 8 + (k)])
#define J_ENTRIES AT(const J_ITEM, ctx[J_AT], 0)
#endif
#if J_KIND
#define J_ROWS AT(const int64_t, ctx[J_ROW_AT], 0)
#define J_COLUMNS AT(const int32_t, ctx[J_COLUMN_AT], 0)
#endif

BIO_UNUSED static double bio_tree(const double *p) {
    const double even = (p[0] + p[4]) + (p[2] + p[6]), odd = (p[1] + p[5]) + (p[3] + p[7]);
    return even + odd;
}

#if J_KIND == 1 || J_KIND == 4
/* Lanes side by side: each in the order of one lane alone, with `mirrored` in that of the half product below. */
static void bio_many_lanes(GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL double *y, int64_t n, int mirrored) {
    (void)ctx;
    for (int64_t i = 0; i < n; i++) {
        const int64_t apart = !mirrored ? n : i < n - n % 8 ? i - i % 8 : 0;
        FOR_OWN(lane, 0, WIDE) {
            double partial[8] = {0.0};
            for (int64_t column = 0; column < apart; column++) {
                double *part = partial + column % 8;
                *part = bio_fma((double)J_DENSE(i, column), s[column * WIDE + lane], *part);
            }
            double total = bio_tree(partial);
            for (int64_t column = apart; column < n; column++)
                total = bio_fma((double)J_DENSE(i, column), s[column * WIDE + lane], total);
            y[i * WIDE + lane] = total;
        }
    }
}

static void bio_one_lane(GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL double *y, int64_t n) {
    (void)ctx;
    const int64_t whole = n - n % 8;
    for (int64_t i = 0; i < n; i++) {
        double partial[8] = {0.0};
        for (int64_t j = 0; j < whole; j += 8) {
            for (int64_t r = 0; r < 8; r++) partial[r] = bio_fma((double)J_DENSE(i, j + r), s[j + r], partial[r]);
            SERVE(8);
        }
        for (int64_t j = 0; j < 8; j++) partial[j] = bio_fma(J_LAST(i, j), s[whole + j], partial[j]);
        y[i] = bio_tree(partial);
    }
}

/* The entries of row i from column `first` up to the diagonal, each for both of its rows. */
static void bio_finish_row(
    GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL double *y, int64_t i, int64_t first, int64_t n) {
    (void)ctx, (void)n;
    for (int64_t k = first; k < i; k++) {
        const double weight = (double)J_DENSE(i, k);
        y[i] = bio_fma(weight, s[k], y[i]);
        y[k] = bio_fma(weight, s[i], y[k]);
        SERVE(2);
    }
    y[i] = bio_fma((double)J_DENSE(i, i), s[i], y[i]);
}

static void bio_one_lane_symmetric(GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL double *y, int64_t n) {
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const int64_t whole = i - i % 8;
        double sums[8][8] = {{0.0}};
        for (int64_t j = 0; j < whole; j++) {
            for (int64_t r = 0; r < 8; r++) {
                const double weight = (double)J_DENSE(i + r, j);
                sums[r][j % 8] = bio_fma(weight, s[j], sums[r][j % 8]);
                y[j] = bio_fma(weight, s[i + r], y[j]);
            }
            SERVE(16);
        }
        for (int64_t r = 0; r < 8; r++) y[i + r] = bio_tree(sums[r]);
        for (int64_t r = i; r < i + 8; r++) bio_finish_row(ctx, s, y, r, whole, n);
    }
    for (; i < n; i++) {
        y[i] = 0.0;
        bio_finish_row(ctx, s, y, i, 0, n);
    }
}
#endif

#if J_KIND >= 3
/* One lane in whole numbers: s is cut into limbs of LIMB_BITS bits (`bioasm/vm/kernels/int8_product.py`). `lane` counts all
   lanes; s and y begin with it, and their neurons are `width` apart. */
static void bio_byte_product(
    GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL double *y, int64_t lane, int64_t n, int64_t width) {
    const int64_t columns = (n + LIMB_COLUMNS - 1) / LIMB_COLUMNS * LIMB_COLUMNS, bits = LIMB_BITS;
    GLOBAL int16_t *limbs = AT(int16_t, ctx[LIMB_AT], lane * LIMBS * columns);
    for (int64_t k = 0; k < n; k++) {
        int64_t whole = (int64_t)(s[k * width] * 0x1p56);
        for (int64_t limb = 0; limb < LIMBS; limb++) {
            const int64_t shift = (LIMBS - 1 - limb) * bits;
            limbs[limb * columns + k] = (int16_t)bio_min_whole(whole >> shift, INT64_C(1) << bits);
            whole &= (INT64_C(1) << shift) - 1;
        }
        SERVE(1);
    }
    for (int64_t i = 0; i < n; i++) {
        double entry = 0.0;
        for (int64_t limb = LIMBS - 1; limb >= 0; limb--) {
            int32_t sum = 0;
            for (int64_t k = 0; k < n; k++) sum += (int32_t)J_DENSE(i, k) * limbs[limb * columns + k];
            entry = ((double)sum + entry) * 0x1p-14;
            SERVE(n / 8);
        }
        y[i * width] = entry;
    }
}
#endif

/* y = J s for a block, of J in rows of entries. */
BIO_UNUSED static void bio_rows_product(
    GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL double *y, int64_t n, int64_t width) {
    (void)ctx, (void)s, (void)y, (void)n, (void)width;
#if J_KIND == 2 || J_KIND == 4
    for (int64_t i = 0; i < n; i++) {
        FOR_OWN(lane, 0, width) {
            double total = 0.0;
            for (int64_t e = J_ROWS[i]; e < J_ROWS[i + 1]; SERVE(1), e++)
                total = bio_fma((double)J_ENTRY(e), s[J_COLUMNS[e] * width + lane], total);
            y[i * width + lane] = total;
        }
    }
#endif
}

/* y = J s for a block. */
BIO_UNUSED static void product(
    GLOBAL int64_t *ctx, GLOBAL const double *s, GLOBAL double *y, int64_t n, int64_t width, int64_t lane0) {
    (void)lane0;
    if (J_IS(0))
        FOR_OWN(k, 0, n * width) y[k] = 0.0;
    if (J_IS(2)) bio_rows_product(ctx, s, y, n, width);
#if J_KIND == 1 || J_KIND == 4
    const int mirrored = ctx[SYMMETRIC] == 1 && n >= HALVED_FROM;
    if (J_IS(1) && width > 1) bio_many_lanes(ctx, s, y, n, mirrored);
    else if (J_IS(1) && mirrored) bio_one_lane_symmetric(ctx, s, y, n);
    else if (J_IS(1)) bio_one_lane(ctx, s, y, n);
#endif
#if J_KIND >= 3
    if (J_IS(3))
        FOR_OWN(lane, 0, width) bio_byte_product(ctx, s + lane, y + lane, lane0 + lane, n, width);
#endif
}

/* sign times column i of a symmetric J is added to one lane of field; J[i, i]. */
BIO_UNUSED static double add_column(
    GLOBAL int64_t *ctx, GLOBAL double *field, int64_t n, int64_t width, int64_t i, int64_t lane, double sign) {
    double own = 0.0;
    (void)ctx, (void)field, (void)n, (void)width, (void)i, (void)lane, (void)sign;
#if J_KIND == 2 || J_KIND == 4
    for (int64_t e = J_IS(2) ? J_ROWS[i] : 0; J_IS(2) && e < J_ROWS[i + 1]; SERVE(1), e++) {
        field[J_COLUMNS[e] * width + lane] += sign * (double)J_ENTRY(e);
        if (J_COLUMNS[e] == i) own = (double)J_ENTRY(e);
    }
#endif
#if J_KIND && J_KIND != 2
    if (J_IS(1) || J_IS(3)) {
        for (int64_t k = 0; k < n; SERVE(1), k++) field[k * width + lane] += sign * (double)J_DENSE(i, k);
        own = (double)J_DENSE(i, i);
    }
#endif
    return own;
}
