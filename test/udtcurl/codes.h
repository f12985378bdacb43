/* test/udtcurl/codes.h: exit codes, curl's numbers and meanings (curl(1), EXIT CODES). */
#ifndef HX_UDTCURL_CODES_H
#define HX_UDTCURL_CODES_H

enum uc_code {
    UC_AGAIN = -1, /* never an exit code: a step waits for an event */
    UC_OK = 0,
    UC_SCHEME = 1,   /* the URL's scheme is not udt */
    UC_DIFFERS = 1,  /* --replay: an answer is another one than then */
    UC_USAGE = 2,    /* bad option or argument */
    UC_URL = 3,      /* malformed URL */
    UC_RESOLVE = 6,  /* the host's name has no address */
    UC_CONNECT = 7,  /* refused, or no way to the peer */
    UC_WEIRD = 8,    /* the answer does not begin as HTTP does */
    UC_STATUS = 22,  /* --fail and a status of 400 or above */
    UC_WRITE = 23,   /* output cannot be written */
    UC_READ = 26,    /* --replay's file cannot be read */
    UC_MEMORY = 27,  /* out of memory */
    UC_TIMEOUT = 28, /* --max-time or --connect-timeout is over */
    UC_LOCAL = 45,   /* the local port cannot be bound */
    UC_EMPTY = 52,   /* the peer closed without a byte of an answer */
    UC_BROKEN = 56,  /* the answer broke off, or its body is malformed */
    UC_KEY = 58,     /* --device-key cannot be used */
    UC_SIGNAL = 128  /* + the signal's number, as shells count */
};

#endif
