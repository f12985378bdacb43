/* base/host_port.h: "HOST[:PORT]" as people write it. Pure. */
#ifndef HX_BASE_HOST_PORT_H
#define HX_BASE_HOST_PORT_H

#include <stdint.h>

#define HOST_PORT_HOST_MAX 255 /* RFC 1035, 2.3.4 */
#define HOST_PORT_TEXT_MAX (HOST_PORT_HOST_MAX + sizeof "[]:65535")

struct host_port {
    char host[HOST_PORT_HOST_MAX + 1];
    uint16_t port;
};

/* "HOST", "HOST:PORT", "IPV6", "[IPV6]", "[IPV6]:PORT"; the port is decimal, 1 to 65535, `default_port` if
 * there is none. HX_OK or HX_EINVAL. */
int host_port_parse(struct host_port *out, const char *text, uint16_t default_port);
/* "HOST:PORT" or "[IPV6]:PORT", with its NUL. Returns `text`. */
const char *host_port_format(const struct host_port *h, char text[HOST_PORT_TEXT_MAX]);
/* A port alone, in the same form. HX_OK or HX_EINVAL. */
int host_port_parse_port(uint16_t *out, const char *text);
/* One or more of them with a ',' between two. How many; HX_EINVAL, also for more than `most`. */
int host_port_parse_list(struct host_port *out, int most, const char *text, uint16_t default_port);

#endif
