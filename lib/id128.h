/* 128-bit names: of machines, boots and invocations. */
#pragma once

#include <stdint.h>

#define ID128_TEXT_MAX 33

/* 32 hexadecimal digits, dashes between them or not. -EINVAL. */
int id128_parse(const char *text, uint8_t ret[static 16]);
/* The same of a file's first line. */
int id128_read(const char *path, uint8_t ret[static 16]);
/* 32 lower-case digits; buf. */
char *id128_format(char buf[static ID128_TEXT_MAX], const uint8_t id[static 16]);
/* One that nobody else has, as far as the kernel's pool is filled: never waits for it, and takes the clocks and `salt`
 * where it is not. */
void id128_random(uint8_t ret[static 16], uintptr_t salt);
