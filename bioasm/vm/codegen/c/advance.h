/* The step of a network: generated functions with feedback, samples, inputs and spikes around them, in the order of
   `bioasm/vm/kernels/network.py`. */

static void run_to(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b, int64_t stop) {
    GLOBAL int64_t *block = block_row(ctx, b);
    while (block[BLOCK_STEP] < stop && room_for_spikes(ctx, block)) {
        const int64_t step = block[BLOCK_STEP];
#if ALONE
        (void)step;
        if (!room_for_samples(ctx, b)) return;
        many(ctx, real, b, stop);
#elif !FAST
        careful(ctx, real, b, step);
        block[BLOCK_STEP] += 1;
#else
        const int64_t arrival = next_arrival(ctx, b);
#if CAREFUL
        if (arrival <= step) {
            careful(ctx, real, b, step);
            block[BLOCK_STEP] = step + 1;
            continue;
        }
#endif
        const int both = (step & 1) == 0 && step + 2 <= bio_min_whole(stop, arrival);
        steps(ctx, real, b, step, both);
        block[BLOCK_STEP] = step + (both ? 2 : 1);
#endif
    }
}

static int64_t advance(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b) {
    GLOBAL int64_t *block = block_row(ctx, b);
    int64_t change = block[BLOCK_STEP]; /* inputs are summed up anew from this step on */
    PREPARE(ctx, real);
    while (block[BLOCK_STEP] < ctx[TARGET]) {
        const int64_t step = block[BLOCK_STEP];
        if (!(room_for_spikes(ctx, block) && room_for_trace(block) && room_for_samples(ctx, b))) return STATUS_DRAIN;
        int64_t stop = ctx[TARGET];
#if COUPLED_HERE
        if (ctx[COUPLED] == 1) {
            const int64_t every = ctx[FEEDBACK_EVERY];
            if (step % every == 0) {
                feedback(ctx, real, b, step);
                change = step;
            }
            stop = bio_min_whole(stop, (step / every + 1) * every);
        }
#endif
        if (step >= change) {
            hold(ctx, real, b, step);
            change = next_change(ctx, step);
        }
        stop = bio_min_whole(stop, change);
        if (ctx[RECORDERS] > 0 && !ALONE) {
            if (step >= block[BLOCK_DUE]) block[BLOCK_DUE] = take_samples(ctx, real, b, step);
            stop = bio_min_whole(stop, block[BLOCK_DUE]);
        }
        run_to(ctx, real, b, stop);
    }
    return STATUS_DONE;
}

static void refresh_block(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b) {
#if COUPLED_HERE
    energies(ctx, real, b);
#else
    (void)ctx, (void)real, (void)b;
#endif
}

static void before_peek(GLOBAL int64_t *ctx, GLOBAL double *real, int64_t b) {
    PREPARE(ctx, real);
    hold(ctx, real, b, block_row(ctx, b)[BLOCK_STEP]);
}
