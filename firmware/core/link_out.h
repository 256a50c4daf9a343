/* What leaves the board: out of band, acknowledgements, reliable frames, telemetry, in this order. */
#ifndef BIO_LINK_OUT_H
#define BIO_LINK_OUT_H
#include "link.h"

void say(unsigned type, unsigned session, uint32_t token, uint64_t number); /* out of band */
void reject(uint64_t nonce, unsigned reason);
void reply(unsigned request, answer reason); /* with ANSWER */
void reply_ready(unsigned request, int loaded, uint32_t offset);
void reply_verified(unsigned request, unsigned kind, const uint8_t *sha256);
void end_session(unsigned why);

#endif
