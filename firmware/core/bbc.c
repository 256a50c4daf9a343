/* The reader of bytecode: container, sections, instructions against the table. Data blocks are checked in bbc_data.c. */
#include "bbc.h"
#include "bbc_data.h"
#include "serve.h"
#include "tables.h"

#define CHECKED 1024 /* bytes */

typedef struct {
    const uint8_t *at;
    uint32_t size;
    int there;
} section;

static int beyond(flaw *why, unsigned said, const char *subject) {
    bbc_wrong(why, said);
    return why->subject = subject, 0;
}

static uint32_t aligned(uint32_t offset) { return (offset + BBC_ALIGNMENT - 1) / BBC_ALIGNMENT * BBC_ALIGNMENT; }

static int all_zero(const uint8_t *from, const uint8_t *to) {
    for (; from < to; serve(1), from++)
        if (*from) return 0;
    return 1;
}

/* The checksum of a section, in pieces. */
static uint32_t checksum(const uint8_t *at, uint32_t size) {
    uint32_t crc = 0;
    for (; size > CHECKED; at += CHECKED, size -= CHECKED) {
        crc = crc32_of(crc, at, CHECKED);
        serve(CHECKED / 16);
    }
    return crc32_of(crc, at, size);
}

/* --- the container -------------------------------------------------------------------------------- */

static int header(const uint8_t *file, uint32_t length, uint32_t *sections, flaw *why) {
    if (length < 8 || memcmp(file, BBC_MAGIC, 8)) return bbc_wrong(why, SAY_NO_BYTECODE);
    if (length < 32) return bbc_wrong(why, SAY_ENDS_EARLY);
    if (get_u16(file + 8) != BBC_FORMAT_VERSION) return bbc_wrong(why, SAY_OTHER_VERSION);
    const unsigned isa = get_u16(file + 10);
    if (isa < 1 || isa > ISA_VERSION) return bbc_wrong(why, SAY_OTHER_VERSION);
    const uint64_t stated = get_u64(file + 16);
    if (stated > length) return bbc_wrong(why, SAY_ENDS_EARLY);
    if (stated < length) return bbc_wrong(why, SAY_SECTIONS);
    *sections = get_u32(file + 12);
    if (*sections < 1 || *sections > LIMIT_SECTIONS || 32 + 24 * *sections > length || get_u32(file + 24))
        return bbc_wrong(why, SAY_SECTIONS);
    const uint32_t crc = crc32_of(crc32_of(0, file, 28), file + 32, 24 * *sections);
    return crc == get_u32(file + 28) ? 1 : bbc_wrong(why, SAY_CHECKSUM);
}

static int one_section(const uint8_t *file, uint32_t length, const uint8_t *row, uint32_t *end, flaw *why) {
    const unsigned kind = get_u16(row), flags = get_u16(row + 2);
    const int known = kind >= SECTION_CODE && kind < SECTION_COUNT;
    if (!known && (flags & 1)) return bbc_wrong(why, SAY_UNKNOWN_SECTION);
    if (known && flags != (unsigned)(BBC_CRITICAL_KINDS >> kind & 1)) return bbc_wrong(why, SAY_SECTIONS);
    const uint64_t offset = get_u64(row + 8), size = get_u64(row + 16);
    if (offset != aligned(*end) || size > length || offset > length - size)
        return bbc_wrong(why, SAY_SECTIONS);
    if (!all_zero(file + *end, file + offset)) return bbc_wrong(why, SAY_SECTIONS);
    if (checksum(file + offset, (uint32_t)size) != get_u32(row + 4)) return bbc_wrong(why, SAY_CHECKSUM);
    *end = (uint32_t)(offset + size);
    return 1;
}

static int container(const uint8_t *file, uint32_t length, section found[SECTION_COUNT], flaw *why) {
    uint32_t sections = 0, end;
    if (!header(file, length, &sections, why)) return 0;
    end = 32 + 24 * sections;
    for (uint32_t k = 0; k < sections; k++) {
        const uint8_t *row = file + 32 + 24 * k;
        if (!one_section(file, length, row, &end, why)) return 0;
        const unsigned kind = get_u16(row);
        for (uint32_t other = 0; other < k; other++)
            if (get_u16(file + 32 + 24 * other) == kind) return bbc_wrong(why, SAY_SECTIONS);
        if (kind < SECTION_CODE || kind >= SECTION_COUNT) continue;
        found[kind].at = file + get_u64(row + 8), found[kind].size = (uint32_t)get_u64(row + 16), found[kind].there = 1;
    }
    if (end != length) return bbc_wrong(why, SAY_SECTIONS);
    return found[SECTION_CODE].there ? 1 : bbc_wrong(why, SAY_SECTIONS);
}

