#include "client/introduction.h"

void introduction_request(struct punch_request *out, const struct nameserver *n, const struct settings *s,
                          const struct peer_fields *told)
{
    *out = (struct punch_request){.port = nameserver_port(n),
                                  .uplink = *nameserver_uplink(n),
                                  .server = nameserver_server(n),
                                  .relay_after_ms = s->relay_after_ms,
                                  .scope_id = nameserver_scope(n),
                                  .families = s->families,
                                  .own_mapping = told->mapping,
                                  .keys = &s->keys,
                                  .timeout_ms = s->punch_ms};
}

void introduction_tell(struct agent *a, const struct multipart_part *part, const struct peer_fields *told,
                       const struct nameserver *n)
{
    agent_told(a, &(struct agent_news){.peer = &part->peer,
                                       .peer_mapping = &part->mapping,
                                       .own = told,
                                       .uplink = nameserver_uplink(n),
                                       .server = nameserver_server(n),
                                       .session = &part->session});
}
