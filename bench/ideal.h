#pragma once

#include <sys/types.h>

_Noreturn void initrd_main(void);

pid_t start(char *const *argv);
int finish(pid_t pid);
void pause_ms(int ms);
