/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters and access records, in the memory that the program maps. All here: bottom halves are off, unless it says otherwise. */
#ifndef TUX_KERNEL_LOG_RING_H
#define TUX_KERNEL_LOG_RING_H

#include "instance.h"

enum { RING_BYTES = 1 << 18 }; /* of a CPU; a power of two; some 1,000 records */

/* Process context, as is mapping: the memory is charged to the caller's cgroup. 0 or a negative errno. */
int ktux_records_open(struct instance *instance);
void ktux_records_close(struct instance *instance);

/* Bytes of the memory, once it is there. */
u64 ktux_records_bytes(const struct instance *instance);

/* Makes a mapping of the memory, or of a part of it. Its file keeps the instance. */
int ktux_records_map(struct instance *instance, struct vm_area_struct *area);

struct tux_cpu_counters *ktux_counters(struct instance *instance);

/* Adds up what all CPUs have counted. Any context. */
void ktux_counters_sum(const struct instance *instance, struct tux_cpu_counters *sum);

/* Whether any record fits in this CPU's ring. */
bool ktux_records_room(struct instance *instance);

/* Writes a record whose texts stand behind it. False, with nothing written, when it does not fit. */
bool ktux_records_write(struct instance *instance, const struct tux_record *record);

#endif
