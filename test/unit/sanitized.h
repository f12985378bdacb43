/* test/unit/sanitized.h: is this test built with clang's address sanitizer? What is done a hundred thousand times over to
 * reach a limit shows it no more than a tenth of that does, and takes ten times as long as in the plain build. */
#ifndef HX_TEST_SANITIZED_H
#define HX_TEST_SANITIZED_H

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#define SANITIZED __has_feature(address_sanitizer)

/* gcc's thread sanitizer. */
#ifdef __SANITIZE_THREAD__
#define THREADS_SANITIZED 1
#else
#define THREADS_SANITIZED 0
#endif

#endif
