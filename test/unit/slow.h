/* test/unit/slow.h: how much longer a time limit is where a sanitizer slows every thread down. */
#ifndef HX_TEST_SLOW_H
#define HX_TEST_SLOW_H

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer)
#define SLOW 10
#else
#define SLOW 1
#endif

#endif
