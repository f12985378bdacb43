#include "proto/pcp.h"

#include "base/big_endian.h"
#include "base/error.h"
#include "base/ipv4_mapped.h"
#include <string.h>

#define VERSION      2
#define RESPONSE     0x80 /* the bit beside the opcode */
#define HEADER_BYTES 24
#define MAP_BYTES    36
#define PROTOCOL_UDP 17
/* RFC 6886, 3.5: a server of NAT-PMP alone names its version 0, its result in two bytes, and its epoch. */
#define NATPMP_VERSION     0
#define NATPMP_ERROR_BYTES 8

/* MAP's part behind the header: nonce, protocol, 3 reserved bytes, internal port, external port, address. */
enum { MAP_PROTOCOL = 12, MAP_INTERNAL_PORT = 16, MAP_EXTERNAL_PORT = 18, MAP_EXTERNAL_ADDRESS = 20 };

/* RFC 6887, 5: IPv4 as mapped; all zeros in that form are "any IPv4 address". */
static void put_address(uint8_t out[16], const struct endpoint *e, sa_family_t family)
{
    static const uint8_t any[16];
    if (family == AF_INET)
        ipv4_map(out, e->family == AF_INET ? e->address : any);
    else
        memcpy(out, e->family == AF_INET6 ? e->address : any, 16);
}

size_t pcp_write(uint8_t out[PCP_REQUEST_MAX], const struct pcp_request *request)
{
    uint8_t *map = out + HEADER_BYTES;
    memset(out, 0, PCP_REQUEST_MAX);
    out[0] = VERSION;
    out[1] = (uint8_t)request->opcode;
    put_address(out + 8, &request->client, request->client.family);
    if (request->opcode != PCP_MAP)
        return HEADER_BYTES;
    put32(out + 4, request->lifetime_s);
    memcpy(map, request->nonce, PCP_NONCE_BYTES);
    map[MAP_PROTOCOL] = PROTOCOL_UDP;
    put16(map + MAP_INTERNAL_PORT, request->client.port);
    put16(map + MAP_EXTERNAL_PORT, request->external.port);
    put_address(map + MAP_EXTERNAL_ADDRESS, &request->external, request->client.family);
    return HEADER_BYTES + MAP_BYTES;
}

static void get_external(struct endpoint *out, const uint8_t *map)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6};
    memcpy(sa.sin6_addr.s6_addr, map + MAP_EXTERNAL_ADDRESS, 16);
    (void)endpoint_from_sockaddr(out, (struct sockaddr *)&sa, sizeof sa);
    out->port = get16(map + MAP_EXTERNAL_PORT);
}

/* An answer to another request of ours, or to nobody's. */
static bool is_of(const struct pcp_request *request, const uint8_t *map)
{
    return memcmp(map, request->nonce, PCP_NONCE_BYTES) == 0 && map[MAP_PROTOCOL] == PROTOCOL_UDP &&
           get16(map + MAP_INTERNAL_PORT) == request->client.port;
}

int pcp_read(struct pcp_response *out, const struct pcp_request *request, const uint8_t *data, size_t len)
{
    memset(out, 0, sizeof *out);
    if (len >= NATPMP_ERROR_BYTES && data[0] == NATPMP_VERSION && (data[1] & RESPONSE) != 0 &&
        get16(data + 2) == PCP_UNSUPPORTED) {
        out->result = PCP_UNSUPPORTED;
        return HX_OK;
    }
    if (len < HEADER_BYTES || len % 4 != 0 || len > PCP_MESSAGE_MAX || data[0] != VERSION ||
        data[1] != (RESPONSE | request->opcode))
        return HX_EPROTO;
    out->result = data[3];
    out->lifetime_s = get32(data + 4);
    out->epoch_s = get32(data + 8);
    if (request->opcode != PCP_MAP)
        return HX_OK;
    /* An error comes with a copy of what it refuses; a server that cannot read that far may leave it out. */
    const uint8_t *map = data + HEADER_BYTES;
    if (len < HEADER_BYTES + MAP_BYTES)
        return out->result != 0 ? HX_OK : HX_EPROTO;
    if (!is_of(request, map))
        return HX_EPROTO;
    if (out->result == 0)
        get_external(&out->external, map);
    return HX_OK;
}
