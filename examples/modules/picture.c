/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An image that is made once and sent from memory without a copy. */
#include <string.h>

#include <tux/module.h>

enum { SIDE = 256, HEAD = 54 };

static uint8_t image[HEAD + SIDE * SIDE * 3]; /* a BMP file */

static void put(uint32_t at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		image[at + i] = (uint8_t)(value >> 8 * i);
}

static int load(void)
{
	memcpy(image, "BM", 2);
	put(2, sizeof(image));
	put(10, HEAD);
	put(14, 40);              /* bytes of the second head */
	put(18, SIDE);
	put(22, SIDE);
	put(26, 1 | 24u << 16);   /* a plane of 24 bits for each pixel */
	for (uint32_t i = 0; i < SIDE * SIDE; i++) {
		image[HEAD + 3 * i] = (uint8_t)(i % SIDE);                  /* blue */
		image[HEAD + 3 * i + 1] = (uint8_t)(i / SIDE);              /* green */
		image[HEAD + 3 * i + 2] = (uint8_t)((i % SIDE) ^ (i / SIDE)); /* red */
	}
	return 0;
}

static enum tux_result handle(struct tux_req *req)
{
	if (tux_req_method(req) != TUX_M_GET && tux_req_method(req) != TUX_M_HEAD)
		return TUX_DECLINE;
	tux_add_field(req, "Cache-Control", "max-age=3600");
	return tux_reply_memory(req, 200, "image/bmp", image, sizeof(image), NULL, NULL); /* it stays for ever: nothing to drop */
}

TUX_MODULE(picture, .handle = handle, .load = load);
