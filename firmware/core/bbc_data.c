/* Blocks of data: their headers, their arrays, and what indices must not do. */
#include "bbc_data.h"
#include "serve.h"
#include "tables.h"

void bbc_flaw(flaw *why, unsigned said) { why->said = (uint8_t)said, why->subject = 0, why->place = LINK_NOWHERE; }

static unsigned width_of(unsigned type) {
    static const uint8_t widths[7] = {0, 1, 2, 4, 8, 4, 8};
    return type < 7 ? widths[type] : 0;
}

double bbc_number(const bbc_array *a, uint32_t at) {
    switch (a->type) {
    case 5: {
        union { uint32_t bits; float number; } same = {get_u32(a->at + 4 * (size_t)at)};
        return same.number;
    }
    case 6: return get_f64(a->at + 8 * (size_t)at);
    }
    return (double)bbc_whole(a, at);
}

int64_t bbc_whole(const bbc_array *a, uint32_t at) {
    switch (a->type) {
    case 1: return (int8_t)a->at[at];
    case 2: return (int16_t)get_u16(a->at + 2 * (size_t)at);
    case 3: return (int32_t)get_u32(a->at + 4 * (size_t)at);
    case 4: return (int64_t)get_u64(a->at + 8 * (size_t)at);
    }
    return 0;
}

bbc_data bbc_block(const bbc_program *p, uint32_t at) {
    const uint8_t *row = p->data + 8 + 96 * (size_t)at;
    bbc_data d = {row[0], row[1], row[2], get_u64(row + 8), get_u64(row + 16), {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}};
    for (int k = 0; k < 3; k++) {
        const uint8_t *record = row + 24 + 24 * k;
        d.arrays[k].type = record[0];
        d.arrays[k].at = p->data + get_u64(record + 8);
        d.arrays[k].count = (uint32_t)get_u64(record + 16);
    }
    return d;
}

/* The arrays lie one after the other from `end` on; zeros between them. */
static int array(const bbc_program *p, const uint8_t *record, uint32_t *end, flaw *why) {
    const unsigned width = width_of(record[0]);
    const uint64_t offset = get_u64(record + 8), count = get_u64(record + 16);
    const uint32_t start = (*end + BBC_ALIGNMENT - 1) / BBC_ALIGNMENT * BBC_ALIGNMENT;
    if (!width) return bbc_wrong(why, SAY_DATA);
    for (int k = 1; k < 8; k++)
        if (record[k]) return bbc_wrong(why, SAY_DATA);
    if (offset != start || offset > p->data_bytes || count > (p->data_bytes - offset) / width)
        return bbc_wrong(why, SAY_DATA);
    for (uint32_t k = *end; k < offset; serve(1), k++)
        if (p->data[k]) return bbc_wrong(why, SAY_DATA);
    *end = (uint32_t)(offset + count * width);
    return 1;
}

static int finite(const bbc_array *a, flaw *why) {
    for (uint32_t k = 0; k < a->count; serve(1), k++)
        if (!is_finite(bbc_number(a, k))) return bbc_wrong(why, SAY_NOT_FINITE);
    for (uint32_t k = 0; a->type == 4 && k < a->count; serve(1), k++) {
        const double x = (double)bbc_whole(a, k);
        if (x >= 9223372036854775808.0 || (int64_t)x != bbc_whole(a, k)) return bbc_wrong(why, SAY_NOT_A_FLOAT);
    }
    return 1;
}

static int dense(const bbc_data *d, flaw *why) {
    const uint64_t count = d->arrays[0].count;
    const int fits = d->dimensions == 1 ? d->rows == count
                                        : d->rows <= count && (d->rows ? d->columns == count / d->rows && count % d->rows == 0 : d->columns <= LIMIT_DATA_ENTRIES && !count);
    if (!fits) return bbc_wrong(why, SAY_DATA);
    return finite(d->arrays, why);
}

