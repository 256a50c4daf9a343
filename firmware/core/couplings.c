/* Couplings in the form that a kernel reads, as `bioasm/vm/couplings.py` prepares them: the same storage decides the same order
   of sums, and for spins the same common unit makes the same whole numbers. */
#include "couplings.h"
#include "arithmetic.h"
#include "tables.h"
#include "dynamics.h"

#define LOWEST (-900)
#define WHOLE_LIMIT 536870912.0
#define SMALL 32

bio_view bio_j;

static double entry(uint32_t at) {
    switch (bio_j.type) {
    case 1: return ((const int8_t *)bio_j.dense)[at];
    case 2: return ((const int16_t *)bio_j.dense)[at];
    case 3: return ((const int32_t *)bio_j.dense)[at];
    case 4: return (double)((const int64_t *)bio_j.dense)[at];
    case 5: return ((const float *)bio_j.dense)[at];
    }
    return ((const double *)bio_j.dense)[at];
}

static double as_given(uint32_t i, uint32_t k) { return entry(i * bio_j.n + k); }

/* Halved before they are added, so that nothing overflows. */
static double symmetric_part(uint32_t i, uint32_t k) {
    if (i == k) return 0.0;
    return bio_j.symmetric ? as_given(i, k) : as_given(i, k) / 2 + as_given(k, i) / 2;
}

double bio_dense(int64_t i, int64_t k) {
    const uint32_t row = (uint32_t)i, column = (uint32_t)k;
    return bio_j.spins ? symmetric_part(row, column) * bio_j.per_unit : as_given(row, column);
}

static uint32_t index_at(const bbc_array *a, uint32_t at) { return (uint32_t)bbc_whole(a, at); }

/* --- rows of entries ------------------------------------------------------------------------------ */

typedef struct {
    int64_t *start;
    int32_t *column;
    double *value;
} rows;

static uint32_t start_of(const rows *r, uint32_t i) { return (uint32_t)r->start[i]; }

/* Room for rows whose numbers of entries stand in start[1..n]; they become starts. */
static int make_rows(rows *r, memory *m, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) r->start[i + 1] += r->start[i];
    const uint32_t entries = start_of(r, n);
    r->column = take_low(m, 4 * entries + 8);
    r->value = take_low(m, 8 * entries + 8);
    return r->column && r->value;
}

/* Put an entry into its row, where columns rise; one that stands there already is added to. `used` counts those of a row. */
static void put_entry(rows *r, uint32_t *used, uint32_t i, uint32_t k, double value) {
    const uint32_t start = start_of(r, i);
    uint32_t at = start + used[i];
    for (uint32_t e = start; e < at; e++)
        if (r->column[e] == (int32_t)k) {
            r->value[e] += value;
            return;
        }
    serve(1 + used[i] / 8);
    for (; at > start && r->column[at - 1] > (int32_t)k; at--) r->column[at] = r->column[at - 1], r->value[at] = r->value[at - 1];
    r->column[at] = (int32_t)k, r->value[at] = value;
    used[i] += 1;
}

/* Rows may have room that was not used where entries were added together. */
static void close_rows(rows *r, const uint32_t *used, uint32_t n) {
    uint32_t end = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t from = start_of(r, i);
        r->start[i] = end;
        for (uint32_t e = 0; e < used[i]; e++, end++) r->column[end] = r->column[from + e], r->value[end] = r->value[from + e];
        serve(1 + used[i] / 8);
    }
    r->start[n] = end;
}

/* The entry of sparse data at a place, and whether it stands for its mirror image too. */
static double sparse_entry(const bbc_data *j, uint32_t at, uint32_t *i, uint32_t *k, int *mirrored) {
    *i = index_at(j->arrays, at), *k = index_at(j->arrays + 1, at);
    *mirrored = j->flags && *i != *k;
    return bbc_number(j->arrays + 2, at);
}

/* Rows of sparse data: as given, or for spins the symmetric part without its diagonal. */
static int rows_of_sparse(rows *r, memory *m, uint32_t n, const bbc_data *j, int spins) {
    const uint32_t count = j->arrays[0].count;
    r->start = take_low(m, 8 * (n + 1));
    if (!r->start) return 0;
    uint32_t i, k;
    int mirrored;
    for (uint32_t e = 0; e < count; e++) {
        sparse_entry(j, e, &i, &k, &mirrored);
        serve(1);
        if (spins && i == k) continue;
        r->start[i + 1] += 1;
        r->start[k + 1] += mirrored || spins;
    }
    if (!make_rows(r, m, n)) return 0;
    uint32_t *used = take_low(m, 4 * n);
    if (!used) return 0;
    for (uint32_t e = 0; e < count; e++) {
        const double value = sparse_entry(j, e, &i, &k, &mirrored);
        if (spins && i == k) continue;
        const double part = spins && !j->flags ? value / 2 : value;
        put_entry(r, used, i, k, part);
        if (mirrored || spins) put_entry(r, used, k, i, part);
    }
    close_rows(r, used, n);
    return 1;
}

