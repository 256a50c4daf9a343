/* The fused multiply-add of targets that have none. */

#ifndef BIO_FMA
/* x * y + z with one rounding, in whole numbers: a C library's fma may be a product and a sum. A product of 106 bits and the
   addend are lined up in 192 bits, what falls off the end is kept as one bit, and the sum is rounded to even. */
typedef struct { uint64_t high, middle, low; } bio_wide;

static bio_wide bio_shifted_right(bio_wide x, int by) {
    uint64_t lost = 0;
    while (by >= 64) {
        lost |= x.low;
        x.low = x.middle, x.middle = x.high, x.high = 0;
        by -= 64;
        if ((x.high | x.middle | x.low) == 0) break;
    }
    if (by > 0 && by < 64) {
        lost |= x.low << (64 - by);
        x.low = x.low >> by | x.middle << (64 - by);
        x.middle = x.middle >> by | x.high << (64 - by);
        x.high >>= by;
    }
    x.low |= lost != 0;
    return x;
}

static bio_wide bio_sum(bio_wide x, bio_wide y, int subtract) {
    bio_wide sum;
    if (subtract) {
        sum.low = x.low - y.low;
        const uint64_t first = x.low < y.low;
        sum.middle = x.middle - y.middle - first;
        const uint64_t second = x.middle < y.middle || (first && x.middle == y.middle);
        sum.high = x.high - y.high - second;
    } else {
        sum.low = x.low + y.low;
        const uint64_t first = sum.low < x.low;
        sum.middle = x.middle + y.middle + first;
        const uint64_t second = sum.middle < x.middle || (first && sum.middle == x.middle);
        sum.high = x.high + y.high + second;
    }
    return sum;
}

static int bio_less(bio_wide x, bio_wide y) {
    if (x.high != y.high) return x.high < y.high;
    return x.middle != y.middle ? x.middle < y.middle : x.low < y.low;
}

/* The significand of a number that is not 0 with 53 bits, and the exponent of its last bit. */
static uint64_t bio_significand(double x, int *exponent) {
    const uint64_t bits = bio_bits(x);
    uint64_t digits = bits & ((UINT64_C(1) << 52) - 1);
    *exponent = (int)(bits >> 52 & 2047);
    if (*exponent == 0) {
        *exponent = 1;
        while (digits >> 52 == 0) digits <<= 1, *exponent -= 1;
    } else {
        digits |= UINT64_C(1) << 52;
    }
    *exponent -= 1075;
    return digits;
}

/* sign * x * 2^exponent, rounded to even; the uppermost bit of x may be anywhere. */
static double bio_rounded(bio_wide x, int exponent, uint64_t sign) {
    if ((x.high | x.middle | x.low) == 0) return bio_number(sign);
    while (x.high >> 63 == 0) {
        x.high = x.high << 1 | x.middle >> 63, x.middle = x.middle << 1 | x.low >> 63, x.low <<= 1;
        exponent -= 1;
    }
    exponent += 128; /* of the last bit of `high`, whose upper 53 bits are the result */
    int drop = 11, biased = exponent + 11 + 1075;
    if (biased < 1) drop += 1 - biased, biased = 1;
    if (drop > 64) return bio_number(sign);
    const uint64_t kept = drop == 64 ? 0 : x.high >> drop;
    const uint64_t half = UINT64_C(1) << (drop - 1);
    const uint64_t rest = drop == 64 ? x.high : x.high & ((UINT64_C(1) << drop) - 1);
    const int beyond = (x.middle | x.low) != 0;
    const int up = rest > half || (rest == half && (beyond || (kept & 1)));
    const uint64_t digits = kept + (uint64_t)up;
    if (digits >> 52 == 0) return bio_number(sign | digits);
    if (digits >> 53) biased += 1;
    if (biased >= 2047) return bio_number(sign | UINT64_C(2047) << 52);
    return bio_number(sign | (uint64_t)biased << 52 | ((digits >> (digits >> 53)) & ((UINT64_C(1) << 52) - 1)));
}

static inline double bio_lost(double x, double y, double sum) {
    const double of_y = sum - x;
    return (x - (sum - of_y)) + (y - of_y);
}

/* The same for numbers far from the ends of the range, in sums and products without error; the last sum but one is rounded
   to odd, so that the last one rounds the whole (Boldo and Melquiond 2008). */
static double bio_fma_of_usual(double x, double y, double z) {
    const double split = 134217729.0, product = x * y;
    const double x_high = x * split - (x * split - x), y_high = y * split - (y * split - y);
    const double x_low = x - x_high, y_low = y - y_high;
    const double rest = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low;
    const double low = z + rest, low_lost = bio_lost(z, rest, low);
    const double high = product + low, high_lost = bio_lost(product, low, high);
    double tail = low_lost + high_lost;
    const double lost = bio_lost(low_lost, high_lost, tail);
    const uint64_t bits = bio_bits(tail);
    if (lost != 0.0 && (bits & 1) == 0) tail = bio_number((lost > 0.0) == (tail > 0.0) ? bits + 1 : bits - 1);
    return high + tail;
}

static inline int bio_is_usual(double x) { return bio_abs(x) < 0x1p400 && bio_abs(x) > 0x1p-400; }

LINKAGE double bio_fma(double x, double y, double z) {
    SERVE(1);
    if (bio_is_usual(x) && bio_is_usual(y) && bio_is_usual(z)) return bio_fma_of_usual(x, y, z);
    const uint64_t top = UINT64_C(1) << 63;
    if (!(bio_abs(x) < BIO_INFINITY && bio_abs(y) < BIO_INFINITY && bio_abs(z) < BIO_INFINITY)) return x * y + z;
    if (x == 0.0 || y == 0.0) return x * y + z;
    int ex, ey, ez;
    const uint64_t mx = bio_significand(x, &ex), my = bio_significand(y, &ey);
    uint64_t sign = (bio_bits(x) ^ bio_bits(y)) & top;
    const uint64_t a = mx >> 32, b = mx & 0xffffffff, c = my >> 32, d = my & 0xffffffff;
    const uint64_t cross = a * d + (b * d >> 32), other = b * c + (cross & 0xffffffff);
    bio_wide product = {a * c + (cross >> 32) + (other >> 32), other << 32 | (b * d & 0xffffffff), 0};
    int exponent = ex + ey - 64;
    if (z == 0.0) return bio_rounded(product, exponent, sign);
    bio_wide addend = {bio_significand(z, &ez), 0, 0};
    ez -= 128;
    const uint64_t sign_of_z = bio_bits(z) & top;
    /* Both get room above, then the one with the smaller exponent is shifted. */
    addend = bio_shifted_right(addend, 8), ez += 8;
    if (exponent < ez) {
        const int by = ez - exponent;
        product = bio_shifted_right(product, by < 400 ? by : 400);
        exponent = ez;
    } else {
        const int by = exponent - ez;
        addend = bio_shifted_right(addend, by < 400 ? by : 400);
    }
    if (sign == sign_of_z) return bio_rounded(bio_sum(product, addend, 0), exponent, sign);
    if (bio_less(product, addend)) {
        const bio_wide swapped = product;
        product = addend, addend = swapped;
        sign = sign_of_z;
    }
    const bio_wide difference = bio_sum(product, addend, 1);
    if ((difference.high | difference.middle | difference.low) == 0) return 0.0;
    return bio_rounded(difference, exponent, sign);
}
#endif
