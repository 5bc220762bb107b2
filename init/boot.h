/* What only a real boot does: see boot.c (set-up), startup.c (first transaction), crash.c (when it goes wrong). */
#pragma once

#include "unit.h"

/* reexec.c */
/* At the start: how often it has crashed since when. */
/* words: the arguments that PID 1 was begun with, which go along; they stay where they are. */
void reexec_prepare(unsigned crashes, usec_t since, char **words);
/* Executes the program anew, with the state as it stands in the log. Returns only when that failed: -errno. */
int reexec(void);
/* In the crash handler: the same, unless it has been done too often. Returns when that is so, or when it failed. */
void crash_recover(void);

/* switch-root.c: at the start, with main's arguments; then the way into the real root, which returns only on failure. */
void switch_root_prepare(struct manager *m, char **argv);
void switch_root_now(struct manager *m);

/* crash.c */
void crash_say(const char *text);
void crash_message(int sig);
void crash_end(bool shell, bool restart);
/* Executes the init that rouse.fallback= names (default: an installed systemd). Returns only to a caller that can go
 * on: when there is no such program it says so and starts an emergency shell instead. */
void boot_fallback(const char *why);

/* startup.c */
void manager_start_devd(struct manager *m);
int boot_test(struct manager *m, const char *target);