/* --- strings -------------------------------------------------------------------------------------- */

/* How many bytes the first character of UTF-8 takes; 0: it is none. */
static uint32_t character(const uint8_t *at, const uint8_t *end) {
    const unsigned first = at[0];
    if (first < 0x80) return 1;
    const uint32_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || (uint32_t)(end - at) < size) return 0;
    for (uint32_t k = 1; k < size; k++)
        if (at[k] >> 6 != 2) return 0;
    if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f)) return 0;
    return (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f) ? 0 : size;
}

static int strings(bbc_strings *s, const section *from, uint32_t most, uint32_t longest, int alone, flaw *why) {
    s->count = s->bytes = 0;
    if (!from->there) return 1;
    if (from->size < 8) return bbc_wrong(why, SAY_STRINGS);
    s->count = get_u32(from->at), s->bytes = get_u32(from->at + 4);
    if ((uint64_t)8 + 4 * (uint64_t)s->count + s->bytes > from->size) return bbc_wrong(why, SAY_STRINGS);
    if (s->count > most) return bbc_wrong(why, SAY_TOO_MANY);
    s->ends = from->at + 8, s->text = s->ends + 4 * s->count;
    uint32_t before = 0;
    for (uint32_t k = 0; k < s->count; k++) {
        const uint32_t end = get_u32(s->ends + 4 * k);
        if (end < before || end - before > longest || end > s->bytes) return bbc_wrong(why, SAY_STRINGS);
        for (const uint8_t *at = s->text + before; at < s->text + end;) {
            const uint32_t size = character(at, s->text + end);
            if (!size) return bbc_wrong(why, SAY_STRINGS);
            at += size;
            serve(1);
        }
        before = end;
    }
    if (before != s->bytes) return bbc_wrong(why, SAY_STRINGS);
    if (alone && 8 + 4 * s->count + s->bytes != from->size) return bbc_wrong(why, SAY_STRINGS);
    return 1;
}

const char *bbc_string(const bbc_strings *s, uint32_t at, uint32_t *size) {
    const uint32_t start = at ? get_u32(s->ends + 4 * (at - 1)) : 0;
    *size = get_u32(s->ends + 4 * at) - start;
    return (const char *)s->text + start;
}

int bbc_is(const bbc_strings *s, uint32_t at, const char *word) {
    uint32_t size;
    const char *text = bbc_string(s, at, &size);
    return size == strlen(word) && !memcmp(text, word, size);
}

static int alike(const bbc_strings *s, uint32_t a, uint32_t b) {
    uint32_t size, other;
    serve(1);
    const char *text = bbc_string(s, a, &size), *text_b = bbc_string(s, b, &other);
    return size == other && !memcmp(text, text_b, size);
}

static int letter(unsigned c) { return (c | 32) - 'a' < 26 || c == '_'; }
static int digit(unsigned c) { return c - '0' < 10; }

static int is_word(const char *text, uint32_t size, const char *word) {
    if (strlen(word) != size) return 0;
    for (uint32_t k = 0; k < size; k++)
        if ((text[k] | 32) != (word[k] | 32)) return 0;
    return 1;
}

static int is_register(const char *text, uint32_t size) {
    if (size < 2 || size > 3 || (text[0] | 32) != 'r' || !digit((unsigned char)text[1])) return 0;
    if (size == 2) return 1;
    const int number = (text[1] - '0') * 10 + text[2] - '0';
    return digit((unsigned char)text[2]) && text[1] != '0' && number < LIMIT_REGISTERS;
}

/* Whether a word can name a constant, a datum or a label. Letters of other alphabets pass the reader of the assembler; here
   they are beyond what is worth a table. */
static int can_name(const bbc_strings *s, uint32_t at, flaw *why) {
    uint32_t size;
    if (at >= s->count) return bbc_wrong(why, SAY_STRINGS);
    serve(16);
    const char *text = bbc_string(s, at, &size);
    int fine = size > 0 && letter((unsigned char)text[0]);
    for (uint32_t k = 0; k < size && fine; k++) {
        const unsigned c = (unsigned char)text[k];
        if (c >= 0x80) return beyond(why, SAY_NAME_LETTERS, "names");
        fine = letter(c) || digit(c) || c == '.';
    }
    fine = fine && !is_register(text, size);
    for (const char *word = MNEMONICS; *word && fine; word += strlen(word) + 1) fine = !(strlen(word) == size && !memcmp(word, text, size));
    for (unsigned k = 0; k < sizeof RESERVED_WORDS / sizeof *RESERVED_WORDS && fine; k++) fine = !is_word(text, size, RESERVED_WORDS[k]);
    return fine ? 1 : bbc_wrong(why, SAY_BAD_NAME);
}

