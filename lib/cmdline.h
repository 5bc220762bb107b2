/* The kernel command line: /proc/cmdline split as the kernel does ("…" groups). */
#pragma once

#include "util.h"

/* PID 1 executed itself: "--state FD CRASHES SINCE", then the arguments that it had from the first. */
#define CMDLINE_REEXEC       "--state"
#define CMDLINE_REEXEC_WORDS 4

/* Words of /proc/cmdline; in a container, of PID 1's arguments. */
int cmdline_read(char ***ret_words);
int cmdline_split(const char *s, char ***ret_words);
/* Value of the last KEY=value; "" for a bare KEY; NULL when absent. '-' and '_' in keys are equal. */
const char *cmdline_get(char *const *words, const char *key);
/* Boolean option: absent → def, bare → true, else parse_boolean (unparsable → def). */
bool cmdline_bool(char *const *words, const char *key, bool def);