/* The place of an entry in its row, whose columns rise, by bisection; the row's end where it is not there. */
static uint32_t place_of(const rows *r, uint32_t i, uint32_t k) {
    uint32_t first = start_of(r, i), end = start_of(r, i + 1);
    const uint32_t behind = end;
    while (first < end) {
        const uint32_t middle = (first + end) / 2;
        if (r->column[middle] < (int32_t)k) first = middle + 1;
        else end = middle;
    }
    return first < behind && r->column[first] == (int32_t)k ? first : behind;
}

/* Whether rows equal their transpose. */
static int rows_symmetric(const rows *r, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t e = start_of(r, i); e < start_of(r, i + 1); serve(2), e++) {
            const uint32_t k = (uint32_t)r->column[e], other = place_of(r, k, i);
            if (other == start_of(r, k + 1) || r->value[other] != r->value[e]) return 0;
        }
    return 1;
}

/* --- terms ---------------------------------------------------------------------------------------- */

/* Bind the terms; `weights` are in the kernel's type. The index arrays lie in the program. */
static int bind_terms(int64_t *ctx, memory *m, uint32_t n, const bbc_data *terms, const void *weights) {
    int64_t *of_start = take_low(m, 8 * (n + 1));
    if (!of_start) return 0;
    const uint32_t count = terms ? terms->arrays[2].count : 0, indices = terms ? terms->arrays[1].count : 0;
    int32_t *of_term = take_low(m, 4 * indices + 8);
    if (!of_term) return 0;
    ctx[CTX_OF_START_AT] = (int64_t)(intptr_t)of_start;
    ctx[CTX_OF_TERM_AT] = (int64_t)(intptr_t)of_term;
    ctx[CTX_TERMS] = count;
    if (!count) return 1;
    const bbc_array *start = terms->arrays, *index = start + 1;
    ctx[CTX_TERM_START_AT] = (int64_t)(intptr_t)start->at;
    ctx[CTX_TERM_INDEX_AT] = (int64_t)(intptr_t)index->at;
    ctx[CTX_TERM_VALUE_AT] = (int64_t)(intptr_t)weights;
    for (uint32_t a = 0; a < indices; serve(1), a++) of_start[index_at(index, a) + 1] += 1;
    for (uint32_t i = 0; i < n; i++) of_start[i + 1] += of_start[i];
    for (uint32_t t = count; t-- > 0;) /* the starts go down to where they belong again */
        for (uint32_t a = index_at(start, t); a < index_at(start, t + 1); serve(1), a++) of_term[--of_start[index_at(index, a) + 1]] = (int32_t)t;
    for (uint32_t i = 0; i < n; i++) of_start[i] = of_start[i + 1];
    of_start[n] = indices;
    return 1;
}

/* --- the feedback of membranes: J as given -------------------------------------------------------- */

static int dense_symmetric(uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < i; serve(1), k++)
            if (as_given(i, k) != as_given(k, i)) return 0;
    return 1;
}

static int row_sums_fit(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (uint32_t k = 0; k < n; serve(1), k++) sum += size_of(as_given(i, k));
        if (sum >= 131072.0) return 0;
    }
    return 1;
}

static const double *doubles(memory *m, const bbc_array *from, uint32_t n) {
    double *made = take_low(m, 8 * n + 8);
    for (uint32_t k = 0; made && from && k < n; serve(1), k++) made[k] = bbc_number(from, k);
    return made;
}

static void set_dense(const bbc_data *j) {
    bio_j.form = 1, bio_j.type = j->arrays[0].type, bio_j.dense = j->arrays[0].at;
}

