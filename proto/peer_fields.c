#include "proto/peer_fields.h"
#include "proto/field.h"
#include <stdio.h>

void peer_fields_read(struct peer_fields *f, const char *name, size_t name_len, const char *value, size_t len)
{
    struct field_piece key = {name, name_len};
    struct candidate c;

    if (field_piece_is(&key, "Candidate")) {
        if (f->candidates.count < CANDIDATES_TOLD_MAX && candidate_parse(&c, value, len) == 0)
            (void)candidates_add(&f->candidates, &c.at, c.kind);
    } else if (field_piece_is(&key, "Mapping") && !nat_mapping_known(&f->mapping)) {
        (void)nat_mapping_parse(&f->mapping, value, len);
    }
}

size_t peer_fields_format(const struct peer_fields *f, char text[PEER_FIELDS_TEXT_MAX])
{
    char one[CANDIDATE_TEXT_MAX], mapping[NAT_MAPPING_TEXT_MAX];
    size_t len = 0, told = 0;

    text[0] = '\0';
    for (size_t i = 0; i < f->candidates.count && told < CANDIDATES_TOLD_MAX; i++) {
        if (candidate_format(&f->candidates.list[i], one) == 0)
            continue;
        len += (size_t)snprintf(text + len, PEER_FIELDS_TEXT_MAX - len, "Candidate: %s\r\n", one);
        told++;
    }
    if (!nat_mapping_known(&f->mapping))
        return len;
    nat_mapping_format(&f->mapping, mapping);
    return len + (size_t)snprintf(text + len, PEER_FIELDS_TEXT_MAX - len, "Mapping: %s\r\n", mapping);
}
