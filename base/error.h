/* base/error.h: the error codes of the whole project. >= 0 is success everywhere.
 *
 * The enum and hx_error_text() are both made from this list: name, value, text. The values are part of
 * libhx's ABI (client/hx.h shows them through hx_strerror()) and are never reused. */
#ifndef HX_BASE_ERROR_H
#define HX_BASE_ERROR_H

#define HX_ERROR_MAP(X)                                            \
    X(EAGAIN, -1, "would block")                                   \
    X(ECLOSED, -2, "connection closed")                            \
    X(EEOF, -3, "end of stream")                                   \
    X(EPROTO, -4, "malformed message")                             \
    X(ETOOBIG, -5, "message or queue too big")                     \
    X(EINVAL, -6, "invalid argument")                              \
    X(ENOMEM, -7, "out of memory")                                 \
    X(ETIMEDOUT, -8, "timed out")                                  \
    X(EREFUSED, -9, "connection refused")                          \
    X(ERESOLVE, -10, "host name could not be resolved")            \
    X(ENOTFOUND, -11, "nobody holds that name")                    \
    X(ECONFLICT, -12, "the name is held by a living connection")   \
    X(ELIMIT, -13, "a limit was reached, try again later")         \
    X(EPUNCH, -14, "no packet came through the hole")              \
    X(EADDR, -15, "address cannot be used")                        \
    X(ESYS, -16, "system error")                                   \
    X(ECANCELED, -17, "canceled")                                  \
    X(EREJECTED, -18, "the nameserver rejected the request")       \
    X(EAUTH, -19, "the peer does not have the key")                \
    X(EFLOOD, -20, "flood: too many requests in too short a time") \
    X(EFAMILY, -21, "no address family in common with the peer")   \
    X(EPROXY, -22, "no way through the HTTP proxy")                \
    X(ECERT, -23, "the server's certificate is not accepted")      \
    X(EDENIED, -24, "the nameserver does not allow it")

#ifndef HX_H /* client/hx.h shows the same enum; a test compares the two */
enum hx_error {
    HX_OK = 0,
#define HX_ERROR_ENUM(name, value, text) HX_##name = (value),
    HX_ERROR_MAP(HX_ERROR_ENUM)
#undef HX_ERROR_ENUM
};
#endif

/* A static English text, for HX_OK "success", for a code not in the list "unknown error". Never NULL. */
const char *hx_error_text(int err);

#endif
