/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters and access records, in memory that the program maps. Call with bottom halves off, unless stated otherwise. */
#ifndef TUX_KERNEL_LOG_RING_H
#define TUX_KERNEL_LOG_RING_H

#include "instance.h"

enum { RING_BYTES = 1 << 18 }; /* per CPU; a power of two; about 1,000 records */

/* Allocates the memory, charged to the caller's cgroup. Returns 0 or a negative errno. Process context, like mapping. */
int ktux_records_open(struct instance *instance);
void ktux_records_close(struct instance *instance);

/* Returns the size of the memory, once it is allocated. */
u64 ktux_records_bytes(const struct instance *instance);

/* Maps the memory or a part of it. The mapping's file keeps the instance. */
int ktux_records_map(struct instance *instance, struct vm_area_struct *area);

struct tux_cpu_counters *ktux_counters(struct instance *instance);

/* Returns the counters of a module of the set-up. */
struct tux_setup_module_counters *ktux_module_counters(struct instance *instance, u32 number);

/* Sums the counters of all CPUs. Any context. */
void ktux_counters_sum(const struct instance *instance, struct tux_cpu_counters *sum);

/* True if this CPU's ring has room for a record of any size. */
bool ktux_records_room(struct instance *instance);

/* Writes a record that is followed by its texts. Returns false, with nothing written, if the ring has no room. */
bool ktux_records_write(struct instance *instance, const struct tux_access_record *record);

#endif