static int for_feedback(int64_t *ctx, memory *m, uint32_t n, const bio_given *given) {
    rows r;
    ctx[CTX_SYMMETRIC] = 1;
    if (given->j && given->j->kind == DATA_SPARSE) {
        if (!rows_of_sparse(&r, m, n, given->j, 0)) return 0;
        bio_j.form = 2, bio_j.entries = r.value;
        ctx[CTX_J_ROW_AT] = (int64_t)(intptr_t)r.start, ctx[CTX_J_COLUMN_AT] = (int64_t)(intptr_t)r.column;
        ctx[CTX_SYMMETRIC] = given->j->flags || rows_symmetric(&r, n);
    } else if (given->j) {
        set_dense(given->j);
        ctx[CTX_SYMMETRIC] = dense_symmetric(n);
        if (bio_j.type == 1 && row_sums_fit(n)) bio_j.form = 3;
        ctx[CTX_J_AT] = (int64_t)(intptr_t)bio_j.dense;
    }
    if (bio_j.form == 3) {
        const uint32_t columns = (n + DYN_LIMB_COLUMNS - 1) / DYN_LIMB_COLUMNS * DYN_LIMB_COLUMNS;
        void *limbs = take_low(m, 2 * DYN_LIMBS * columns);
        if (!limbs) return 0;
        ctx[CTX_LIMB_AT] = (int64_t)(intptr_t)limbs;
    }
    const double *h = doubles(m, given->h ? given->h->arrays : 0, n);
    const uint32_t count = given->terms ? given->terms->arrays[2].count : 0;
    const double *weights = doubles(m, given->terms ? given->terms->arrays + 2 : 0, count);
    ctx[CTX_H_AT] = (int64_t)(intptr_t)h;
    return h && weights && bind_terms(ctx, m, n, given->terms, weights);
}

/* --- spins: the symmetric part, in whole numbers where that is exact ------------------------------ */

/* The sum of numbers as numpy has it, in pairs of eight partial sums. */
static double pairwise(double (*at)(uint32_t), uint32_t from, uint32_t count) {
    if (count < 8) {
        double sum = 0.0;
        for (uint32_t k = 0; k < count; k++) sum += at(from + k);
        return sum;
    }
    if (count > 128) {
        const uint32_t half = count / 2 - count / 2 % 8;
        const double first = pairwise(at, from, half); /* before the other, whoever asks for numbers in their order */
        return first + pairwise(at, from + half, count - half);
    }
    double part[8];
    uint32_t k;
    for (k = 0; k < 8; k++) part[k] = at(from + k);
    for (; k < count - count % 8; k++) part[k % 8] += at(from + k);
    double sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    for (; k < count; k++) sum += at(from + k);
    return sum;
}

static double dense_diagonal(uint32_t i) { return as_given(i, i); }

static const bbc_data *diagonal_of; /* sparse data, for `next_diagonal`, */
static uint32_t diagonal_at;        /* and where that goes on */

static int on_diagonal(const bbc_data *j, uint32_t e) {
    serve(1);
    return index_at(j->arrays, e) == index_at(j->arrays + 1, e);
}

/* `pairwise` asks for each number once, in their order. */
static double next_diagonal(uint32_t which) {
    (void)which;
    while (!on_diagonal(diagonal_of, diagonal_at)) diagonal_at++;
    return bbc_number(diagonal_of->arrays + 2, diagonal_at++);
}

static double sum_of_diagonal(const bbc_data *j, uint32_t n) {
    if (!j) return 0.0;
    if (j->kind == DATA_DENSE) return pairwise(dense_diagonal, 0, n);
    uint32_t count = 0;
    for (uint32_t e = 0; e < j->arrays[0].count; e++) count += (uint32_t)on_diagonal(j, e);
    diagonal_of = j, diagonal_at = 0;
    return pairwise(next_diagonal, 0, count);
}

/* The exponent of the lowest set bit of a number that is not 0. */
static int lowest_bit(double x) {
    const uint64_t bits = bits_of(x);
    int exponent = (int)(bits >> 52 & 2047);
    uint64_t digits = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent) digits |= UINT64_C(1) << 52;
    else exponent = 1;
    exponent -= 1075;
    while (!(digits & 1)) digits >>= 1, exponent += 1;
    return exponent;
}

static double power_of_two(int exponent) {
    union { uint64_t bits; double number; } same = {(uint64_t)(exponent + 1023) << 52};
    return same.number;
}

typedef struct {
    int lowest, any;
} bits_seen;

static void see(bits_seen *seen, double x) {
    serve(1);
    if (x == 0.0) return;
    const int bit = lowest_bit(x);
    if (!seen->any || bit < seen->lowest) seen->lowest = bit;
    seen->any = 1;
}

/* The sum of the sizes of row i. */
static double reach(uint32_t i, uint32_t n, const rows *r) {
    double sum = 0.0;
    if (bio_j.form == 1)
        for (uint32_t k = 0; k < n; serve(1), k++) sum += size_of(symmetric_part(i, k));
    if (bio_j.form == 2)
        for (uint32_t e = start_of(r, i); e < start_of(r, i + 1); serve(1), e++) sum += size_of(r->value[e]);
    return sum;
}

