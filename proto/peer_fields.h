/* proto/peer_fields.h: what two who meet tell each other through the nameserver beside their names, as header
 * fields of a request and as fields of a part:
 *
 *   Candidate: IP:PORT KIND     each of its addresses (proto/candidates.h)
 *   Mapping: ...                how its NAT maps ports (proto/nat_mapping.h)
 *   Session: ID [KEY]           in a part with the key, in a request without (proto/session.h)
 *   Relay: rate=N; time=N       in a part: the nameserver relays for the two (proto/session.h)
 *
 * No I/O, no allocation. */
#ifndef HX_PROTO_PEER_FIELDS_H
#define HX_PROTO_PEER_FIELDS_H

#include "proto/candidates.h"
#include "proto/nat_mapping.h"
#include "proto/session.h"

/* Candidate: and Mapping: lines with their ends, and the NUL */
#define PEER_FIELDS_TEXT_MAX (CANDIDATES_TOLD_MAX * (13 + CANDIDATE_TEXT_MAX) + 11 + NAT_MAPPING_TEXT_MAX)

struct peer_fields { /* zeroed: it tells nothing */
    struct candidates candidates;
    struct nat_mapping mapping;
    struct session session;
};

/* Takes the field if it is a Candidate or a Mapping; what is neither, malformed, the second Mapping, or above
 * CANDIDATES_TOLD_MAX is ignored. */
void peer_fields_read(struct peer_fields *f, const char *name, size_t name_len, const char *value,
                      size_t len);
/* Writes the lines of the candidates, CANDIDATES_TOLD_MAX at most, and the mapping, each with its CRLF, and
 * the NUL. Returns the length. */
size_t peer_fields_format(const struct peer_fields *f, char text[PEER_FIELDS_TEXT_MAX]);

#endif
