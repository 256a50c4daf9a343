/* What every generated file begins with: exact arithmetic without a C library, and where things are in the tables. */

static inline uint64_t bio_bits(double x) {
    union { double number; uint64_t bits; } same = {x};
    return same.bits;
}

static inline double bio_number(uint64_t bits) {
    union { uint64_t bits; double number; } same = {bits};
    return same.number;
}

static inline double bio_min(double x, double y) { return y < x ? y : x; }
static inline double bio_max(double x, double y) { return y > x ? y : x; }
static inline int64_t bio_min_whole(int64_t x, int64_t y) { return y < x ? y : x; }
static inline int64_t bio_max_whole(int64_t x, int64_t y) { return y > x ? y : x; }
static inline double bio_abs(double x) { return bio_number(bio_bits(x) & ~(UINT64_C(1) << 63)); }
static inline double bio_sqrt(double x) { return BIO_SQRT(x); }

/* The largest whole number that is not above x; numbers from 2^52 on, infinities and NaN are themselves. */
BIO_UNUSED static double bio_floor(double x) {
    if (!(bio_abs(x) < 4503599627370496.0)) return x;
    const double whole = (double)(int64_t)x;
    const double below = whole > x ? whole - 1.0 : whole;
    return bio_number(bio_bits(below) | (bio_bits(x) & (UINT64_C(1) << 63)));
}

BIO_UNUSED static double bio_ceil(double x) { return -bio_floor(-x); }

#ifdef BIO_FMA
static inline double bio_fma(double x, double y, double z) { return BIO_FMA(x, y, z); }
#endif
