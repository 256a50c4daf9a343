/* What long computations call, so that nothing else waits for them: the line, the chip and the watchdogs are served in between. */
#ifndef BIO_SERVE_H
#define BIO_SERVE_H
#include <stdint.h>

/* `work` is about how many fused multiply-adds in software were done since the last call; cheap calls count 1. */
void serve(uint32_t work);

#endif
