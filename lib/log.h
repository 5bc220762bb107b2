/* Logging, the one way of the tree.
 *
 * A message names the thing, what happened, and what follows. Each function returns a negative errno so
 * that "return log_error_errno(r, …)" is one line. Where messages go is set once by log_open(). */
#pragma once

#include <syslog.h>
#include "util.h"

enum log_target {
        LOG_TO_STDERR,  /* tools: "program: message" on stderr */
        LOG_TO_KMSG,    /* early programs: /dev/kmsg, "<27>rouse[1]: " before the text (facility daemon) */
        LOG_TO_JOURNAL, /* daemons: /run/systemd/journal/socket, native format; kmsg until it is there */
        LOG_TO_HOOK,    /* PID 1: into its ring by log_set_hook() */
        LOG_TO_NULL,
};

/* name appears in each message ("rouse-devd"); a static string. */
void log_open(const char *name, enum log_target target);
/* In a child whose descriptors are closed: those of the log are opened again when they are needed. */
void log_forget_descriptors(void);
/* Highest level still printed (LOG_INFO by default). */
void log_set_max_level(int level);
int log_get_max_level(void);
/* "emerg".."debug" or 0..7; -EINVAL otherwise. */
int log_level_from_string(const char *s);
const char *log_level_to_string(int level);

/* For LOG_TO_HOOK: called with the finished text (no newline); unit may be NULL; file and line
 * (else NULL and 0) are those of log_file(), and stand in the text too. */
typedef void (*log_hook_t)(int level, const char *unit, const char *file, int line, const char *text);
void log_set_hook(log_hook_t hook);

/* err: 0 or a negative errno, whose text is put where the format has %m. Returns err. */
int log_full(int level, int err, const char *unit, const char *fmt, ...) _printf_(4, 5);
/* A problem in a file: "PATH:LINE: …". line 0: no line. Returns 0. */
int log_file(const char *path, unsigned line, int level, const char *fmt, ...) _printf_(4, 5);

#define log_msg(level, ...)                   log_full((level), 0, NULL, __VA_ARGS__)
#define log_unit(name, level, ...)            log_full((level), 0, (name), __VA_ARGS__)
#define log_unit_errno(name, level, err, ...) log_full((level), (err), (name), __VA_ARGS__)
#define log_debug(...)                        log_full(LOG_DEBUG, 0, NULL, __VA_ARGS__)
#define log_info(...)                         log_full(LOG_INFO, 0, NULL, __VA_ARGS__)
#define log_notice(...)                       log_full(LOG_NOTICE, 0, NULL, __VA_ARGS__)
#define log_warning(...)                      log_full(LOG_WARNING, 0, NULL, __VA_ARGS__)
#define log_error(...)                        log_full(LOG_ERR, 0, NULL, __VA_ARGS__)
#define log_debug_errno(err, ...)             log_full(LOG_DEBUG, (err), NULL, __VA_ARGS__)
#define log_info_errno(err, ...)              log_full(LOG_INFO, (err), NULL, __VA_ARGS__)
#define log_warning_errno(err, ...)           log_full(LOG_WARNING, (err), NULL, __VA_ARGS__)
#define log_error_errno(err, ...)             log_full(LOG_ERR, (err), NULL, __VA_ARGS__)
#define log_oom()                             log_full(LOG_ERR, -ENOMEM, NULL, "Out of memory")
