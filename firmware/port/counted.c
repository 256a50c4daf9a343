/* `counted`: the machine alone, built with a call in every basic block (-fsanitize-coverage=trace-pc). Tells how many blocks ran
   at most between two of the moments at which a board looks whether anything else waits. */
#include <stdio.h>
#include "../core/serve.h"

#define WORK 64 /* as in board.c */
#define UNCOUNTED __attribute__((no_sanitize_coverage))

static uint64_t blocks, most;
static int32_t left;

UNCOUNTED void __sanitizer_cov_trace_pc(void);
UNCOUNTED void __sanitizer_cov_trace_pc(void) { blocks++; }

UNCOUNTED void serve(uint32_t work) {
    left -= (int32_t)work;
    if (left > 0) return;
    left = WORK;
    most = blocks > most ? blocks : most;
    blocks = 0;
}

UNCOUNTED __attribute__((destructor)) static void tell(void) { fprintf(stderr, "%llu blocks\n", (unsigned long long)(blocks > most ? blocks : most)); }
