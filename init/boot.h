/* What only a real boot does: see boot.c (set-up), startup.c (first transaction), crash.c (when it goes wrong). */
#pragma once

#include "unit.h"

/* crash.c */
void crash_message(int sig);
void crash_shell(void);
/* Executes the init that rouse.fallback= names (default: an installed systemd). Returns only to a caller that can go
 * on: when there is no such program it says so and starts an emergency shell instead. */
void boot_fallback(const char *why);

/* startup.c */
void manager_start_devd(struct manager *m);
int boot_test(struct manager *m, const char *target);
