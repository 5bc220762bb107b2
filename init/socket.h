/* What the two files of the socket type share: socket.c (the unit), socket-listen.c (addresses and descriptors). */
#pragma once

#include "types.h"

/* Opens, binds and listens on one port; options of the unit applied. *port->fd is set. */
int socket_port_open(struct socket_unit *s, struct socket_port *port);
/* socket-listen.c: AF_… of an address, or -errno. */
int socket_port_family(const struct socket_port *p);
/* AF_INET, AF_INET6, or 0 for another kind of address. */
int socket_port_is_inet(const struct socket_port *p);
/* NETLINK_…, or -errno; *ret_group: the mask of groups. */
int socket_netlink_protocol(const struct socket_port *p, unsigned *ret_group);
/* PrivateNetwork=, NetworkNamespacePath=: its sockets are in that network. */
bool socket_has_network(const struct socket_unit *s);
/* Closes all descriptors of a port. */
void socket_port_close(struct socket_port *p);
/* One more descriptor of a USB function; the port's from now on, also on failure. */
int socket_port_add_endpoint(struct socket_port *p, int fd);
/* The service that it starts; NULL with Accept=yes. */
struct service *socket_service(struct socket_unit *s);
/* SocketUser=, SocketGroup= as numbers, -1 for none; said in the log when there is no such name. */
int socket_owner(struct socket_unit *s, uid_t *ret_uid, gid_t *ret_gid);
/* What Symlinks= lead to; NULL: there is no path. */
const char *socket_symlink_target(struct socket_unit *s);

/* socket-child.c: sets by_child of the ports that PID 1 does not make itself; is there one, or such a link? */
bool socket_wants_child(struct socket_unit *s);
int socket_child_start(struct socket_unit *s, pid_t *ret_pid, int *ret_pidfd);
/* The child has ended: has it said what came of each port? */
bool socket_child_answered(struct socket_unit *s);
void socket_child_forget(struct socket_unit *s);
/* Its descriptors, in order, and their names (borrowed); how many, at most max. */
size_t socket_fds(struct socket_unit *s, int *fds, char **names, size_t max);
/* Paths in the file system made by it go (RemoveOnStop=), descriptors are closed. */
void socket_ports_close(struct socket_unit *s);
int socket_make_symlinks(struct socket_unit *s);
/* "1.2.3.4:80-5.6.7.8:1234" or "PID-UID", for instance names; and REMOTE_ADDR/REMOTE_PORT as one variable. */
int socket_peer_name(struct socket_unit *s, int fd, char **ret_instance, char **ret_env);
