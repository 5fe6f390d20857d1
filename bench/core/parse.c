/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses a request N times: parse minimal|browser parse|normalise N. bench/core/run counts the instructions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

static const char minimal[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
static const char browser[] =
	"GET /docs/guide/index.html?lang=en HTTP/1.1\r\nHost: localhost:8080\r\nConnection: keep-alive\r\n"
	"sec-ch-ua: \"Chromium\";v=\"120\", \"Not?A_Brand\";v=\"8\"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\n"
	"Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
	"Chrome/120.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
	"image/apng,*/*;q=0.8\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n"
	"Sec-Fetch-Dest: document\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n";

int main(int argc, char **argv)
{
	static struct tux_request req;
	unsigned long failed = 0;
	const char *head;
	uint32_t len;

	if (argc != 4)
		return 2;
	head = strcmp(argv[1], "minimal") == 0 ? minimal : browser;
	len = (uint32_t)strlen(head);
	for (long n = atol(argv[3]); n > 0; n--) {
		uint8_t path[64];
		uint32_t path_len;

		__asm__ volatile("" : : "r"(head) : "memory"); /* the compiler must not think that it knows the head */
		failed += tux_request_parse((const uint8_t *)head, len, 0, &req) != TUX_PARSED;
		if (strcmp(argv[2], "normalise") == 0)
			failed += tux_target_normalise((const uint8_t *)head + req.path.off, req.path.len, path, &path_len) !=
			          TUX_ACCEPTED;
	}
	return failed != 0;
}
