/* What the two files of the socket type share: socket.c (the unit), socket-listen.c (addresses and descriptors). */
#pragma once

#include "types.h"

/* Opens, binds and listens on one port; options of the unit applied. *port->fd is set. */
int socket_port_open(struct socket_unit *s, struct socket_port *port);
/* socket-listen.c: AF_INET, AF_INET6, or 0 for another kind of address. */
int socket_port_is_inet(const struct socket_port *p);
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
/* Paths in the file system made by it go (RemoveOnStop=), descriptors are closed. */
void socket_ports_close(struct socket_unit *s);
int socket_make_symlinks(struct socket_unit *s);
/* "1.2.3.4:80-5.6.7.8:1234" or "PID-UID", for instance names; and REMOTE_ADDR/REMOTE_PORT as one variable. */
int socket_peer_name(struct socket_unit *s, int fd, char **ret_instance, char **ret_env);