/* --- records -------------------------------------------------------------------------------------- */

static int records(const section *from, uint32_t size, uint32_t most, uint32_t *count, flaw *why) {
    *count = from->there ? from->size / size : 0;
    if (from->there && from->size % size) return bbc_wrong(why, SAY_SECTION_SIZE);
    return *count <= most ? 1 : bbc_wrong(why, SAY_TOO_MANY);
}

static int constants(bbc_program *p, const section *from, flaw *why) {
    if (!records(from, 16, LIMIT_CONSTANTS, &p->constant_count, why)) return 0;
    p->constants = from->at;
    for (uint32_t k = 0; k < p->constant_count; k++) {
        const uint8_t *row = from->at + 16 * k;
        const uint32_t unit = (uint32_t)row[9] | (uint32_t)row[10] << 8 | (uint32_t)row[11] << 16, name = get_u32(row + 12);
        serve(1);
        if (!is_finite(get_f64(row))) return bbc_wrong(why, SAY_NOT_FINITE);
        if (row[8] == BBC_COMPOUND) return beyond(why, SAY_UNIT, "unit");
        if (row[8] >= DIMENSIONS || unit) return bbc_wrong(why, SAY_CONSTANTS);
        if (name == BBC_NONE) continue;
        if (!can_name(&p->names, name, why)) return 0;
        for (uint32_t other = 0; other < k; other++) {
            const uint32_t earlier = get_u32(from->at + 16 * other + 12);
            if (earlier != BBC_NONE && alike(&p->names, earlier, name)) return bbc_wrong(why, SAY_CONSTANTS);
        }
    }
    return 1;
}

/* Pairs of a constant and a formula, in the order of the constants. Their values stand among the constants; a board keeps those. */
static int formulas(const bbc_program *p, const section *from, flaw *why) {
    bbc_strings words;
    uint32_t named = 0, at = 0;
    for (uint32_t k = 0; k < p->constant_count; serve(1), k++) named += get_u32(p->constants + 16 * k + 12) != BBC_NONE;
    if (!strings(&words, from, 2 * named, LIMIT_FORMULA_BYTES, 1, why)) return 0;
    for (uint32_t k = 0; k < p->constant_count && at < words.count; k++) {
        const uint32_t name = get_u32(p->constants + 16 * k + 12);
        uint32_t size, other;
        serve(1);
        if (name == BBC_NONE) continue;
        const char *text = bbc_string(&p->names, name, &size), *word = bbc_string(&words, at, &other);
        if (size == other && !memcmp(text, word, size)) at += 2;
    }
    return at == words.count ? 1 : bbc_wrong(why, SAY_FORMULAS);
}

static int labels(const bbc_program *p, const section *from, flaw *why) {
    uint32_t count;
    if (!records(from, 8, LIMIT_NAMES, &count, why)) return 0;
    for (uint32_t k = 0; k < count; k++) {
        if (!can_name(&p->names, get_u32(from->at + 8 * k), why)) return 0;
        for (uint32_t other = 0; other < k; other++)
            if (alike(&p->names, get_u32(from->at + 8 * other), get_u32(from->at + 8 * k))) return bbc_wrong(why, SAY_LABELS);
    }
    return 1;
}

static int metadata(bbc_program *p, const section *from, flaw *why) {
    if (!strings(&p->metadata, from, LIMIT_METADATA_BYTES, LIMIT_METADATA_BYTES, 1, why)) return 0;
    if (p->metadata.count % 2) return bbc_wrong(why, SAY_METADATA);
    for (uint32_t k = 0; k < p->metadata.count; k += 2)
        for (uint32_t other = 0; other < k; other += 2)
            if (alike(&p->metadata, other, k)) return bbc_wrong(why, SAY_METADATA);
    return 1;
}

static int spans(const bbc_program *p, const section *from, flaw *why) {
    bbc_strings files;
    if (!from->there) return 1;
    if (!strings(&files, from, LIMIT_NAMES, BBC_PATH_BYTES, 0, why)) return 0;
    const uint32_t end = 8 + 4 * files.count + files.bytes, start = (end + 15) / 16 * 16;
    if (start > from->size || !all_zero(from->at + end, from->at + start) || from->size - start != 16 * p->instructions)
        return bbc_wrong(why, SAY_SPANS);
    for (uint32_t k = 0; k < p->instructions; k++) {
        const uint32_t file = get_u32(from->at + start + 16 * k);
        serve(1);
        if (file != BBC_NONE && file >= files.count) return bbc_wrong(why, SAY_SPANS);
    }
    return 1;
}

