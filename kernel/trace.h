/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tracepoints of connections and requests. See Documentation/trace/events.rst of the kernel. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tux

#if !defined(TUX_KERNEL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TUX_KERNEL_TRACE_H

#include <linux/tracepoint.h>

/* An event of a connection. The comment of each event below defines value. */
DECLARE_EVENT_CLASS(tux_connection,
	TP_PROTO(const void *conn, u16 port, u64 value),
	TP_ARGS(conn, port, value),
	TP_STRUCT__entry(
		__field(const void *, conn)
		__field(u16, port)
		__field(u64, value)
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->port = port;
		__entry->value = value;
	),
	TP_printk("conn=%p client_port=%u value=%llu", __entry->conn, __entry->port, __entry->value)
);

/* value: 0 for an accepted connection, 1 for one that the program gave */
DEFINE_EVENT(tux_connection, tux_accept, TP_PROTO(const void *conn, u16 port, u64 value), TP_ARGS(conn, port, value));
/* value: bytes of a complete request head */
DEFINE_EVENT(tux_connection, tux_request, TP_PROTO(const void *conn, u16 port, u64 value), TP_ARGS(conn, port, value));
/* value: status of a response that begins */
DEFINE_EVENT(tux_connection, tux_reply, TP_PROTO(const void *conn, u16 port, u64 value), TP_ARGS(conn, port, value));
/* value: enum tux_reason */
DEFINE_EVENT(tux_connection, tux_hand_up, TP_PROTO(const void *conn, u16 port, u64 value), TP_ARGS(conn, port, value));
DEFINE_EVENT(tux_connection, tux_hand_over, TP_PROTO(const void *conn, u16 port, u64 value), TP_ARGS(conn, port, value));
/* value: unsent bytes of a response */
DEFINE_EVENT(tux_connection, tux_close, TP_PROTO(const void *conn, u16 port, u64 value), TP_ARGS(conn, port, value));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
