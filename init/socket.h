/* What the two files of the socket type share: socket.c (the unit), socket-listen.c (addresses and descriptors). */
#pragma once

#include "types.h"

/* Opens, binds and listens on one port; options of the unit applied. *port->fd is set. */
int socket_port_open(struct socket_unit *s, struct socket_port *port);
/* Paths in the file system made by it go (RemoveOnStop=), descriptors are closed. */
void socket_ports_close(struct socket_unit *s);
int socket_make_symlinks(struct socket_unit *s);
/* "1.2.3.4:80-5.6.7.8:1234" or "PID-UID", for instance names; and REMOTE_ADDR/REMOTE_PORT as one variable. */
int socket_peer_name(struct socket_unit *s, int fd, char **ret_instance, char **ret_env);
