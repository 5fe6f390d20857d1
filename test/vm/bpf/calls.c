/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies with what the functions of handlers return: each has a character. */
#include <tux/module.h>

static char big[16385];
static uint32_t requests; /* begins anew with each load */

/* Is called twice, so the compiler leaves it a function: the program is put together of two. */
static int __attribute__((noinline)) digit(int number)
{
	volatile uint32_t kept = (uint32_t)(number < 0 ? -number : number);

	return '0' + (int)(kept % 10);
}

static enum tux_result handle(struct tux_req *req)
{
	char text[64], path[16], small[2];
	struct tux_bpf_reply *reply;
	int last = 0;

	for (int i = 0; i < 64; i++)
		text[i] = ' ';
	text[0] = (char)('0' + tux_req_method(req));
	text[1] = (char)digit(tux_copy_path(req, path, sizeof(path)));
	text[2] = path[1];
	text[3] = path[15] == 0 ? 'z' : '?';
	text[4] = (char)(tux_copy_field(req, "X-One", small, sizeof(small)) == 1 ? small[0] : '-');
	text[5] = (char)digit(tux_copy_field(req, "X-None", small, sizeof(small)));  /* -ENOENT: 2 */
	text[6] = (char)digit(tux_copy_field(req, "X-Long", small, sizeof(small)));  /* -E2BIG: 7 */
	text[7] = (char)digit(tux_add_field(req, "Content-Length", "5"));            /* -EINVAL: 22 */
	text[8] = (char)(tux_add_field(req, "X-Added", "yes") == 0 ? 'y' : 'n');
	text[9] = (char)(tux_copy_conf(req, "letter", small, sizeof(small)) == 1 ? small[0] : '-');
	text[10] = (char)(tux_copy_query(req, small, sizeof(small)) == 0 ? 'e' : small[0]);
	text[11] = (char)(__sync_fetch_and_add(&requests, 1) == 0 ? 'f' : 'l');
	text[12] = (char)(tux_copy_path(req, big, sizeof(big)) == -90 && tux_copy_path(req, big, 16384) > 0 ? 'b' : '-'); /* -EMSGSIZE */
	if (path[1] == 'm')
		for (int i = 0; i < 300; i++)
			last = tux_copy_host(req, small, sizeof(small));
	text[13] = (char)(tux_bpf_copy_field(tux_bpf_req(req), "X-One\0", 6, small, sizeof(small)) == -22 ? 'i' : '-'); /* -EINVAL */
	text[14] = '\n';
	if (path[1] == 'm')
		return last == -87 && tux_reply(req, 200, "text/plain", text, 15) == TUX_BPF_NO_REPLY ? TUX_DECLINE : TUX_FAIL; /* -EUSERS */
	reply = tux_bpf_reply_begin(tux_bpf_req(req));
	if (!reply)
		return TUX_FAIL;
	tux_bpf_reply_type(reply, "text/x-calls", 12);
	tux_add_field(req, "X-After", "text/x-after"); /* does not change the type */
	return tux_bpf_reply(reply, 200, text, 15) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(calls, .handle = handle);
