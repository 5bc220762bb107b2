/* Enumerations and their words, as unit files write them and `show` prints them: one table each.
 *
 * A table is an array of rows ended by a NULL name; the first row of a value is the one that is printed, later rows
 * of the same value are other spellings that are read too. */
#pragma once

#include "lib/util.h"

struct name_row {
        const char *name;
        int64_t value;
};

/* The word of value, NULL when it has none. */
const char *name_of(const struct name_row *t, int64_t value);
/* Value of a word (case counts); -EINVAL. The value goes to *ret. */
int name_value(const struct name_row *t, const char *name, int64_t *ret);
/* Number of a capability: by its name, however that is written, or by the number. -EINVAL. */
int capability_from_string(const char *s);
/* "a, b, c": for messages. buf returned. */
char *name_list(const struct name_row *t, char *buf, size_t n);
/* A set of bits as words with a blank between ("" for none); NULL when out of memory. */
char *name_flags(const struct name_row *t, uint64_t flags);

/* [Unit] */
extern const struct name_row names_marker[], names_job_mode[], names_emergency_action[],
        names_collect_mode[];
/* [Service] */
extern const struct name_row names_service_type[], names_exit_type[], names_restart[], names_notify_access[],
        names_oom_policy[], names_failure_mode[], names_service_result[], names_restart_mode[],
        names_exit_status[];
/* execution */
extern const struct name_row names_exec_input[], names_exec_output[], names_preserve[],
        names_protect_system[], names_protect_home[], names_protect_proc[], names_proc_subset[],
        names_keyring_mode[], names_cpu_policy[], names_io_class[], names_numa_policy[],
        names_syslog_facility[], names_syslog_level[], names_utmp_mode[], names_rlimit[], names_capability[],
        names_secure_bits[], names_namespace[], names_mount_flags[], names_personality[],
        names_architecture[], names_exec_dir[];
/* killing, resources */
extern const struct name_row names_kill_mode[], names_device_policy[], names_managed_oom[],
        names_managed_oom_preference[], names_cgroup_controller[];
/* sockets, timers, paths */
extern const struct name_row names_bind_ipv6_only[], names_timestamping[], names_ip_tos[],
        names_socket_protocol[], names_listen[], names_timer_base[], names_path_kind[];

/* Path units' kinds. */
/* CollectMode= as the unit keeps it. */
enum { COLLECT_INACTIVE, COLLECT_INACTIVE_OR_FAILED };