/* --- instructions --------------------------------------------------------------------------------- */

bbc_word bbc_instruction(const bbc_program *p, uint32_t at) {
    const uint8_t *from = p->code + 16 * at;
    bbc_word w = {from[0], from[1], get_u16(from + 2), {get_u32(from + 4), get_u32(from + 8), get_u32(from + 12)}};
    return w;
}

static const bio_row *row_of(unsigned opcode) {
    for (int k = 0; k < ROW_COUNT; k++)
        if (ROWS[k].opcode == opcode) return ROWS + k;
    return 0;
}

static int operand(const bbc_program *p, unsigned tag, uint32_t value) {
    switch (tag) {
    case BBC_TAG_REGISTER: return value < LIMIT_REGISTERS;
    case BBC_TAG_CONSTANT: return value < p->constant_count;
    case BBC_TAG_DATA: return value < p->blocks;
    case BBC_TAG_TARGET: return 1;
    case BBC_TAG_NAME: return value < p->names.count;
    }
    return 0;
}

static int instruction(const bbc_program *p, uint32_t at, flaw *why) {
    const bbc_word w = bbc_instruction(p, at);
    const bio_row *row = row_of(w.opcode);
    serve(4);
    bbc_wrong(why, SAY_BAD_OPERAND);
    why->place = at;
    if (!row) return why->said = SAY_NO_INSTRUCTION, 0;
    if (w.operands > MAX_OPERANDS || w.tags >> (4 * w.operands)) return 0;
    for (int k = 0; k < MAX_OPERANDS; k++)
        if (k < w.operands ? !operand(p, bbc_tag(&w, k), w.value[k]) : w.value[k] != 0) return 0;
    return 1;
}

/* What the table says of an instruction that was read; the gate of the host has said the same. */
static int fits(const bbc_program *p, uint32_t at, flaw *why) {
    const bbc_word w = bbc_instruction(p, at);
    const bio_row *row = row_of(w.opcode);
    serve(4);
    if (!(ABILITIES_KNOWN >> row->ability & 1)) {
        beyond(why, SAY_LACKS_ABILITY, ABILITY_NAMES[row->ability]);
        return why->place = at, 0;
    }
    bbc_wrong(why, SAY_WRONG_OPERAND);
    why->place = at;
    if (w.operands < row->required || w.operands > row->most) return 0;
    for (int k = 0; k < w.operands; k++) {
        const unsigned tag = bbc_tag(&w, k);
        if (!(row->forms[k] >> (tag - 1) & 1)) return 0;
        if (tag == BBC_TAG_TARGET && w.value[k] > p->instructions) return why->said = SAY_FAR_JUMP, 0;
    }
    return 1;
}

int bbc_open(bbc_program *p, const uint8_t *file, uint32_t length, flaw *why) {
    section found[SECTION_COUNT];
    memset(found, 0, sizeof found);
    memset(p, 0, sizeof *p);
    p->model = BBC_NONE;
    if (!container(file, length, found, why)) return 0;
    if (!strings(&p->names, found + SECTION_NAMES, LIMIT_NAMES, LIMIT_NAME_BYTES, 1, why)) return 0;
    if (!constants(p, found + SECTION_CONSTANTS, why)) return 0;
    p->data = found[SECTION_DATA].at, p->data_bytes = found[SECTION_DATA].size;
    if (found[SECTION_DATA].there && !bbc_check_data(p, why)) return 0;
    for (uint32_t k = 0; k < p->blocks; k++) {
        const uint32_t name = get_u32(p->data + 8 + 96 * k + 4);
        if (name != BBC_NONE && !can_name(&p->names, name, why)) return 0;
    }
    if (!records(found + SECTION_CODE, 16, LIMIT_INSTRUCTIONS, &p->instructions, why)) return 0;
    p->code = found[SECTION_CODE].at;
    if (!spans(p, found + SECTION_SPANS, why)) return 0;
    for (uint32_t k = 0; k < p->instructions; k++)
        if (!instruction(p, k, why)) return 0;
    if (!labels(p, found + SECTION_LABELS, why) || !metadata(p, found + SECTION_METADATA, why)) return 0;
    if (!formulas(p, found + SECTION_FORMULAS, why)) return 0;
    if (found[SECTION_MODELS].there) return beyond(why, SAY_OWN_MODELS, "models");
    for (uint32_t k = 0; k < p->instructions; k++) {
        if (!fits(p, k, why)) return 0;
        if (p->model == BBC_NONE && p->code[16 * k] == OP_MODEL) p->model = bbc_instruction(p, k).value[0];
    }
    why->said = 0;
    return 1;
}
