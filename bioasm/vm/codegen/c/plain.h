/* The dialect plain C: one call advances a block of lanes, all of which are the caller's own. */
#include <stdint.h>

#define BIO_UNUSED __attribute__((unused))
#ifndef LINKAGE
#define LINKAGE BIO_UNUSED static /* of elementary functions */
#endif
#define BIO_INFINITY (__builtin_inf())
#define BIO_NAN (__builtin_nan(""))
#define BIO_SQRT(x) __builtin_sqrt(x)
#define BIO_SQRT_SINGLE(x) __builtin_sqrtf(x)
/* A unit for float32 alone, as a Cortex-M4 has it, names the feature too: bit 3 of __ARM_FP is that for float64. */
#if defined(FP_FAST_FMA) || defined(__FMA__) || (defined(__ARM_FEATURE_FMA) && (__ARM_FP & 8))
#define BIO_FMA(x, y, z) __builtin_fma(x, y, z)
#endif

#define GLOBAL
#define TABLE static const
#define OF_TABLE const
#define PREPARE(ctx, real) prepare(ctx, real)

/* Loops over cells and over lanes; `first` is the cell that the loop's index counts from. */
#define FOR_OWN(k, first, end) for (int64_t k = 0; k < (end); k++)
#define FOR_CELLS(k, first, end) for (int64_t k = 0; k < (end); SERVE(4), k++)
#define FOR_CHUNKS(first, end) for (int64_t first = 0; first < (end); first += CHUNK)
#define FOR_OWN_DRAWN(k, end) FOR_OWN(k, 0, end)
#define BUFFER_OF(b) (b)
#define PARTS 1
#define SPIKES_OF_STEP(ctx, block) ((ctx)[IDS] * (block)[BLOCK_WIDTH])
#define SPIKE_PLACE(at) (at)
#define LISTED(spike) (spike)
#ifndef WIDTH_OF /* lanes of a block, unless whoever includes this has one alone */
#define WIDTH_OF(block) (block)[BLOCK_WIDTH]
#define SIDE WIDE
#define HERE(lane) (lane)
#endif
#ifndef SERVE /* what goes on beside a long computation, which tells about how many fused multiply-adds it has done */
#define SERVE(work) ((void)0)
#endif
