/* test/unit/main.h: what every test's file is compiled with (Makefile): its main() has the test's name. */
#ifndef HX_TEST_MAIN_H
#define HX_TEST_MAIN_H

int TEST_MAIN(void);
#define main TEST_MAIN

#endif