/* The same of the terms that each spin is in. */
static void reach_of_terms(double *sums, const bbc_data *terms) {
    for (uint32_t t = 0; terms && t < terms->arrays[2].count; t++)
        for (uint32_t a = index_at(terms->arrays, t); a < index_at(terms->arrays, t + 1); serve(1), a++)
            sums[index_at(terms->arrays + 1, a)] += size_of(bbc_number(terms->arrays + 2, t));
}

/* The power of two that all numbers are multiples of, where every field then fits an integer; 0: there is none. */
static double common_unit(uint32_t n, const bio_given *given, const rows *r, double *of_terms) {
    bits_seen seen = {0, 0};
    for (uint32_t i = 0; bio_j.form == 1 && i < n; i++)
        for (uint32_t k = 0; k < n; k++) see(&seen, symmetric_part(i, k));
    for (uint32_t e = 0; bio_j.form == 2 && e < start_of(r, n); e++) see(&seen, r->value[e]);
    for (uint32_t k = 0; given->h && k < n; k++) see(&seen, bbc_number(given->h->arrays, k));
    for (uint32_t t = 0; given->terms && t < given->terms->arrays[2].count; t++) see(&seen, bbc_number(given->terms->arrays + 2, t));
    int lowest = seen.any ? seen.lowest : 0;
    if (bio_j.form == 1 && bio_j.type == 1 && lowest > 0) lowest = 0;
    if (lowest <= LOWEST) return 0.0;
    if (lowest > 900) return 0.0;
    const double unit = power_of_two(lowest), most = WHOLE_LIMIT * unit;
    reach_of_terms(of_terms, given->terms);
    for (uint32_t i = 0; i < n; i++) {
        const double h = given->h ? size_of(bbc_number(given->h->arrays, i)) : 0.0;
        if (!(h + reach(i, n, r) + of_terms[i] < most)) return 0.0;
    }
    return unit;
}

/* Numbers divided by the unit, as the kernel reads them: int32 or float64. */
static const void *fields_of(memory *m, const bbc_array *from, uint32_t count, double unit) {
    if (unit == 0.0) return doubles(m, from, count);
    int32_t *made = take_low(m, 4 * count + 8);
    for (uint32_t k = 0; made && from && k < count; serve(1), k++) made[k] = (int32_t)(bbc_number(from, k) / unit);
    return made;
}

/* A dense J that is mostly zeros is kept as rows; the sums are the same, and there are fewer of them. */
static int for_energy(int64_t *ctx, double *real, memory *m, uint32_t n, const bio_given *given, int *whole) {
    rows r = {0, 0, 0};
    if (given->j && given->j->kind == DATA_SPARSE) {
        if (!rows_of_sparse(&r, m, n, given->j, 1)) return 0;
        bio_j.form = 2, bio_j.entries = r.value;
        ctx[CTX_J_ROW_AT] = (int64_t)(intptr_t)r.start, ctx[CTX_J_COLUMN_AT] = (int64_t)(intptr_t)r.column;
    } else if (given->j) {
        set_dense(given->j);
        bio_j.symmetric = dense_symmetric(n);
    }
    uint8_t *const kept = m->low;
    double *of_terms = take_low(m, 8 * n);
    if (!of_terms) return 0;
    const double unit = common_unit(n, given, &r, of_terms);
    m->low = kept;
    *whole = unit != 0.0;
    bio_j.per_unit = *whole ? 1.0 / unit : 1.0;
    if (*whole && bio_j.form == 2) {
        int32_t *counted = take_low(m, 4 * start_of(&r, n) + 8);
        if (!counted) return 0;
        for (uint32_t e = 0; e < start_of(&r, n); serve(1), e++) counted[e] = (int32_t)(r.value[e] / unit);
        bio_j.counted = counted;
    }
    real[REAL_SCALE] = *whole ? unit : 1.0;
    real[REAL_CONSTANT] = -0.5 * sum_of_diagonal(given->j, n);
    const void *h = fields_of(m, given->h ? given->h->arrays : 0, n, unit);
    const uint32_t count = given->terms ? given->terms->arrays[2].count : 0;
    const void *weights = fields_of(m, given->terms ? given->terms->arrays + 2 : 0, count, unit);
    ctx[CTX_H_AT] = (int64_t)(intptr_t)h;
    return h && weights && bind_terms(ctx, m, n, given->terms, weights);
}

int bind_couplings(int64_t *ctx, double *real, memory *m, uint32_t n, const bio_given *given, int spins, int *whole) {
    memset(&bio_j, 0, sizeof bio_j);
    bio_j.n = n, bio_j.spins = spins, bio_j.per_unit = 1.0;
    ctx[CTX_DIRTY] = 1;
    return spins ? for_energy(ctx, real, m, n, given, whole) : for_feedback(ctx, m, n, given);
}
