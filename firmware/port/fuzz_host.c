/* `fuzz SEED CASES FOLDER FILE...`: changes bytecode at random, repairs its checksums now and then, reads it, and executes what
   passes with little fuel and memory. Cases that the reader took are written to FOLDER, the first few hundred of them. */
#include <stdio.h>
#include <stdlib.h>
#include "../core/result.h"
#include "../core/serve.h"
#include "tables.h"

#define MOST (1 << 17)
#define WRITTEN 300

static _Alignas(64) uint8_t corpus[64][MOST], heap[1 << 18];
static uint32_t sizes[64], files;
static uint64_t state;

static uint32_t drawn(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

static void put(uint8_t *at, uint32_t value) {
    for (int k = 0; k < 4; k++) at[k] = (uint8_t)(value >> 8 * k);
}

/* Checksums of sections, then that of the header, as far as the file still has a form. */
static void repair(uint8_t *file, uint32_t size) {
    if (size < 32) return;
    const uint32_t sections = get_u32(file + 12);
    if (sections > 64 || 32 + 24 * sections > size) return;
    for (uint32_t k = 0; k < sections; k++) {
        uint8_t *row = file + 32 + 24 * k;
        const uint64_t offset = get_u64(row + 8), length = get_u64(row + 16);
        if (offset <= size && length <= size - offset) put(row + 4, crc32_of(0, file + offset, (size_t)length));
    }
    put(file + 28, crc32_of(crc32_of(0, file, 28), file + 32, 24 * sections));
}

static uint32_t changed(uint8_t *to, uint32_t which) {
    uint32_t size = sizes[which];
    memcpy(to, corpus[which], size);
    for (uint32_t k = drawn(4) + 1; k > 0; k--) {
        const uint32_t at = drawn(size), word = at / 4 * 4;
        switch (drawn(5)) {
        case 0: to[at] ^= (uint8_t)(1 << drawn(8)); break;
        case 1: to[at] = (uint8_t)drawn(256); break;
        case 2: put(to + (word + 4 <= size ? word : 0), drawn(8) ? drawn(300) : 0xffffffffu - drawn(3)); break;
        case 3: to[at] = to[drawn(size)]; break;
        default: if (!drawn(4)) size = drawn(size) + 1;
        }
    }
    if (drawn(8)) repair(to, size);
    return size;
}

void serve(uint32_t work) { (void)work; } /* nothing else goes on */

int main(int count, char **words) {
    static machine m;
    static bbc_program p;
    static result r;
    uint32_t taken = 0, ended[8] = {0};
    if (count < 5) return 2;
    state = strtoull(words[1], 0, 10) * 2 + 1;
    const long cases = atol(words[2]);
    for (int k = 4; k < count && files < 64; k++) {
        FILE *in = fopen(words[k], "rb");
        if (!in) return 2;
        sizes[files] = (uint32_t)fread(corpus[files], 1, MOST, in);
        fclose(in);
        if (sizes[files] < MOST) files++;
    }
    for (long k = 0; k < cases; k++) {
        /* a piece of memory of just this size, so that reading past it is seen */
        static uint8_t file[MOST];
        const uint32_t size = changed(file, drawn(files));
        uint8_t *exact = malloc(size);
        if (!exact) return 3;
        memcpy(exact, file, size);
        flaw why;
        if (bbc_open(&p, exact, size, &why)) {
            char path[512];
            snprintf(path, sizeof path, "%s/%u.bbc", words[3], taken);
            FILE *out = taken < WRITTEN ? fopen(path, "wb") : 0;
            if (out) fwrite(exact, 1, size, out), fclose(out);
            taken++;
            static const uint8_t digest[32];
            int status = machine_begin(&m, &p, heap, heap + sizeof heap, 1, 3000, 0, 0) ? STATUS_SLICE : STATUS_FAULT;
            while (status == STATUS_SLICE) status = machine_slice(&m, 100);
            ended[status & 7]++;
            const result_about about = {"failed", m.fault.said, "none", "0", digest};
            uint8_t part[256];
            if (m.model && result_make(&r, &m, &about)) /* without a model a board begins no run */
                for (uint32_t at = 0; at < r.total;) at += result_read(&r, at, part, sizeof part);
        }
        free(exact);
    }
    printf("%ld cases, %u taken, %u halted, %u out of fuel, %u at fault\n", cases, taken, ended[STATUS_HALT], ended[STATUS_FUEL], ended[STATUS_FAULT]);
    return 0;
}
