/* What the cgroup files share: cgroup.c (the tree), cgroup-attr.c (attributes), cgroup-watch.c (events, processes). */
#pragma once

#include "state.h"
#include "unit.h"

/* Controllers, as bits. */
enum { CG_CPU = 1, CG_MEMORY = 2, CG_PIDS = 4, CG_IO = 8, CG_CPUSET = 16, CG_ALL = 31 };

struct cgroups {
        char *mount;           /* "/sys/fs/cgroup" */
        char *prefix;          /* our own root below it, "" or "/container" */
        int root_fd;           /* of mount + prefix, O_PATH */
        unsigned supported;    /* what the root offers */
        unsigned missed;       /* what it does not, and was wanted and said */
        struct hash slices;    /* slice name → struct slice_node */
        unsigned root_enabled; /* in the root's cgroup.subtree_control */
        struct loop_io inotify;
        struct unit **watched; /* by inotify descriptor */
        size_t n_watched;
        struct manager *manager;
};

/* A slice's cgroup as it stands; there may be no unit loaded for it. */
struct slice_node {
        char *name, *path;  /* "user-1000.slice", "user.slice/user-1000.slice" */
        unsigned enabled;   /* in its cgroup.subtree_control */
        unsigned users;     /* realized cgroups directly below */
        bool made, refused; /* refused: its confinement was */
};

/* The same as cgroup_setup() on another mount point, and (prefix) below another node of it: tests, containers. */
int cgroup_setup_at(struct manager *m, const char *mount, const char *prefix);
void cgroup_free(struct manager *m);

/* cgroup-attr.c */
unsigned cgroup_needs(struct unit *u); /* controllers that u's own attributes need */
/* all: also what is not set (any more), as the kernel has it in a new cgroup. */
int cgroup_write_attributes(struct unit *u, int fd, bool all);
/* Controllers that the cgroup has. */
unsigned cgroup_controllers_at(int fd);
/* cgroup-bpf.c: the programs that the unit's settings ask for, on its new cgroup. 0, or -errno when one is refused that
 * the unit must not run without. */
/* A slice that is active holds its own cgroup from the moment that something is to be done with it. */
int cgroup_realize_slice(struct unit *u);
int cgroup_apply_bpf(struct unit *u, int fd);
int cgroup_apply_bpf_net(struct unit *u, int fd);
/* Do programs look at the traffic of the unit's sockets, its own or its slices'? */
bool cgroup_has_network_programs(struct unit *u);
/* The slice that the unit is in, if it is loaded; NULL above the root slice. */
struct unit *cgroup_slice(struct unit *u);

/* cgroup-usage.c: UINT64_MAX where nothing is known. */
enum usage {
        USAGE_CPU_NSEC,
        USAGE_IO_READ_BYTES,
        USAGE_IO_READ_OPERATIONS,
        USAGE_IO_WRITE_BYTES,
        USAGE_IO_WRITE_OPERATIONS,
        USAGE_IP_INGRESS_BYTES,
        USAGE_IP_INGRESS_PACKETS,
        USAGE_IP_EGRESS_BYTES,
        USAGE_IP_EGRESS_PACKETS,
        USAGE_MAX
};
int cgroup_apply_accounting(struct unit *u, int cgroup);
void cgroup_usage(struct unit *u, uint64_t v[USAGE_MAX]);
void cgroup_keep_usage(struct unit *u);   /* its cgroup goes */
void cgroup_forget_usage(struct unit *u); /* it is started anew */
void cgroup_serialise_usage(struct unit *u, struct state_out *s);
void cgroup_deserialise_usage(struct unit *u, const char *value);

/* One rule of SocketBindAllow=, SocketBindDeny=; 0 is any. */
struct bind_rule {
        int family, protocol;
        uint16_t first, last;
};
int cgroup_bind_rule(const char *text, struct bind_rule *ret);
/* "TYPE:/path" of BPFProgram=: the kernel's attach type or -EINVAL. */
int cgroup_attach_type(const char *text, const char **ret_path);

/* cgroup-watch.c */
int cgroup_watch_init(struct cgroups *cg);
void cgroup_unwatch(struct unit *u);
/* Calls fn for each process of the cgroup and those below. */
int cgroup_foreach_pid(int fd, void (*fn)(pid_t pid, void *data), void *data);
int cgroup_remove_tree(int parent, const char *name);