static int sparse(const bbc_data *d, flaw *why) {
    const bbc_array *row = d->arrays, *column = row + 1;
    if (d->dimensions != 2 || row->count != column->count || row->count != row[2].count || row->type != 3 || column->type != 3)
        return bbc_wrong(why, SAY_MATRIX);
    if (d->rows < 1 || d->rows > LIMIT_NEURONS || d->columns < 1 || d->columns > LIMIT_NEURONS) return bbc_wrong(why, SAY_TOO_MANY);
    if (d->flags && d->rows != d->columns) return bbc_wrong(why, SAY_MATRIX_SHAPE);
    int64_t before = -1;
    for (uint32_t k = 0; k < row->count; k++) {
        const int64_t i = bbc_whole(row, k), j = bbc_whole(column, k);
        serve(1);
        if (i < 0 || j < 0 || (uint64_t)i >= d->rows || (uint64_t)j >= d->columns) return bbc_wrong(why, SAY_MATRIX_INDEX);
        if (d->flags && i > j) return bbc_wrong(why, SAY_MATRIX_ORDER);
        if (i * (int64_t)d->columns + j <= before) return bbc_wrong(why, SAY_MATRIX_ORDER);
        before = i * (int64_t)d->columns + j;
    }
    return finite(row + 2, why);
}

static int terms(const bbc_data *d, flaw *why) {
    const bbc_array *start = d->arrays, *index = start + 1, *value = start + 2;
    if (d->dimensions != 1 || d->flags || start->count != value->count + 1 || start->type != 4 || index->type != 3)
        return bbc_wrong(why, SAY_TERMS);
    if (d->rows < 1 || d->rows > LIMIT_NEURONS) return bbc_wrong(why, SAY_TOO_MANY);
    if (bbc_whole(start, 0) != 0 || bbc_whole(start, value->count) != index->count) return bbc_wrong(why, SAY_TERMS_ORDER);
    for (uint32_t k = 0; k < value->count; k++) {
        const int64_t first = bbc_whole(start, k), end = bbc_whole(start, k + 1);
        if (end <= first || end - first > LIMIT_TERM_ORDER || end > index->count || first < 0)
            return bbc_wrong(why, SAY_TERMS_ORDER);
        for (int64_t a = first; a < end; a++) {
            const int64_t i = bbc_whole(index, (uint32_t)a);
            serve(1);
            if (i < 0 || (uint64_t)i >= d->rows) return bbc_wrong(why, SAY_TERMS_INDEX);
            if (a > first && i <= bbc_whole(index, (uint32_t)a - 1)) return bbc_wrong(why, SAY_TERMS_ORDER);
        }
    }
    return finite(value, why);
}

static int block(const bbc_program *p, uint32_t at, uint32_t *end, flaw *why) {
    const uint8_t *row = p->data + 8 + 96 * (size_t)at;
    const unsigned kind = row[0], flags = row[1], dimensions = row[2];
    if (kind < DATA_DENSE || kind > DATA_RANDOM || (dimensions != 1 && dimensions != 2) || row[3] || (dimensions == 1 && get_u64(row + 16)) ||
        flags > (kind == DATA_SPARSE || kind == DATA_RANDOM ? (kind == DATA_SPARSE ? 1u : 2u) : 0u) || (kind == DATA_RANDOM && flags == 1))
        return bbc_wrong(why, SAY_DATA);
    if (kind == DATA_RANDOM) {
        bbc_wrong(why, SAY_RANDOM_VALUES);
        return why->subject = "random values", 0;
    }
    const int arrays = kind == DATA_DENSE ? 1 : 3;
    for (int k = 0; k < arrays; k++)
        if (!array(p, row + 24 + 24 * k, end, why)) return 0;
    for (int k = 24 + 24 * arrays; k < 96; k++)
        if (row[k]) return bbc_wrong(why, SAY_DATA);
    const bbc_data d = bbc_block(p, at);
    return kind == DATA_DENSE ? dense(&d, why) : kind == DATA_SPARSE ? sparse(&d, why) : terms(&d, why);
}

int bbc_check_data(bbc_program *p, flaw *why) {
    if (p->data_bytes < 8) return bbc_wrong(why, SAY_DATA);
    const uint32_t count = get_u32(p->data);
    if (count > LIMIT_DATA) return bbc_wrong(why, SAY_TOO_MANY);
    if (get_u32(p->data + 4) || 8 + 96 * count > p->data_bytes) return bbc_wrong(why, SAY_DATA);
    uint32_t end = 8 + 96 * count;
    for (uint32_t k = 0; k < count; k++)
        if (!block(p, k, &end, why)) return 0;
    if (end != p->data_bytes) return bbc_wrong(why, SAY_DATA);
    p->blocks = count;
    return 1;
}
