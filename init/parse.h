/* Parsers of directive values, grouped by form: parse-basic.c (numbers, words, paths), parse-unit.c, parse-service.c,
 * parse-exec.c, parse-sched.c and parse-io.c, parse-confine.c, parse-cgroup.c, parse-socket.c (sockets, timers, paths).
 *
 * A parser gets the target of the row and the value, and returns
 *         0         taken (or the problem was told by parse_problem())
 *         -EINVAL   malformed: table.c says "Failed to parse X='…': not FORM; ignored" with the form's text
 *         -ERANGE   of the form, but out of range
 *         -ENOEXEC  malformed, and the unit must not run without it: it becomes a bad-setting
 *         -EBADSLT  an unknown specifier, -ENOMEM
 * and leaves the target alone unless it returns 0. An empty value resets a list or goes back to the default. */
#pragma once

#include "table.h"

/* What a parser takes, for messages and docs/directives.md: "a time span". */
struct parse_form {
        parse_fn fn;
        const char *what;
};
extern const struct parse_form parse_forms[];

/* "FILE:LINE: Failed to parse X='…': WHY; ignored"; counts it; 0. */
int parse_problem(const struct parse *p, const char *fmt, ...) _printf_(2, 3);
/* The value with its specifiers resolved. -EBADSLT. */
int parse_resolve(const struct parse *p, const char *s, char **ret);
/* Next word of *s, unquoted, specifiers resolved. 1, 0 at the end, < 0. Backslashes stay (unit names are full of
 * them); parse_word_c() decodes C escapes (paths, environment). */
int parse_word(const struct parse *p, const char **s, char **ret);
int parse_word_c(const struct parse *p, const char **s, char **ret);
/* An absolute, simplified path out of s (specifiers resolved before). */
int parse_path_value(const char *s, char **ret);

/* A table, by file. */
/* clang-format off */
#define PARSERS(X)                                                                                                   \
        /* parse-basic.c */                                                                                          \
        X(boolean) X(boolean_inverted) X(int) X(u32) X(mode) X(sec) X(sec_zero_infinite) X(nsec) X(size) X(string)         \
        X(string_raw) X(strv) X(words) X(path) X(path_or_empty) X(paths) X(paths_colon)                \
        X(enum) X(enum_or_bool) X(enum_bool8) X(signal)                                                              \
        /* parse-unit.c */                                                                                           \
        X(deps) X(condition) X(documentation) X(mounts_for) X(unit_names) X(job_timeout) X(action_status)             \
        X(collect_mode) X(ignore_on_isolate) X(failure_isolate) X(instance_name)                                      \
        /* parse-service.c */                                                                                        \
        X(service_type) X(exec) X(exit_set) X(timeout_start) X(timeout_stop) X(timeout_abort) X(timeout_both)         \
        X(bus_name) X(sockets) X(pid_file) X(step) X(runtime_max)                                                     \
        /* parse-exec.c */                                                                                           \
        X(environment) X(environment_file) X(variable_names) X(working_directory) X(user) X(groups) X(rlimit)         \
        X(nice) X(oom_score) X(io_class) X(io_priority) X(cpu_policy) X(cpu_priority) X(cpu_affinity) X(cpu_list)      \
        X(personality) X(keyring) X(directories) X(load_credential) X(set_credential) X(coredump_filter)              \
        /* parse-io.c */                                                                                             \
        X(std_input) X(std_output) X(stdin_text) X(stdin_data) X(log_fields) X(utmp_id) X(utmp_mode) X(log_filter)                  \
        /* parse-confine.c */                                                                                        \
        X(capabilities) X(secure_bits) X(access_paths) X(bind_paths) X(temporary_fs) X(address_families)               \
        X(namespaces) X(syscalls) X(syscall_errno) X(architectures) X(mount_flags) X(apparmor)                         \
        X(mount_api_vfs)                                                                                             \
        /* parse-cgroup.c */                                                                                         \
        X(weight) X(cpu_weight) X(cpu_quota) X(cpu_period) X(memory) X(memory_legacy) X(tasks_max) X(io_limit)         \
        X(io_device_weight) X(io_latency) X(delegate) X(controllers) X(device_allow) X(addresses) X(bind_rule) X(interfaces) X(bpf_program) X(slice)             \
        X(cpu_shares)                                                                                                \
        /* parse-socket.c */                                                                                         \
        X(listen) X(socket_service) X(fd_name) X(socket_size) X(ip_tos) X(swap_priority) X(timer) X(calendar) X(timer_unit)             \
        X(path_spec)
/* clang-format on */

#define X(name) int parse_value_##name(const struct parse *p);
PARSERS(X)
#undef X
