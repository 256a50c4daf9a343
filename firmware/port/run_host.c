/* `run`: executes a .bbc file and writes its result, for tests of the machine without a link. */
#include <stdio.h>
#include <stdlib.h>
#include "../core/result.h"
#include "../core/serve.h"
#include "tables.h"

static _Alignas(64) uint8_t file[1 << 24], heap[1 << 26];

#ifndef COUNTED
void serve(uint32_t work) { (void)work; } /* nothing else goes on */
#endif

/* As the link has it. */
static void hash(uint8_t digest[32], uint32_t length) {
    sha256 h;
    sha256_begin(&h);
    for (uint32_t at = 0; at < length; at += 1024, serve(64)) sha256_add(&h, file + at, length - at < 1024 ? length - at : 1024);
    sha256_end(&h, digest);
}

int main(int count, char **words) {
    static machine m;
    static bbc_program p;
    static result r;
    flaw why;
    FILE *in = count > 1 ? fopen(words[1], "rb") : 0;
    if (!in) return 2;
    const uint32_t length = (uint32_t)fread(file, 1, sizeof file, in);
    fclose(in);
    if (!bbc_open(&p, file, length, &why)) return fprintf(stderr, "%s %s at %u\n", said_code(why.said).characters, said_text(why.said).characters, why.place), said_beyond(why.said) ? 4 : 3;
    const uint64_t seed = count > 2 ? strtoull(words[2], 0, 10) : 0, fuel = count > 3 ? strtoull(words[3], 0, 10) : UINT64_C(1) << 40;
    const int64_t slice = count > 4 ? atoll(words[4]) : 1000;
    int status = machine_begin(&m, &p, heap, heap + sizeof heap, seed, fuel, 0, 0) ? STATUS_SLICE : STATUS_FAULT;
    while (status == STATUS_SLICE) status = machine_slice(&m, slice);
    if (m.fault.said) fprintf(stderr, "%s %s at %u\n", said_code(m.fault.said).characters, said_text(m.fault.said).characters, m.fault.place);
    if (said_beyond(m.fault.said)) return 4;
    uint8_t digest[32];
    hash(digest, length);
    const result_about about = {
        status == STATUS_HALT ? "finished" : status == STATUS_FUEL ? "out of fuel" : "failed", m.fault.said, "none", "0", digest};
    if (!result_make(&r, &m, &about)) return 5;
    static uint8_t part[1000];
    for (uint32_t at = 0, some; at < r.total; at += some) {
        some = result_read(&r, at, part, sizeof part);
        fwrite(part, 1, some, stdout);
        serve(64);
    }
    return 0;
}
