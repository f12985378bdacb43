/* Any datagram of early data or of a ticket: what is read is within it, and is written as it came. */
#include "base/preview.h"
#include "shim/udt/early_packet.h"
#include "test/fuzz/fuzz.h"

/* In memory of its own: reading past it is seen. */
static void read_early(const uint8_t *head, const uint8_t *body, size_t len)
{
    uint8_t again[EARLY_PACKET_MAX];
    struct early_packet p;

    if (!early_packet_read(&p, head, body, len))
        return;
    size_t said = (size_t)(p.bytes - body) + p.bytes_len; /* padding may follow */
    FUZZ_CHECK(p.bytes_len > 0 && said <= len);
    FUZZ_CHECK(p.ticket + p.ticket_len == p.bytes);
    FUZZ_CHECK(early_packet_write(&p, again) == PACKET_HEAD + len);
    FUZZ_CHECK(memcmp(again, head, PACKET_HEAD) == 0 && memcmp(again + PACKET_HEAD, body, said) == 0);
}

static void read_ticket(const uint8_t *head, const uint8_t *body, size_t len)
{
    uint8_t again[TICKET_PACKET_MAX];
    struct early_ticket t;

    if (!ticket_packet_read(&t, head, body, len))
        return;
    FUZZ_CHECK(ticket_packet_write(&t, packet_word(head + 8), packet_id(head), again) == PACKET_HEAD + len);
    FUZZ_CHECK(memcmp(again, head, PACKET_HEAD) == 0 && memcmp(again + PACKET_HEAD, body, len) == 0);
}

/* The stream comes in pieces of one to eight bytes: nothing is read twice, nothing is lost. */
static void pass_stream(const uint8_t *data, size_t size)
{
    struct preview p = {.bytes = data, .len = size / 2};
    uint8_t buf[8];
    size_t got = 0;

    while (got < p.len)
        got += preview_read(&p, buf, sizeof buf);
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = 1 + data[at] % sizeof buf;
        piece = piece < size - at ? piece : size - at;
        memcpy(buf, data + at, piece);
        ssize_t fresh = preview_pass(&p, buf, piece);
        FUZZ_CHECK(fresh >= 0 && memcmp(buf, data + at + piece - (size_t)fresh, (size_t)fresh) == 0);
        got += (size_t)fresh;
    }
    FUZZ_CHECK(got == size && preview_done(&p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pass_stream(data, size);
    if (size < PACKET_HEAD)
        return 0;
    uint8_t *body = malloc(size - PACKET_HEAD + 1);
    FUZZ_CHECK(body);
    memcpy(body, data + PACKET_HEAD, size - PACKET_HEAD);
    read_early(data, body, size - PACKET_HEAD);
    read_ticket(data, body, size - PACKET_HEAD);
    free(body);
    return 0;
}
